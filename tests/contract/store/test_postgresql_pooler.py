"""Behind a pooler in transaction mode each transaction may run in another session: nothing is kept in one."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Store
from privet.errors import PrivetError, Unavailable
from privet.store.opening import open_store
from privet.store.wire import BEGIN
from tests.contract.store.conftest import VAULT
from tests.contract.store.load import Load
from tests.contract.store.rows import T0, Rows
from tests.services.parts import miss
from tests.services.pgbouncer import PgBouncer
from tests.services.postgres import PostgresServer

pytestmark = pytest.mark.postgres
LIMITS = DatabaseSettings(pooler=True, pool_size=4, statement_timeout_ms=700, lock_timeout_ms=300)


def open_at(url: str, *, create: bool = False, limits: DatabaseSettings = LIMITS) -> Store:
    return open_store(
        url,
        create=create,
        vault=VaultId(VAULT),
        worker=WorkerId(os.urandom(16)),
        origin="o",
        clock=lambda: T0,
        randomness=os.urandom,
        database=limits,
    )


@pytest.fixture
def pooled(postgres_server: PostgresServer) -> Iterator[tuple[str, str]]:
    """The same database, by a real PgBouncer and straight."""
    name = postgres_server.create_database()
    try:
        bouncer = PgBouncer(postgres_server)
    except FileNotFoundError as error:
        miss("pgbouncer", str(error))
    with bouncer:
        yield bouncer.url(name), postgres_server.url(name)
    postgres_server.drop_database(name)


def test_workers_share_two_sessions(pooled: tuple[str, str]) -> None:
    """Several workers, each with more connections than the pooler has sessions: all go on, and nothing is lost."""
    stores = [open_at(pooled[0], create=number == 0) for number in range(3)]
    with stores[0].write() as unit:
        unit.open_epoch(1, T0)
    with Load(stores) as load:
        load.await_progress()
    load.verify_kept(stores[2])
    for store in stores:
        store.close()


def test_limits_hold_in_each_transaction(postgres_url: str) -> None:
    """Without a session's settings a lock is waited for no longer than the settings say, and commits are durable."""
    one, other = open_at(postgres_url, create=True), open_at(postgres_url)
    with one.write() as unit:
        unit.open_epoch(1, T0)
        row = Rows().row()
        unit.insert_subject(row)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with other.write() as unit:
            unit.lock_subject(row.subject)
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        with pytest.raises(PrivetError, match="another process has been writing"), one.write() as unit:
            unit.lock_subject(row.subject)
    finally:
        done.set()
        thread.join()
    with one._begun(BEGIN) as link:  # type: ignore[attr-defined]
        shown = link.connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        assert shown == "on"
        assert not link.connection.exec_driver_sql("SELECT name FROM pg_prepared_statements").all()
    one.close()
    other.close()


def test_a_vacuum_leaves_nothing_in_a_shared_session(
    pooled: tuple[str, str], postgres_server: PostgresServer
) -> None:
    """Erasure vacuums, outside any transaction: who gets that session next has the limits the server gave it."""
    name = pooled[1].rpartition("/")[2].partition("?")[0]
    postgres_server.execute(f"ALTER DATABASE {name} SET statement_timeout = '77s'")
    store = open_at(pooled[0], create=True)
    store.checkpoint_files()
    store.close()
    url = pooled[0].replace("postgresql+psycopg://", "postgresql://")
    with (
        ExitStack() as stack
    ):  # each is held in a transaction, so together they are all of the pooler's sessions
        held = [stack.enter_context(psycopg.connect(url)) for _ in range(2)]
        shown = [one.execute("SHOW statement_timeout").fetchone() for one in held]
    assert shown == [("77s",), ("77s",)]


def test_a_pooler_that_was_not_told_of_is_noticed(pooled: tuple[str, str]) -> None:
    """PgBouncer refuses our session settings, and nothing is done."""
    with pytest.raises(Unavailable, match=r"database\.pooler = true"):
        open_at(pooled[0], create=True, limits=DatabaseSettings())
