"""The pool, the trips and the limits of connections to PostgreSQL."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Any

import pytest

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import VaultId, WorkerId
from privet.errors import Conflict, PrivetError, Unavailable
from privet.store import outbox as outbox_module
from privet.store import postgresql_sequencer
from privet.store.opening import open_store
from privet.store.postgresql import PostgresqlStore
from privet.store.postgresql_statements import PUT_ONE_OUT, ROW, STATE
from privet.store.wire import BEGIN, Answer, Call, Wire
from tests.contract.store.conftest import VAULT
from tests.contract.store.rows import T0, Rows
from tests.contract.store.test_log import execute

pytestmark = pytest.mark.postgres
LIMITS = DatabaseSettings(pool_size=3, pool_wait_s=0.5, statement_timeout_ms=1_000, lock_timeout_ms=500)

Open = Callable[..., PostgresqlStore]


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Open]:
    """Opens a store with limits of its own; the first makes the vault."""
    with ExitStack() as stack:
        made: list[PostgresqlStore] = []

        def make(limits: DatabaseSettings = LIMITS) -> PostgresqlStore:
            store = open_store(
                postgres_url,
                create=not made,
                vault=VaultId(VAULT),
                worker=WorkerId(os.urandom(16)),
                origin="o",
                clock=lambda: T0,
                randomness=os.urandom,
                database=limits,
            )
            assert isinstance(store, PostgresqlStore)
            stack.callback(store.close)
            if not made:
                with store.write() as unit:
                    unit.open_epoch(1, T0)
            made.append(store)
            return store

        yield make


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many calls each trip had."""
    seen: list[int] = []
    real = Wire.trip

    def trip(self: Wire, calls: Sequence[Call]) -> list[Answer]:
        seen.append(len(calls))
        return real(self, calls)

    monkeypatch.setattr(Wire, "trip", trip)
    return seen


@pytest.mark.parametrize("people", [1, 100])
def test_a_batch_of_reads_is_two_trips(opened: Open, trips: list[int], rows: Rows, people: int) -> None:
    """BEGIN, state and rows; entries and COMMIT. Whatever its size, whoever is there."""
    store = opened()
    with store.write() as unit:
        unit.append([rows.entry()])
    subjects = [rows.subject() for _ in range(people)]
    trips.clear()
    with store.write() as unit:
        unit.expect(lambda: (subjects, ()))
        unit.state()
        assert unit.find_rows(subjects) == {}
        unit.append(rows.entries(people))
    assert len(trips) == 2


def test_statements_are_prepared_once_a_connection(opened: Open, rows: Rows) -> None:
    """Each statement of a read stands prepared in its session, and only once, however often it ran."""
    store = opened(DatabaseSettings(pool_size=1))
    for _ in range(3):
        with store.write() as unit:
            unit.state()
            unit.find_rows([rows.subject()])
            unit.append([rows.entry()])
    with store.reading() as connection:
        prepared = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars().all()
    for statement in (STATE, ROW, PUT_ONE_OUT):
        assert prepared.count(statement.text) == 1


def test_what_was_expected_is_not_what_was_written(opened: Open, rows: Rows) -> None:
    """Rows and look-ups that a unit loaded ahead are loaded anew, or kept up, once it has written."""
    store = opened()
    row, index = rows.row(), rows.index(rows.subject())
    mine = index._replace(subject=row.subject)
    with store.write() as unit:
        unit.expect(lambda: ([row.subject], [index.value]))
        unit.state()
        assert unit.find_rows([row.subject]) == {}
        unit.insert_subject(row)
        unit.insert_indexes([mine], unique=True)
        assert unit.find_subjects([index.value]) == {index.value: (row.subject,)}
        assert unit.find_rows([row.subject])[row.subject] == row
        unit.swap_facts(row.subject, 1, b"new")
        assert unit.find_rows([row.subject])[row.subject].facts == b"new"
        unit.delete_indexes([(index.value, row.subject)])
        assert unit.find_subjects([index.value]) == {}


def test_what_stands_ahead_is_not_taken_for_what_is_locked(opened: Open, rows: Rows) -> None:
    """After her row is locked, it is loaded as it then is."""
    store, other = opened(), opened()
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
    with store.write() as unit:
        unit.expect(lambda: ([row.subject], ()))
        unit.state()
        with other.write() as beside:
            beside.swap_facts(row.subject, 1, b"theirs")
        assert unit.lock_subject(row.subject)
        assert unit.find_rows([row.subject])[row.subject].facts == b"theirs"


