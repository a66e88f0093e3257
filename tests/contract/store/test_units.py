"""Units of work: what is written is there, what failed is not."""

import threading

import pytest

from privet.domain.ports import Store
from privet.errors import Conflict, PrivetError, Unavailable
from privet.store.opening import upgrade_store
from privet.store.tables import SCHEMA
from tests.contract.store.conftest import Open
from tests.contract.store.rows import T0, Rows
from tests.contract.store.test_log import execute


def test_a_conflict_undoes_the_whole_unit(store: Store, rows: Rows) -> None:
    """What a unit did before its compare-and-swap was lost is not there afterwards."""
    row = rows.row()
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_subject(row)
        unit.append(rows.entries(3))
        unit.swap_facts(row.subject, 2, b"new")
    with store.read() as unit:
        assert unit.find_rows([row.subject]) == {}
    assert store.log.size() == 0


def test_a_swallowed_conflict_still_undoes_the_unit(store: Store, rows: Rows) -> None:
    """A caller who catches the Conflict inside the unit, where it comes at the latest when something is read, cannot
    commit the rest."""
    row = rows.row()
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_subject(row)
        with pytest.raises(Conflict):
            unit.swap_fields(row.subject, 9, b"new")
            unit.count_subjects()
    with store.read() as unit:
        assert unit.count_subjects() == 0


def test_a_callers_own_error_passes_through_and_undoes(store: Store, rows: Rows) -> None:
    """An exception of the caller is not dressed up as the database's."""
    with pytest.raises(ZeroDivisionError), store.write() as unit:
        unit.append(rows.entries(1))
        _ = 1 // 0
    assert store.log.size() == 0


def test_a_subject_is_inserted_once(store: Store, rows: Rows) -> None:
    """A second row for a subject is a Conflict, and the first stays."""
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_subject(row._replace(facts=b"other"))
    with store.read() as unit:
        assert unit.find_rows([row.subject]) == {row.subject: row}


@pytest.mark.parametrize("count", [1, 2, 3, 100, 600])
def test_rows_are_found_in_any_number(store: Store, rows: Rows, count: int) -> None:
    """find_rows gives each that exists once, whatever the length of the list, and nothing for the others."""
    made = [rows.row() for _ in range(count)]
    with store.write() as unit:
        for row in made:
            unit.insert_subject(row)
    wanted = [row.subject for row in made] + [rows.subject()]
    with store.read() as unit:
        assert unit.find_rows(wanted) == {row.subject: row for row in made}
        assert unit.find_rows([]) == {}


def test_each_column_swaps_by_its_own_revision(store: Store, rows: Rows) -> None:
    """A swap of one column raises its revision by one and leaves the others."""
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
        unit.swap_facts(row.subject, 1, b"facts2")
        unit.swap_fields(row.subject, 1, b"fields2")
        unit.swap_fields(row.subject, 2, b"fields3")
        unit.swap_keys(row.subject, 1, 1, b"keys2")
    with store.read() as unit:
        found = unit.find_rows([row.subject])[row.subject]
    assert found == row._replace(
        facts=b"facts2", facts_rev=2, fields=b"fields3", fields_rev=3, keys=b"keys2", keys_rev=2
    )


def test_of_two_swaps_one_wins(make_store: Open, rows: Rows) -> None:
    """Two workers that saw the same revision: one Conflict, one success."""
    first, second = make_store(), make_store()
    row = rows.row()
    with first.write() as unit:
        unit.insert_subject(row)
    outcomes: list[str] = []

    def swap(store: Store, value: bytes) -> None:
        try:
            with store.write() as unit:
                unit.swap_facts(row.subject, 1, value)
            outcomes.append("won")
        except Conflict:
            outcomes.append("lost")

    threads = [threading.Thread(target=swap, args=(store, b"x")) for store in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "won"]


