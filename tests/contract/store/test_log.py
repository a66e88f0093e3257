"""The log: what was appended is there, in order, provable, and says so when something is missing."""

import threading

import pytest
from sqlalchemy import create_engine, text

from privet.audit.merkle import Frontier, leaf_hash
from privet.audit.tiles import TileReader, tile_root, tiles_of
from privet.domain.ids import EntryId
from privet.domain.ports import EntryRow, LogReader, Store
from privet.errors import Conflict, IntegrityError, PrivetError
from privet.store import sqlite_file
from tests.contract.store.conftest import Open
from tests.contract.store.rows import Rows


def append(store: Store, entries: list[EntryRow]) -> None:
    with store.write() as unit:
        unit.append(entries)


def execute(url: str, statement: str) -> None:
    """Changes the database behind the store's back."""
    if url.startswith("sqlite"):
        connection = sqlite_file.get_driver().connect(url.removeprefix("sqlite:///"))
        connection.execute(statement)
        connection.commit()
        connection.close()
        return
    engine = create_engine(url)
    with engine.begin() as plain:
        plain.execute(text(statement))
    engine.dispose()


class Source:
    """Tiles of a log reader, partial ones made of what stands below."""

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        whole = self._log.read_tile(level, n)
        if whole is not None:
            return whole[: width * 32]
        if level == 0:
            return b"".join(self._log.leaf_hashes(n * 256, n * 256 + width))
        return b"".join(tile_root(self.read_tile(level - 1, i, 256)) for i in range(n * 256, n * 256 + width))


def assert_log_holds(log: LogReader, entries: list[EntryRow]) -> None:
    """Same entries in the same order, and tiles that give the same root as the leaves do."""
    size = log.size()
    logged = list(log.entries(0, size))
    assert [(row.id, row.leaf, row.sealed) for row in logged] == [entry[:3] for entry in entries]
    assert [row.pos for row in logged] == list(range(size))
    expected = Frontier()
    expected.extend(leaf_hash(entry.leaf) for entry in entries)
    found = Frontier()
    found.extend(log.leaf_hashes(0, size))
    assert found == expected
    reader = TileReader(Source(log), size)
    for tile in tiles_of(size):
        reader.read_hashes([(tile.level * 8, tile.n * 256)])


def test_an_empty_log(store: Store) -> None:
    """Nothing in it, and nothing raises."""
    log = store.log
    assert (log.size(), log.lag(), log.origin()) == (0, 0, "example.org/log")
    assert list(log.entries(0, 0)) == []
    assert list(log.entries_newest()) == []
    assert list(log.checkpoints()) == []
    assert log.read_tile(0, 0) is None
    assert log.find_entry(EntryId(b"x" * 16)) is None
    assert store.sequence() == 0


@pytest.mark.parametrize("sizes", [[1], [255, 1], [256], [300, 213], [700, 1, 1, 400]])
def test_entries_come_out_as_they_went_in(store: Store, rows: Rows, sizes: list[int]) -> None:
    """Across tile borders, in one unit or many."""
    made = []
    for size in sizes:
        entries = sorted(rows.entries(size))
        append(store, entries)
        store.sequence()
        made += entries
    assert_log_holds(store.log, made)
    assert store.log.read_tile(0, 0) is None or sum(sizes) >= 256


def test_several_appends_in_one_unit(store: Store, rows: Rows) -> None:
    """A unit may append more than once, and nothing at all."""
    entries = sorted(rows.entries(600))
    with store.write() as unit:
        unit.append([])
        unit.append(entries[:300])
        unit.append(entries[300:])
    assert_log_holds(store.log, entries)