def test_a_full_pool_is_waited_for_and_then_refused(opened: Open) -> None:
    """All in use: Unavailable after the time of the settings; one given back is lent again."""
    store = opened()
    with ExitStack() as stack:
        units = [stack.enter_context(store.read()) for _ in range(LIMITS.pool_size)]
        for unit in units:
            unit.count_subjects()
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="in use"), store.read():
            pass
        assert 0.4 < time.monotonic() - begun < 20
    with store.read() as unit:
        assert unit.count_subjects() == 0


def test_no_error_leaks_a_connection(opened: Open, postgres_url: str, rows: Rows) -> None:
    """However units end, the whole pool can be had afterwards, and the server has no more sessions than that."""
    store = opened()
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)

    def lost_swap() -> None:
        with store.write() as unit:
            unit.swap_facts(row.subject, 9, b"x")

    def own_error() -> None:
        with store.write() as unit:
            unit.swap_facts(row.subject, 1, b"x")
            raise KeyError

    def too_slow() -> None:
        with store.reading() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(30)")

    def ended() -> None:
        with store.write() as unit:
            unit.count_subjects()
            execute(
                postgres_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()",
            )
            unit.count_subjects()

    for failing, error in (
        (lost_swap, Conflict),
        (own_error, KeyError),
        (ended, PrivetError),
        (too_slow, Unavailable),
        (ended, PrivetError),
        (lost_swap, Conflict),
    ):
        with pytest.raises(error):
            failing()
    with ExitStack() as stack:
        for _ in range(LIMITS.pool_size):
            stack.enter_context(store.read()).count_subjects()
        with store._engine.connect() as connection:
            sessions = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'privet %%' "
                "AND datname = current_database()"
            ).scalar_one()
        assert sessions <= LIMITS.pool_size + 1
    with store.read() as after:
        assert after.find_rows([row.subject])[row.subject].facts == row.facts


def test_an_old_connection_is_replaced(opened: Open) -> None:
    """None is lent past its lifetime."""
    store = opened(DatabaseSettings(connection_lifetime_s=0))
    with store.write() as unit:
        unit.state()
        first = unit.link  # type: ignore[attr-defined]
    with store.write() as unit:
        unit.state()
        assert unit.link is not first  # type: ignore[attr-defined]


def test_reads_and_writes_go_on_while_the_log_is_sequenced(opened: Open, rows: Rows) -> None:
    """With a sequencer in mid-transaction, the head locked: nobody who reads, writes or logs waits for it."""
    store, other = opened(), opened()
    row = rows.row()
    with store.write() as unit:
        unit.insert_subject(row)
        unit.append(rows.entries(3))
    with store._begun(BEGIN) as link:

        def trip(*calls: Call) -> list[Answer]:
            return link.wire.trip(calls)

        plan = postgresql_sequencer.prepare(trip)
        assert postgresql_sequencer.carry_out(trip, link.connection, plan) == 3
        for worker in (other, store):
            with worker.write() as unit:  # who waited for that lock would fail: it is not let go meanwhile
                unit.state()
                found = unit.find_rows([row.subject])[row.subject]
                unit.swap_facts(row.subject, found.facts_rev, b"x")
                unit.append([rows.entry()])
    assert store.sequence() == 5


def test_who_connects_while_a_stream_begins_anew_finds_nothing_lost(opened: Open, rows: Rows) -> None:
    """Another thread connects, and looks for what was promised, at each step of a stream's end: all is there."""
    store = opened()
    with store.write() as unit:
        unit.append([rows.entry()])
    link = store._pool.take()
    outbox = store._outbox
    looked: list[int] = []

    def look(frame: FrameType, event: str, arg: object) -> Any:
        del arg
        if frame.f_code.co_filename == outbox_module.__file__:
            if event == "line" and frame.f_code.co_name in ("abandon", "_begin"):
                sys.settrace(None)
                outbox.verify_kept(link.wire)
                looked.append(frame.f_lineno)
                sys.settrace(look)
            return look
        return None

    outbox.hold()
    traced = sys.gettrace()
    sys.settrace(look)
    try:
        outbox.abandon()
    finally:
        sys.settrace(traced)
    assert len(looked) > 3
    store._pool.give_back(link)
    with store.write() as unit:
        unit.append([rows.entry()])


def test_who_connects_while_a_stream_is_taken_off_the_list_finds_nothing_lost(
    opened: Open, rows: Rows
) -> None:
    """As a worker ends, its stream goes before its last reads have: a connection made then is no fallen server's."""
    store = opened()
    with store.write() as unit:
        unit.append([rows.entry()])
    with store._outbox.leaving() as retire:
        assert retire is not None
        store.sequence()
        store.retried(lambda link: link.wire.trip([retire]))
        store._pool.drop_idle()
        with store.read() as unit:
            unit.state()
    with store.write() as unit:
        unit.append([rows.entry()])
