"""What only the outbox, the sequencer and a server can get wrong. Real PostgreSQL, real crashes."""

import os
import threading
import time
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import postgresql

from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import EntryRow, Store
from privet.errors import Conflict, IntegrityError, StoreGone, Unavailable
from privet.store import log_reader, postgresql_sequencer, postgresql_statements, sequencer
from privet.store.opening import open_store
from privet.store.pool import Link
from privet.store.postgresql import PostgresqlStore
from privet.store.wire import BEGIN, COMMIT, Answer, Call, Statement, Wire
from privet.store.wire_types import BYTES, INT
from tests.contract.store.conftest import VAULT, Open
from tests.contract.store.rows import T0, Rows
from tests.contract.store.test_log import append, assert_log_holds, execute
from tests.services.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def backend() -> str:
    """PostgreSQL only."""
    return "postgresql"


@pytest.fixture
def store(make_store: Open) -> PostgresqlStore:
    made = make_store()
    assert isinstance(made, PostgresqlStore)
    return made


def open_at(url: str, *, create: bool = False) -> Store:
    return open_store(
        url,
        create=create,
        vault=VaultId(VAULT),
        worker=WorkerId(os.urandom(16)),
        origin="o",
        clock=lambda: T0,
        randomness=os.urandom,
    )


def test_what_waits_is_the_lag(store: PostgresqlStore, rows: Rows) -> None:
    """Durable and not yet sequenced: counted by lag, moved by sequence, once."""
    append(store, rows.entries(5))
    assert store.log.lag() == 5
    assert store.sequence() == 5
    assert (store.log.lag(), store.sequence(), store.log.size()) == (0, 0, 5)


def test_a_sequencer_ends_while_entries_go_on_coming(store: PostgresqlStore, rows: Rows) -> None:
    """It takes what was there when it was called; under load it would otherwise never end."""
    append(store, rows.entries(1))
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            append(store, rows.entries(1))

    crowd = [threading.Thread(target=go_on) for _ in range(3)]
    for one in crowd:
        one.start()
    calling = threading.Thread(target=store.sequence, daemon=True)
    calling.start()
    calling.join(20)
    ended = not calling.is_alive()
    stop.set()
    for one in [*crowd, calling]:
        one.join()
    assert ended


