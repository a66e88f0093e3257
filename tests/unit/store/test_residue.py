"""After erasure: the bytes of what was deleted are in none of the vault's files."""

import threading
import time
from pathlib import Path

import pytest

from privet.domain.ids import SubjectId
from privet.domain.ports import Store
from privet.errors import Unavailable
from privet.store import sqlite
from tests.contract.store.rows import T0, Rows


def occurrences(folder: Path, needle: bytes) -> int:
    """How often a byte string stands in any file of the vault, the write-ahead log included."""
    return sum(file.read_bytes().count(needle) for file in folder.iterdir() if file.is_file())


def enrol(store: Store, rows: Rows) -> tuple[SubjectId, bytes, list[bytes]]:
    """A subject with something of everything; her id, tag and the byte strings that must go."""
    row, tag = rows.row(), rows.noise(32)
    record, ledger, index = rows.record(row.subject), rows.ledger(row.subject), rows.index(row.subject)
    entry = rows.entry(tag)
    with store.write() as unit:
        unit.insert_subject(row)
        unit.upsert_record(record)
        unit.append_ledger(ledger)
        unit.insert_indexes([index], unique=True)
        unit.append([entry])
    return row.subject, tag, [
        row.keys, row.facts, row.fields, record.fields, ledger.sealed, index.value, tag, entry.ref
    ]  # fmt: skip


def test_nothing_deleted_stays_in_the_files(store: Store, path: Path, rows: Rows) -> None:
    """Keys, facts, fields, records, ledger, index, tag and ref; old versions of them too."""
    people = [enrol(store, rows) for _ in range(60)]
    subject, tag, needles = people[30]
    with store.write() as unit:
        unit.swap_facts(subject, 1, newer := rows.noise(3_000))
        unit.open_epoch(2, T0)
        unit.swap_keys(subject, 1, 2, rewrapped := rows.noise(85))
    needles += [newer[:64], rewrapped]
    people += [enrol(store, rows) for _ in range(60)]
    with store.write() as unit:
        unit.erase_subject(subject, tag)
    assert sum(occurrences(path.parent, needle) for needle in needles) > 0, "the write-ahead log held nothing"
    store.checkpoint_files()
    assert [occurrences(path.parent, needle) for needle in needles] == [0] * len(needles)
    assert occurrences(path.parent, people[31][2][0]) == 1


def test_a_reader_holds_the_fold_back_and_is_waited_for(
    store: Store, path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a reader needs the write-ahead log the fold says so; once it is gone, it is done."""
    monkeypatch.setattr(sqlite, "_TRUNCATE_S", 0.1)
    subject, tag, needles = enrol(store, rows)
    with store.read() as reader:
        reader.state()
        with store.write() as unit:
            unit.erase_subject(subject, tag)
        with pytest.raises(Unavailable, match="try again"):
            store.checkpoint_files()
    store.checkpoint_files()
    assert sum(occurrences(path.parent, needle) for needle in needles) == 0


def test_who_waits_for_a_reader_lets_others_write(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long read, such as a backup, keeps the fold of an erasure waiting; every read of the vault writes meanwhile."""
    monkeypatch.setattr(sqlite, "_TRUNCATE_S", 60.0)
    folding = threading.Thread(target=store.checkpoint_files)
    with store.read() as reader:
        reader.state()
        enrol(store, rows)
        begun = time.monotonic()
        folding.start()
        for _ in range(4):
            time.sleep(0.05)
            enrol(store, rows)
        assert time.monotonic() - begun < 10
        assert folding.is_alive()
    folding.join(60)
    assert not folding.is_alive()