def test_a_unique_lookup_belongs_to_one_subject(store: Store, rows: Rows) -> None:
    """Another subject under a unique value is a Conflict; the same row again is not."""
    one, other = rows.row(), rows.row()
    index = rows.index(one.subject)
    with store.write() as unit:
        unit.insert_subject(one)
        unit.insert_subject(other)
        unit.insert_indexes([index], unique=True)
    with store.write() as unit:
        unit.insert_indexes([index], unique=True)
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_indexes([index._replace(subject=other.subject)], unique=True)
    with store.read() as unit:
        assert unit.find_subjects([index.value]) == {index.value: (one.subject,)}
        assert unit.indexes_of(one.subject) == [index]
        assert unit.indexes_of(other.subject) == []


def test_a_shared_lookup_lists_all_its_subjects(store: Store, rows: Rows) -> None:
    """Shared values keep every subject; a value nobody has is absent."""
    one, other = sorted([rows.subject(), rows.subject()])
    value = rows.noise(32)
    with store.write() as unit:
        unit.insert_indexes([rows.index(one, value=value), rows.index(other, value=value)], unique=False)
    with store.read() as unit:
        found = unit.find_subjects([value, rows.noise(32)])
        assert {key: sorted(subjects) for key, subjects in found.items()} == {value: [one, other]}
    with store.write() as unit:
        unit.delete_indexes([(value, one)])
    with store.read() as unit:
        assert unit.find_subjects([value]) == {value: (other,)}


def test_indexes_of_an_epoch_go_together(store: Store, rows: Rows) -> None:
    """delete_epoch_indexes removes those of that epoch and tells how many."""
    subject = rows.subject()
    with store.write() as unit:
        unit.open_epoch(2, T0)
        unit.insert_indexes([rows.index(subject), rows.index(subject)], unique=True)
        unit.insert_indexes([rows.index(subject, epoch=2)], unique=True)
    with store.write() as unit:
        assert unit.delete_epoch_indexes(1) == 2
        assert [row.epoch for row in unit.indexes_of(subject)] == [2]


def test_records_come_newest_first_and_a_limit_splits_no_day(store: Store, rows: Rows) -> None:
    """Order by coarse time, bounds inclusive, and a limit that keeps the whole of its last day."""
    subject, neighbour = rows.subject(), rows.subject()
    days = [10, 30, 20, 20, 20, 40]
    with store.write() as unit:
        unit.insert_subject(rows.row(subject))
        unit.insert_subject(rows.row(neighbour))
        for day in days:
            assert unit.upsert_record(rows.record(subject, coarse=day)) is True
        unit.upsert_record(rows.record(subject, collection=8, coarse=25))
        unit.upsert_record(rows.record(neighbour, coarse=25))
    with store.read() as reader:

        def seen(**asked: int) -> list[int]:
            return [row.coarse for row in reader.records(subject, 7, **asked)]

        assert seen() == [40, 30, 20, 20, 20, 10]
        assert seen(limit=3) == [40, 30, 20, 20, 20]
        assert seen(limit=2) == [40, 30]
        assert seen(since=20, until=30) == [30, 20, 20, 20]
        assert [row.coarse for row in reader.records(subject)] == [40, 30, 25, 20, 20, 20, 10]


def test_no_record_outlives_its_subject(store: Store, rows: Rows) -> None:
    """Where units run side by side, a record of somebody who is not there is a Conflict; SQLite has one pen."""
    if store.backend == "sqlite":
        pytest.skip("a unit that has loaded her row is the only writer")
    with pytest.raises(Conflict), store.write() as unit:
        unit.upsert_record(rows.record(rows.subject()))


def test_lock_subject_says_whether_she_is_there(store: Store, rows: Rows) -> None:
    """True for a row, False for nobody."""
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
        assert unit.lock_subject(row.subject)
        assert not unit.lock_subject(rows.subject())


