"""`house`: one real server for the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.http.house import House, serve_house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Served from SQLite; every test makes its own people."""
    with serve_house(tmp_path_factory.mktemp("served") / "vault") as found:
        yield found


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """For one test, which may pause and erase in it as it likes."""
    with serve_house(tmp_path / "vault") as found:
        yield found
