"""A vault on each real store."""

from collections.abc import Iterator
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
def fresh_url(url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a restore goes: SQLite swaps in place, a server's database must be empty."""
    if url.startswith("sqlite"):
        yield url
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)