def test_a_record_is_replaced_only_by_its_next_revision(store: Store, rows: Rows) -> None:
    """upsert_record is a compare-and-swap on the record's revision."""
    record = rows.record(rows.subject())
    with store.write() as unit:
        unit.insert_subject(rows.row(record.subject))
        assert unit.upsert_record(record) is True
        assert unit.upsert_record(record._replace(revision=2, fields=b"second")) is False
    with pytest.raises(Conflict), store.write() as unit:
        unit.upsert_record(record._replace(revision=2, fields=b"again"))
    with store.write() as unit:
        found = unit.find_record(record.subject, record.collection, record.record)
        assert found == record._replace(revision=2, fields=b"second")
        unit.delete_record(record.subject, record.collection, record.record)
        assert unit.find_record(record.subject, record.collection, record.record) is None


def test_the_consent_ledger_only_grows(store: Store, rows: Rows) -> None:
    """Entries come back in order; a number that is taken is a Conflict."""
    subject = rows.subject()
    entries = [rows.ledger(subject, seq) for seq in (1, 2, 3)]
    with store.write() as unit:
        for entry in entries:
            unit.append_ledger(entry)
    with pytest.raises(Conflict), store.write() as unit:
        unit.append_ledger(rows.ledger(subject, 3))
    with store.read() as unit:
        assert unit.ledger(subject) == entries


def test_sweeps_go_through_subjects_in_order(store: Store, rows: Rows) -> None:
    """subjects_after pages by subject id; an epoch narrows it."""
    with store.write() as unit:
        unit.open_epoch(2, T0)
        made = [rows.row(epoch=1 + n % 2) for n in range(10)]
        for row in made:
            unit.insert_subject(row)
    ordered = sorted(made)
    with store.read() as unit:
        assert unit.subjects_after(None, 4) == ordered[:4]
        assert unit.subjects_after(ordered[3].subject, 99) == ordered[4:]
        assert unit.subjects_after(None, 99, epoch=2) == [row for row in ordered if row.epoch == 2]
        assert (unit.count_subjects(), unit.count_subjects(epoch=2)) == (10, 5)


def test_state_tells_controls_catalogue_and_epochs(store: Store) -> None:
    """What a batch must know comes from the transaction it is asked in."""
    with store.write() as unit:
        assert unit.state() == (SCHEMA, "", b"", 0, 1, (1,))
        unit.open_epoch(2, T0)
        unit.set_epoch(1, "closing")
        unit.set_controls(0, b"sealed")
        unit.set_catalogue("digest", {("field", "email"): 1})
        assert unit.state() == (SCHEMA, "digest", b"sealed", 1, 2, (1, 2))
        unit.set_epoch(1, "destroyed")
    with store.read() as unit:
        assert unit.state() == (SCHEMA, "digest", b"sealed", 1, 2, (2,))
        assert unit.epochs() == [(1, "destroyed", T0), (2, "open", T0)]


def test_controls_swap_by_revision(store: Store) -> None:
    """Two officers who saw the same controls: the second is told."""
    with store.write() as unit:
        unit.set_controls(0, b"one")
    with pytest.raises(Conflict), store.write() as unit:
        unit.set_controls(0, b"two")


def test_catalogue_numbers_are_permanent(store: Store) -> None:
    """A name never gets another number, and names that left the catalogue keep theirs."""
    with store.write() as unit:
        unit.set_catalogue("a", {("field", "email"): 1, ("purpose", "email"): 1})
        unit.set_catalogue("b", {("field", "phone"): 2})
    with pytest.raises(Conflict), store.write() as unit:
        unit.set_catalogue("c", {("field", "email"): 3})
    with store.read() as unit:
        assert unit.numbers() == {("field", "email"): 1, ("purpose", "email"): 1, ("field", "phone"): 2}


