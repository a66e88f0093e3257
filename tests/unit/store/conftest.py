"""A SQLite vault in a directory of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Store
from privet.store.opening import open_store
from tests.contract.store.rows import T0, Rows

Open = Callable[..., Store]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the vault's file is, or will be."""
    return tmp_path / "vault.db"


@pytest.fixture
def open_sqlite() -> Iterator[Open]:
    """open_sqlite(path, create=…): whatever it opened is closed when the test ends."""
    opened: list[Store] = []

    def make(path: Path, *, create: bool = False) -> Store:
        store = open_store(
            f"sqlite:///{path}",
            create=create,
            vault=VaultId(b"v" * 16),
            worker=WorkerId(os.urandom(16)),
            origin="example.org/log",
            clock=lambda: T0,
            randomness=os.urandom,
        )
        opened.append(store)
        if create:
            with store.write() as unit:
                unit.open_epoch(1, T0)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(path: Path, open_sqlite: Open) -> Store:
    return open_sqlite(path, create=True)


@pytest.fixture
def rows() -> Rows:
    return Rows()