def test_an_undone_unit_leaves_the_log_as_it_was(store: Store, rows: Rows) -> None:
    """After a rollback the next entry takes the place, and the tree is that of what was committed."""
    kept = sorted(rows.entries(400))
    append(store, kept[:300])
    for _ in range(2):
        with pytest.raises(Conflict), store.write() as unit:
            unit.append(rows.entries(250))
            unit.swap_facts(rows.subject(), 1, b"x")
    append(store, kept[300:])
    assert_log_holds(store.log, sorted(kept[:300]) + kept[300:])


def test_two_workers_write_one_log(make_store: Open, rows: Rows) -> None:
    """Each sees the other's entries; no place is taken twice."""
    first, second = make_store(), make_store()
    made = []
    for store in (first, second, second, first):
        entries = sorted(rows.entries(150))
        append(store, entries)
        store.sequence()
        made += entries
    assert_log_holds(first.log, made)
    assert_log_holds(second.log, made)


def test_threads_and_workers_at_once(make_store: Open, rows: Rows) -> None:
    """Everything that was committed is in the log once, whoever sequences."""
    stores = [make_store(), make_store()]
    batches = [[rows.entries(20) for _ in range(8)] for _ in range(4)]
    failures: list[PrivetError] = []

    def work(store: Store, mine: list[list[EntryRow]]) -> None:
        try:
            for entries in mine:
                append(store, entries)
                store.sequence()
        except PrivetError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(stores[n % 2], batches[n])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    logged = list(stores[0].log.entries(0, stores[0].log.size()))
    written = [entry for mine in batches for entries in mine for entry in entries]
    assert sorted(row.id for row in logged) == sorted(entry.id for entry in written)
    by_id = {entry.id: entry for entry in written}
    assert_log_holds(stores[1].log, [by_id[row.id] for row in logged])


def test_newest_first_and_by_tag(store: Store, rows: Rows) -> None:
    """entries_newest goes down from the end, below a position, or along one tag."""
    tag = rows.noise(32)
    entries = [rows.entry(tag if n % 3 == 0 else None) for n in range(1_300)]
    entries.sort()
    append(store, entries)
    log = store.log
    assert [row.pos for row in log.entries_newest()] == list(range(1_299, -1, -1))
    assert [row.pos for row in log.entries_newest(3)] == [2, 1, 0]
    tagged = [pos for pos, entry in enumerate(entries) if entry.tag == tag][::-1]
    assert [row.pos for row in log.entries_newest(tag=tag)] == tagged
    assert [row.pos for row in log.entries_newest(tagged[0], tag=tag)] == tagged[1:]


def test_a_tag_is_found_and_cleared_in_every_block(store: Store, rows: Rows) -> None:
    """Tags are indexed by blocks of 4,096 entries: nobody's entries are missed in an older one, nor kept at erasure."""
    row, tag = rows.row(), rows.noise(32)
    entries = [rows.entry(tag if n in (0, 4_095, 4_096, 9_000) else None) for n in range(9_001)]
    entries.sort()
    append(store, entries)
    hers = [pos for pos, entry in enumerate(entries) if entry.tag == tag][::-1]
    assert store.log.size() == 9_001
    assert [found.pos for found in store.log.entries_newest(tag=tag)] == hers
    with store.write() as unit:
        unit.erase_subject(row.subject, tag)
    assert list(store.log.entries_newest(tag=tag)) == []
    assert all(found.tag is None for found in store.log.entries(hers[-1], hers[-1] + 1))


def test_an_entry_is_found_by_its_id(store: Store, rows: Rows) -> None:
    """All of it comes back, tag and ref included."""
    entries = sorted(rows.entries(3))
    append(store, entries)
    found = store.log.find_entry(entries[1].id)
    assert found is not None
    assert found[:6] == (1, *entries[1])


def test_a_missing_entry_is_named(store: Store, url: str, rows: Rows) -> None:
    """A row deleted behind our back: every reading that would pass over it says which."""
    append(store, rows.entries(20))
    assert store.log.size() == 20
    execute(url, "DELETE FROM entry WHERE pos = 7")
    log = store.log
    with pytest.raises(IntegrityError, match="entry 7 is missing"):
        list(log.entries(0, 20))
    with pytest.raises(IntegrityError, match="entry 7 is missing"):
        list(log.entries_newest())
    with pytest.raises(IntegrityError, match="entry 7 is missing"):
        log.leaf_hashes(0, 20)