def test_more_than_a_transaction_takes_is_taken(
    store: PostgresqlStore, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many transactions as it needs."""
    monkeypatch.setattr(sequencer, "BATCH", 4)
    monkeypatch.setattr(postgresql_sequencer, "BATCH", 4)
    append(store, rows.entries(10))
    assert store.sequence() == 10
    assert store.log.lag() == 0


def test_a_worker_that_ends_in_order_leaves_nothing_to_look_at(
    store: PostgresqlStore, url: str, rows: Rows
) -> None:
    """Its entries are in the log, and its stream is off the list; one that was killed stays, and is taken by others."""
    killed = open_at(url)
    append(killed, rows.entries(2))
    ended = open_at(url)
    append(ended, rows.entries(3))
    ended.close()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM stream").fetchone() == (1,)
        assert connection.execute("SELECT size FROM head").fetchone() == (5,)
    append(killed, rows.entries(1))
    assert store.sequence() == 1
    killed.close()


def test_what_is_committed_while_a_worker_ends_reaches_the_log(
    store: PostgresqlStore, url: str, rows: Rows
) -> None:
    """A unit that was open when its store was closed commits into a stream that the sequencer knows of."""
    ending = open_at(url)
    append(ending, rows.entries(2))
    late = rows.entries(1)
    with ending.write() as unit:
        unit.state()
        unit.append(late)
        ending.close()
    assert store.sequence() == 1
    logged = {row.id for row in store.log.entries(0, store.log.size())}
    assert late[0].id in logged
    assert len(logged) == 3


def test_ending_does_not_wait_for_a_server_that_is_gone(rows: Rows) -> None:
    """Nor is anything lost: what it committed is taken into the log when the server is back."""
    with PostgresServer() as server:
        url = server.url(server.create_database())
        first = open_at(url, create=True)
        append(first, rows.entries(2))
        server.kill()
        begun = time.monotonic()
        first.close()
        assert time.monotonic() - begun < 10
        server.start()
        again = open_at(url)
        assert again.sequence() == 2
        again.close()


def test_what_was_taken_is_not_looked_at_again(store: PostgresqlStore, url: str, rows: Rows) -> None:
    """Whether anything waits, what, and how much, is found by the key: dead rows of the outbox are not walked over."""
    append(store, rows.entries(2_000))
    store.sequence()
    execute(url, "ANALYZE outbox, stream")
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # it has no types
    lag = str(log_reader._WAITING.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for text_of in (
            postgresql_statements.ANYTHING_WAITS.text,
            postgresql_statements.STREAMS.text,
            lag,
        ):
            rows_of_plan = connection.execute(f"EXPLAIN {text_of}".encode()).fetchall()
            plan = "\n".join(row[0] for row in rows_of_plan)
            assert "Seq Scan on outbox" not in plan
            assert "outbox_pkey" in plan
            assert "SubPlan" in plan  # stream by stream: a join reads all of the outbox


def test_two_sequencers_on_one_head_never_fork(
    store: PostgresqlStore, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even without the lock: of two plans on one head, the second finds that it was overtaken and does nothing."""
    append(store, rows.entries(5))
    unlocked = Statement("SELECT size, root, frontier FROM head", (), (INT, BYTES, BYTES))
    monkeypatch.setattr(postgresql_statements, "LOCK_HEAD", unlocked)
    with store._begun(BEGIN) as late:

        def trip(*calls: Call) -> list[Answer]:
            return late.wire.trip(calls)

        plan = postgresql_sequencer.prepare(trip)
        assert len(plan.entries) == 5
        assert store.sequence() == 5
        append(store, rows.entries(3))
        assert store.sequence() == 3
        with pytest.raises(Conflict):
            postgresql_sequencer.carry_out(trip, late.connection, plan)
    logged = list(store.log.entries(0, store.log.size()))
    assert len({row.id for row in logged}) == 8


def test_an_altered_outbox_entry_stops_its_stream(store: PostgresqlStore, url: str, rows: Rows) -> None:
    """What stands before it goes in; it and what follows do not, and it is said."""
    entries = rows.entries(5)
    append(store, entries)
    execute(url, "UPDATE outbox SET leaf = 'forged' WHERE seq = 3")
    with pytest.raises(IntegrityError, match="chained"):
        store.sequence()
    with pytest.raises(IntegrityError, match="chained"):
        store.log.size()
    assert {row.id for row in store.log.entries(0, 3)} == {entry.id for entry in entries[:3]}
    assert store.log.lag() == 2


def test_a_gap_holds_back_what_follows_it(store: PostgresqlStore, url: str, rows: Rows) -> None:
    """Only the contiguous prefix is taken; the lag shows the rest, and other streams go on."""
    append(store, rows.entries(5))
    execute(url, "DELETE FROM outbox WHERE seq = 2")
    other = open_at(url)
    try:
        append(other, rows.entries(2))
        assert other.sequence() == 4
        assert other.log.lag() == 2
    finally:
        other.close()


def test_an_entry_that_arrives_after_an_erasure_leads_nowhere(
    store: PostgresqlStore, url: str, rows: Rows
) -> None:
    """Entries in an outbox while, or written after, their subject is erased: leaf kept, tag and ref gone."""
    tag = rows.noise(32)
    waiting, late, last = sorted(rows.entry(tag) for _ in range(3))
    append(store, [waiting])
    other = open_at(url)
    try:
        with store.write() as unit:
            unit.erase_subject(rows.subject(), tag)
        assert other.sequence() == 1
        append(other, [late])
        append(store, [last])
        assert store.sequence() == 2
        logged = list(other.log.entries(0, 3))
        assert {row.id for row in logged} == {waiting.id, late.id, last.id}
        assert {(row.tag, row.ref) for row in logged} == {(None, None)}
    finally:
        other.close()


def test_a_connection_lost_before_the_commit_releases_nothing(
    store: PostgresqlStore, url: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends our connection between insert and COMMIT: Unavailable, a new stream, and the store goes on."""
    real = Wire.trip
    before = store._outbox.stream

    def write_then_lose(self: Wire, calls: Sequence[Call]) -> list[Answer]:
        if calls[-1] is not COMMIT:
            return real(self, calls)
        real(self, calls[:-1])
        execute(url, f"SELECT pg_terminate_backend({self._pg.backend_pid})")
        return real(self, [COMMIT])

    monkeypatch.setattr(Wire, "trip", write_then_lose)
    with pytest.raises(StoreGone) as caught:
        append(store, rows.entries(1))
    assert not caught.value.undone
    monkeypatch.undo()
    assert store._outbox.stream != before
    entries = rows.entries(2)
    append(store, entries)
    assert_log_holds(store.log, sorted(entries))


def test_an_answer_lost_after_the_commit_starts_a_new_stream(
    store: PostgresqlStore, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit happened and nobody heard: the caller must not release, yet the log may have the entry."""
    real = Wire.trip
    before = store._outbox.stream

    def commit_unheard(self: Wire, calls: Sequence[Call]) -> list[Answer]:
        answers = real(self, calls)
        if calls[-1] is COMMIT:
            raise psycopg.OperationalError("lost")
        return answers

    first, then = sorted(rows.entries(2))
    monkeypatch.setattr(Wire, "trip", commit_unheard)
    with pytest.raises(Unavailable):
        append(store, [first])
    monkeypatch.undo()
    assert store._outbox.stream != before
    append(store, [then])
    assert_log_holds(store.log, [first, then])


def test_a_refused_commit_keeps_the_stream_dense(store: PostgresqlStore, rows: Rows) -> None:
    """A unit that fails after it appended leaves no gap: the next one follows on."""
    append(store, rows.entries(1))
    before = store._outbox.stream
    with pytest.raises(Conflict), store.write() as unit:
        unit.append(rows.entries(2))
        unit.swap_fields(rows.subject(), 1, b"")
    append(store, rows.entries(1))
    assert store._outbox.stream == before
    assert store.sequence() == 2


def test_a_damaged_head_is_not_built_upon(store: PostgresqlStore, url: str, rows: Rows) -> None:
    """A head whose parts contradict each other stops the sequencer."""
    append(store, rows.entries(3))
    store.sequence()
    append(store, rows.entries(1))
    execute(url, "UPDATE head SET size = 2")
    with pytest.raises(IntegrityError, match="head"):
        store.sequence()


@pytest.mark.parametrize("made_of", ["nothing", "foreign"])
def test_a_database_that_is_no_vault(postgres_url: str, made_of: str) -> None:
    """An empty or foreign database is refused with one sentence and left as it was."""
    if made_of == "foreign":
        execute(postgres_url, "CREATE TABLE customers (id int)")
    with pytest.raises(Unavailable, match="not a Privet vault"):
        open_at(postgres_url)
    if made_of == "foreign":
        with pytest.raises(Unavailable, match="already"):
            open_at(postgres_url, create=True)


@pytest.mark.parametrize("schema, words", [(99, "upgrade Privet"), (0, "privet upgrade")])
def test_another_schema(store: PostgresqlStore, url: str, schema: int, words: str) -> None:
    """Newer: upgrade Privet. Older: run `privet upgrade`."""
    execute(url, f"UPDATE vault SET schema = {schema}")
    with pytest.raises(Unavailable, match=words):
        open_at(url)


@pytest.mark.parametrize("change", ["database", "password", "port"])
def test_an_unreachable_database_gives_one_sentence(postgres_url: str, change: str) -> None:
    """Wrong name, password or port: Unavailable, without the URL or its password."""
    from sqlalchemy import make_url

    url = make_url(postgres_url)
    wrong = {"database": "none", "password": "wrong", "port": 1}[change]
    bad = url.set(**{change: wrong}).render_as_string(hide_password=False)  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as caught:
        open_at(bad)
    assert "\n" not in caught.value.message
    assert str(url.password) not in caught.value.message


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A cluster that the test may crash."""
    with PostgresServer() as server:
        yield server


def append_once_back(store: Store, entries: list[EntryRow]) -> None:
    """As soon as the store has found its server again, which it does by itself, within seconds."""
    until = time.monotonic() + 40
    while True:
        try:
            append(store, entries)
        except Unavailable:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
def test_a_crashed_server_loses_nothing_acknowledged(own_server: PostgresServer, rows: Rows) -> None:
    """While it is down: Unavailable. Once it is back: everything acknowledged is there, and the store goes on."""
    store = open_at(own_server.url(own_server.create_database()), create=True)
    try:
        kept = [sorted(rows.entries(2)) for _ in range(3)]
        for entries in kept:
            append(store, entries)
            store.sequence()
        own_server.crash()
        with pytest.raises(Unavailable):
            append(store, rows.entries(1))
        own_server.start()
        last = sorted(rows.entries(2))
        append_once_back(store, last)
        assert_log_holds(store.log, [entry for entries in (*kept, last) for entry in entries])
    finally:
        store.close()


def test_the_url_may_name_another_driver(postgres_url: str) -> None:
    """Plain `postgresql://` works too: the driver is our choice."""
    store = open_at(postgres_url.replace("postgresql+psycopg", "postgresql"), create=True)
    store.close()
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM vault")).scalar_one() == 1
    engine.dispose()


def test_a_deadlock_is_run_again(store: PostgresqlStore) -> None:
    """The store's own transactions go on after a serialization failure, and give up with a Conflict."""
    tries = 0

    def work(link: Link) -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            link.connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
        return "done"

    assert store.retried(work) == "done"
    tries = -9
    with pytest.raises(Conflict, match="try again"):
        store.retried(work)