def test_notes_and_import_progress_are_replaced(store: Store) -> None:
    """Small values by key: absent, put, put again."""
    with store.write() as unit:
        assert unit.find_service_note("k") is None
        assert unit.import_progress(b"r") is None
        for value in (b"1", b"2"):
            unit.set_service_note("k", value)
            unit.set_import_progress(b"r", value)
        assert (unit.find_service_note("k"), unit.import_progress(b"r")) == (b"2", b"2")


@pytest.mark.parametrize("state", ["closing", "destroyed"])
def test_no_key_is_made_under_an_epoch_that_is_not_open(store: Store, rows: Rows, state: str) -> None:
    """Neither a new subject nor a rewrap may name a closed epoch; nor may one that does not exist."""
    row = rows.row()
    with store.write() as unit:
        unit.open_epoch(2, T0)
        unit.insert_subject(row._replace(epoch=2))
        unit.set_epoch(1, "closing")
        if state == "destroyed":
            unit.set_epoch(1, "destroyed")
    for epoch in (1, 9):
        with pytest.raises(Conflict), store.write() as unit:
            unit.insert_subject(rows.row(epoch=epoch))
        with pytest.raises(Conflict), store.write() as unit:
            unit.swap_keys(row.subject, 1, epoch, b"k")


def test_an_epoch_that_subjects_name_is_not_destroyed(store: Store, rows: Rows) -> None:
    """The last subject must be rewrapped first; and an epoch never opens again."""
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
        unit.open_epoch(2, T0)
        unit.set_epoch(1, "closing")
    with pytest.raises(Conflict), store.write() as unit:
        unit.set_epoch(1, "destroyed")
    with store.write() as unit:
        unit.swap_keys(row.subject, 1, 2, b"k")
        unit.set_epoch(1, "destroyed")
    for state in ("open", "closing"):
        with pytest.raises(Conflict), store.write() as unit:
            unit.set_epoch(1, state)


def test_an_index_under_a_destroyed_epoch_is_refused(store: Store, rows: Rows) -> None:
    """While two epochs live writers may insert under both; not once one is gone."""
    subject = rows.subject()
    with store.write() as unit:
        unit.open_epoch(2, T0)
        unit.set_epoch(1, "closing")
        unit.insert_indexes([rows.index(subject)], unique=True)
        unit.set_epoch(1, "destroyed")
    with pytest.raises(Conflict), store.write() as unit:
        unit.insert_indexes([rows.index(subject)], unique=True)


def test_a_read_sees_one_moment(make_store: Open, rows: Rows) -> None:
    """SQLite: a read unit sees one snapshot. PostgreSQL: each statement sees what is committed, from the primary."""
    store, other = make_store(), make_store()
    row = rows.row()
    with store.read() as unit:
        unit.state()
        with other.write() as writing:
            writing.insert_subject(row)
        seen = unit.find_rows([row.subject])
    assert seen == ({} if store.backend == "sqlite" else {row.subject: row})


def test_a_closed_store_says_so(store: Store) -> None:
    """After close, one sentence; closing again is nothing."""
    store.close()
    store.close()
    with pytest.raises(PrivetError, match="closed"), store.read():
        pass
    with pytest.raises(PrivetError, match="closed"), store.write():
        pass


def test_an_upgrade_brings_an_older_schema_up(make_store: Open, url: str) -> None:
    """From an older schema to ours, once; a vault of our schema is left as it is, a newer one is refused."""
    make_store().close()
    assert upgrade_store(url) == (SCHEMA, SCHEMA)
    for statement in (
        "DROP TABLE ticket",
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE vault SET schema = 1",
    ):
        execute(url, statement)
    with pytest.raises(Unavailable, match="privet upgrade"):
        make_store()
    assert upgrade_store(url) == (1, SCHEMA)
    with make_store().read() as unit:
        assert unit.find_ticket(bytes(32)) is None
    execute(url, "UPDATE vault SET schema = 9")
    with pytest.raises(Unavailable, match="upgrade Privet"):
        upgrade_store(url)