def test_checkpoints_are_kept_in_order(store: Store) -> None:
    """By size; the same tree with another signature replaces, another tree of that size is a fork."""
    store.add_checkpoint(5, "o\n5\nBBBB\n\n— sig\n")
    store.add_checkpoint(2, "o\n2\nAAAA\n\n— sig\n")
    store.add_checkpoint(5, "o\n5\nBBBB\n\n— sig\n— witness\n")
    with pytest.raises(IntegrityError, match="forked"):
        store.add_checkpoint(5, "o\n5\nCCCC\n\n— sig\n")
    kept = [(2, "o\n2\nAAAA\n\n— sig\n"), (5, "o\n5\nBBBB\n\n— sig\n— witness\n")]
    assert list(store.log.checkpoints()) == kept


def test_a_restarted_log_has_another_origin(store: Store, rows: Rows) -> None:
    """After a restore entries go on under a new name, and a checkpoint of a size that the old one had is no fork."""
    append(store, rows.entries(2))
    store.add_checkpoint(2, "o\n2\nAAAA\n\n— sig\n")
    store.restart_log("example.org/log/2")
    assert store.log.origin() == "example.org/log/2"
    store.add_checkpoint(2, "example.org/log/2\n2\nDDDD\n\n— sig\n")
    assert store.log.size() == 2


def test_erasure_takes_everything_of_hers_and_nothing_else(store: Store, rows: Rows) -> None:
    """Rows, records, ledger, indexes, tag and ref go; leaves and other people's rows stay."""
    gone, stays = rows.row(), rows.row()
    tags = {row.subject: rows.noise(32) for row in (gone, stays)}
    entries = sorted(rows.entry(tags[row.subject]) for row in (gone, stays, gone))
    kept_index = rows.index(stays.subject)
    with store.write() as unit:
        for row in (gone, stays):
            unit.insert_subject(row)
            unit.upsert_record(rows.record(row.subject))
            unit.append_ledger(rows.ledger(row.subject))
        unit.insert_indexes([rows.index(gone.subject), kept_index], unique=True)
        unit.append(entries)
    assert store.log.size() == 3
    for _ in range(2):  # idempotent
        with store.write() as unit:
            unit.erase_subject(gone.subject, tags[gone.subject])
    with store.read() as unit:
        assert unit.find_rows([gone.subject, stays.subject]) == {stays.subject: stays}
        assert unit.records(gone.subject) == []
        assert unit.ledger(gone.subject) == []
        assert unit.indexes_of(gone.subject) == []
        assert (len(unit.records(stays.subject)), len(unit.ledger(stays.subject))) == (1, 1)
        assert unit.indexes_of(stays.subject) == [kept_index]
    logged = list(store.log.entries(0, 3))
    assert [row.leaf for row in logged] == [entry.leaf for entry in entries]
    for now, entry in zip(logged, entries, strict=True):
        erased = entry.tag == tags[gone.subject]
        assert (now.tag, now.ref) == ((None, None) if erased else (entry.tag, entry.ref))
    assert list(store.log.entries_newest(tag=tags[gone.subject])) == []
    store.checkpoint_files()


def test_tiles_that_are_gone_are_made_again(make_store: Open, url: str, rows: Rows) -> None:
    """A worker that starts without tiles builds on the leaves, and its tree is the same."""
    entries = sorted(rows.entries(600))
    append(make_store(), entries)
    assert make_store().log.size() == 600
    execute(url, "DELETE FROM tile")
    fresh = make_store()
    more = sorted(rows.entries(200))
    append(fresh, more)
    assert_log_holds(fresh.log, entries + more)
