"""The store on PostgreSQL: many workers, each with its own outbox stream, one log that any of them sequences.

READ COMMITTED; every commit durable (synchronous_commit=on). Refuses a server that runs without fsync. After a commit
whose outcome is unknown the caller gets Unavailable, so nothing of it is released.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, create_engine, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from privet.audit.merkle import Frontier
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import LogReader, Randomness, ReadUnit, Store, StoreIdentity, WriteUnit
from privet.errors import Conflict, IntegrityError, Unavailable
from privet.store import sequencer
from privet.store import tables as t
from privet.store.faults import RETRIED, explain, explained, sqlstate
from privet.store.held import HeldConnections
from privet.store.log_reader import SqlLogReader
from privet.store.outbox import Outbox
from privet.store.postgresql_unit import STATEMENTS, PostgresqlUnit, PostgresqlWriting
from privet.store.sqlite_file import check_schema
from privet.store.vault_row import get_identity, insert_vault, put_checkpoint, set_origin, upgrade

_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "synchronous_commit=on",
        "statement_timeout=10000",
        "lock_timeout=5000",
        "idle_in_transaction_session_timeout=60000",
        "default_transaction_isolation=read\\ committed",
        "timezone=UTC",
    )
)
_CONNECT_S = 5
_TRIES = 5
_TOUCHED = "subject, record, lookup, consent, entry, outbox"
_ANYTHING_WAITS = select(t.outbox.c.seq).limit(1)

T = TypeVar("T")


class PostgresqlStore:
    """Store on a PostgreSQL database, which `open_postgresql` has made or checked."""

    backend = "postgresql"

    def __init__(self, url: URL, *, worker: WorkerId, randomness: Randomness) -> None:
        self._pid = os.getpid()
        self._closed = False
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={"options": _OPTIONS, "connect_timeout": _CONNECT_S, "application_name": "privet"},
        )
        self._connections = HeldConnections(engine)
        self._outbox = Outbox(worker, randomness)
        self._log = SqlLogReader(self.reading, self._catch_up)

    def check(self) -> None:
        """Unavailable unless this is a vault that this code may work on."""
        with self.reading() as connection:
            if connection.exec_driver_sql("SHOW fsync").scalar() != "on":
                raise Unavailable(
                    "the database server runs with fsync=off: what it says is stored may be lost"
                )
            self._identity = get_identity(connection)
        check_schema(self._identity.schema)

    def create(self, vault: VaultId, origin: str) -> None:
        """Makes the schema in an empty database, in one transaction."""
        from privet.store.schema import is_empty, migrate

        with self.writing() as connection:
            if not is_empty(connection):
                raise Unavailable("there is a database already; a vault is never created over one")
            migrate(connection)
            insert_vault(connection, vault, origin)
            empty = Frontier()
            row = {"one": 1, "size": 0, "root": empty.root(), "frontier": empty.to_bytes()}
            connection.execute(insert(t.head), row)

    def identity(self) -> StoreIdentity:
        return self._identity

    def read(self) -> AbstractContextManager[ReadUnit]:
        return self._read_unit()

    def write(self, *, wait: bool = True) -> AbstractContextManager[WriteUnit]:  # noqa: ARG002  there is no pen
        self._check_usable()
        return PostgresqlWriting(self._connections, self._outbox)

    @property
    def log(self) -> LogReader:
        return self._log

    def sequence(self) -> int:
        """IntegrityError when a stream's chain is broken; what stands before the break is in the log then."""
        moved = 0
        while True:
            with self.reading() as connection:
                if connection.execute(_ANYTHING_WAITS).first() is None:
                    return moved
            count, broken = self.retried(_sequence)
            moved += count
            if broken:
                raise IntegrityError("an outbox entry is not what was chained: run `privet audit verify`")
            if count == 0:
                return moved

    def add_checkpoint(self, size: int, note: str) -> None:
        self.retried(lambda connection: put_checkpoint(connection, STATEMENTS, size, note))

    def restart_log(self, origin: str) -> None:
        self.retried(lambda connection: set_origin(connection, origin))

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Into a SQLite file of the same schema: restore has one way, and either backend as its end."""
        from privet.store.copying import copy_out

        self.sequence()
        with self.reading(snapshot=True) as connection:
            copy_out(connection, Path(target), progress)

    def checkpoint_files(self) -> None:
        """Vacuums what erasure touches. Best effort: old snapshots hold rows back, and pg_wal keeps copies (epochs)."""
        self._check_usable()
        connection = self._connections.take()
        try:
            with explained():
                autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
                autocommit.exec_driver_sql("SET statement_timeout = 0")
                autocommit.exec_driver_sql(f"VACUUM {_TOUCHED}")
        finally:
            connection.invalidate()  # its settings are not those of the others
            self._connections.give_back(connection, restarted=False)

    def close(self) -> None:
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        self._connections.close()

    def retried(self, work: Callable[[Connection], T]) -> T:
        """The one place that retries: runs `work` in a transaction until no other transaction is in its way."""
        for remaining in reversed(range(_TRIES)):
            try:
                with self.writing() as connection:
                    return work(connection)
            except _Contended:
                if remaining == 0:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A bare connection within a transaction, for what is not a unit of work."""
        self._check_usable()
        connection = self._connections.take()
        try:
            yield connection
            connection.commit()
        except SQLAlchemyError as error:
            failure = explain(error)
            if sqlstate(error) in RETRIED:
                raise _Contended(failure.message) from None
            raise failure from None
        finally:
            self._connections.give_back(connection)

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A bare connection in a transaction that is undone; with `snapshot`, all of it sees one moment."""
        self._check_usable()
        connection = self._connections.take()
        try:
            with explained():
                if snapshot:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection
        finally:
            self._connections.give_back(connection)

    @contextmanager
    def _read_unit(self) -> Iterator[ReadUnit]:
        with self.reading() as connection:
            yield PostgresqlUnit(connection)

    def _catch_up(self) -> None:
        """Before the newest is looked for. When it cannot be done now, `lag` shows what is missing."""
        try:
            self.sequence()
        except Unavailable:
            return

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise Unavailable("a vault opened before a fork cannot be used in the child: open it there")
        if self._closed:
            raise Unavailable("the vault is closed")


class _Contended(Conflict):
    """Serialization failure or deadlock: run it again."""


def _sequence(connection: Connection) -> tuple[int, bool]:
    plan = sequencer.prepare(connection)
    return sequencer.carry_out(connection, plan, STATEMENTS), plan.broken


def open_postgresql(
    url: URL,
    *,
    vault: VaultId | None,
    worker: WorkerId,
    origin: str,
    randomness: Randomness,
) -> Store:
    """The store at `url`, made anew for `vault` if one is given. Unavailable for whatever cannot be used."""
    try:
        store = PostgresqlStore(url, worker=worker, randomness=randomness)
    except ImportError:
        raise Unavailable("PostgreSQL needs its driver: pip install 'privet[postgres]'") from None
    try:
        if vault is not None:
            store.create(vault, origin)
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def upgrade_postgresql(url: URL) -> tuple[int, int]:
    """Brings the schema up; (before, now). It writes no log entry, so it needs no stream of its own."""
    store = PostgresqlStore(url, worker=WorkerId(bytes(16)), randomness=os.urandom)
    try:
        with store.writing() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            return upgrade(connection)
    finally:
        store.close()
