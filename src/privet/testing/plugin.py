"""A pytest plugin: `fake_vault`, fresh for each test. In conftest.py: pytest_plugins = ["privet.testing.plugin"].

The catalogue is named once, by `privet_catalogue` in the pytest section of pyproject.toml or pytest.ini, from there.
Refuses to guess one: without it the fixture says so.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from privet.testing.fake import FakeVault


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option."""
    parser.addini("privet_catalogue", "path of the catalogue for fake_vault, from the root of the tests")


@pytest.fixture
def fake_vault(pytestconfig: pytest.Config) -> Iterator["FakeVault"]:
    """A vault in memory with the catalogue of `privet_catalogue`, and nobody in it."""
    from privet.testing.fake import FakeVault

    named = pytestconfig.getini("privet_catalogue")
    if not named:
        pytest.fail(
            "name the catalogue: privet_catalogue = path/to/catalogue, in the configuration of pytest"
        )
    with FakeVault(Path(pytestconfig.rootpath) / str(named)) as vault:
        yield vault
