"""`house`: one real server for the tests of a file. `shop`: a vault with a lane to it, in process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.testing import make_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES
from tests.contract.http.house import House, serve_house
from tests.contract.http.shop import WAYS, Shop


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


@pytest.fixture(params=WAYS, ids="-".join)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A shop on each database, its lane in each way."""
    backend, mode = request.param
    url = request.getfixturevalue("postgres_url") if backend == "postgresql" else None
    with make_vault(tmp_path / "shop.privet", CATALOGUE, NOTICES, database_url=url) as vault:
        yield Shop(vault, mode)


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Iterator[Shop]:
    """One, for what does not hang on the database."""
    with make_vault(tmp_path / "shop.privet", CATALOGUE, NOTICES) as vault:
        yield Shop(vault, "loop")
