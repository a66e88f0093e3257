"""Both real stores, by one name: `make_store()` opens another on the same database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Store
from privet.store.opening import open_store
from tests.contract.store.rows import T0, Rows

VAULT = VaultId(b"v" * 16)
Open = Callable[[], Store]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, or may be made."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'vault.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def make_store(url: str) -> Iterator[Open]:
    """Opens the store; the first call creates it, with epoch 1 open. Each call is a worker of its own."""
    opened: list[Store] = []

    def make() -> Store:
        first = not opened
        store = open_store(
            url,
            create=first,
            vault=VAULT,
            worker=WorkerId(os.urandom(16)),
            origin="example.org/log",
            clock=lambda: T0,
            randomness=os.urandom,
        )
        opened.append(store)
        if first:
            with store.write() as unit:
                unit.open_epoch(1, T0)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Open) -> Store:
    """A new store with epoch 1 open."""
    return make_store()


@pytest.fixture
def rows() -> Rows:
    return Rows()
