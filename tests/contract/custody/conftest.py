"""A vault on each real store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.custody.world import World


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the vault's database is made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'vault' / 'vault.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def world(url: str, tmp_path: Path) -> Iterator[World]:
    """A new vault."""
    made = World.create(tmp_path / "vault", url)
    yield made
    made.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[World]:
    """A new vault on SQLite, for what only a file can do."""
    made = World.create(tmp_path / "vault")
    yield made
    made.close()


@pytest.fixture
def make_fresh_url(url: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Where restores go: SQLite swaps in place, a server's database must be empty each time."""
    if url.startswith("sqlite"):
        yield lambda: url
        return
    server = request.getfixturevalue("postgres_server")
    names: list[str] = []

    def make() -> str:
        names.append(server.create_database())
        return str(server.url(names[-1]))

    yield make
    for name in names:
        server.drop_database(name)


@pytest.fixture
def fresh_url(make_fresh_url: Callable[[], str]) -> str:
    """One of them."""
    return make_fresh_url()
