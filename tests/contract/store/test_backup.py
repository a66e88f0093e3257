"""Backup and restore: from either backend, into either."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Store
from privet.errors import Conflict, PrivetError
from privet.store.copying import load_backup, read_backup_identity
from privet.store.opening import open_store
from privet.store.tables import SCHEMA
from tests.contract.store.conftest import VAULT, Open
from tests.contract.store.rows import T0, Rows
from tests.contract.store.test_log import append, assert_log_holds


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database to restore into."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield str(server.url(name))
    server.drop_database(name)


def open_new(url: str, vault: bytes = VAULT) -> Store:
    return open_store(
        url,
        create=True,
        vault=VaultId(vault),
        worker=WorkerId(os.urandom(16)),
        origin="new",
        clock=lambda: T0,
        randomness=os.urandom,
    )


def test_what_was_backed_up_is_restored(make_store: Open, rows: Rows, tmp_path: Path, target: str) -> None:
    """Every table, and the log goes on where it was."""
    store = make_store()
    row = rows.row()
    record, ledger, index = rows.record(row.subject), rows.ledger(row.subject), rows.index(row.subject)
    entries = sorted(rows.entries(600))
    with store.write() as unit:
        unit.insert_subject(row)
        unit.upsert_record(record)
        unit.append_ledger(ledger)
        unit.insert_indexes([index], unique=True)
        unit.set_catalogue("digest", {("field", "email"): 1})
        unit.set_controls(0, b"paused")
        unit.set_service_note("k", b"v")
        unit.set_import_progress(b"r", b"p")
        unit.append(entries)
    store.sequence()
    store.add_checkpoint(600, "o\n600\nAAAA\n\n— sig\n")
    path = tmp_path / "vault.backup"
    seen: list[tuple[int, int]] = []
    store.backup(str(path), lambda done, total: seen.append((done, total)))
    assert seen
    assert seen[-1][0] == seen[-1][1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir() if "backup" in file.name) == ["vault.backup"]
    assert read_backup_identity(path) == store.identity()
    restored = open_new(target)
    try:
        load_backup(path, restored)
        with restored.read() as unit:
            assert unit.find_rows([row.subject]) == {row.subject: row}
            assert unit.records(row.subject) == [record]
            assert unit.ledger(row.subject) == [ledger]
            assert unit.indexes_of(row.subject) == [index]
            assert unit.state() == (SCHEMA, "digest", b"paused", 1, 1, (1,))
            assert unit.numbers() == {("field", "email"): 1}
            assert unit.find_service_note("k") == b"v"
            assert unit.import_progress(b"r") == b"p"
        assert restored.log.origin() == "example.org/log"
        assert list(restored.log.checkpoints()) == [(600, "o\n600\nAAAA\n\n— sig\n")]
        more = sorted(rows.entries(200))
        append(restored, more)
        assert_log_holds(restored.log, entries + more)
    finally:
        restored.close()


def test_entries_that_wait_in_an_outbox_are_in_the_backup(
    make_store: Open, rows: Rows, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry durable before the backup is in the restored log, sequenced or not."""
    store = make_store()
    entries = sorted(rows.entries(5))
    append(store, entries[:3])
    store.sequence()
    append(store, entries[3:])
    monkeypatch.setattr(type(store), "sequence", lambda self: 0)
    path = tmp_path / "vault.backup"
    store.backup(str(path))
    monkeypatch.undo()
    restored = open_new(target)
    try:
        load_backup(path, restored)
        assert_log_holds(restored.log, entries)
    finally:
        restored.close()


def test_a_backup_never_overwrites(store: Store, tmp_path: Path) -> None:
    """A target that exists is refused and stays as it was; nothing is left beside it."""
    path = tmp_path / "mine"
    path.write_bytes(b"precious")
    with pytest.raises(Conflict):
        store.backup(str(path))
    assert path.read_bytes() == b"precious"
    assert not [file for file in tmp_path.iterdir() if "partial" in file.name]


def test_a_backup_goes_only_into_a_new_vault_of_its_own(store: Store, rows: Rows, tmp_path: Path) -> None:
    """Neither into one that holds something, nor into another vault's."""
    path = tmp_path / "vault.backup"
    store.backup(str(path))
    with pytest.raises(Conflict, match="empty"):
        load_backup(path, store)
    other = open_new(f"sqlite:///{tmp_path / 'other.db'}", b"w" * 16)
    try:
        with pytest.raises(Conflict, match="another vault"):
            load_backup(path, other)
    finally:
        other.close()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_an_unsound_backup_is_refused(store: Store, rows: Rows, tmp_path: Path, damage: str) -> None:
    """Cut short, overwritten within, or empty: one sentence, and nothing is restored of it."""
    append(store, rows.entries(300))
    store.sequence()
    path = tmp_path / "vault.backup"
    store.backup(str(path))
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "noise":
        content[8192:20480] = rows.noise(12288)
    else:
        content = bytearray()
    path.write_bytes(content)
    fresh = open_new(f"sqlite:///{tmp_path / 'fresh.db'}")
    try:
        with pytest.raises(PrivetError):
            load_backup(path, fresh)
        assert fresh.log.size() == 0
        with fresh.read() as unit:
            assert unit.epochs() == []
    finally:
        fresh.close()
