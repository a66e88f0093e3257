"""The store on PostgreSQL: many workers, each with its own outbox stream, one log that any of them sequences.

READ COMMITTED; every commit durable (synchronous_commit=on). Refuses a server that runs without fsync. After a commit
whose outcome is unknown the caller gets Unavailable, so nothing of it is released.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from privet.audit.merkle import Frontier
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import LogReader, Randomness, ReadUnit, Store, StoreIdentity, WriteUnit
from privet.errors import Conflict, IntegrityError, PrivetError, RestoreNeeded, Unavailable
from privet.store import postgresql_statements as p
from privet.store import tables as t
from privet.store.address import Address
from privet.store.faults import RETRIED, explain, explained, sqlstate
from privet.store.log_reader import SqlLogReader
from privet.store.outbox import Outbox
from privet.store.patience import PatientConnection, take_time
from privet.store.pool import Link, Pool
from privet.store.postgresql_sequencer import carry_out, prepare
from privet.store.postgresql_unit import PostgresqlUnit, PostgresqlWriting, find_answers, verify_committed
from privet.store.sqlite_file import check_schema
from privet.store.unfinished import verify_finished
from privet.store.vault_row import get_identity, insert_vault, put_checkpoint, set_origin, upgrade
from privet.store.wire import BEGIN, COMMIT, ROLLBACK, Answer, Call, Statement, Wire

_TRIES = 5
_TOUCHED = "subject, record, lookup, consent, entry, outbox"
_BEGIN_SNAPSHOT = Call(Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
_PATIENCE_S = 5.0
"""How much longer than a statement may take a trip is waited for: then the server is taken for gone."""

T = TypeVar("T")


class PostgresqlStore:
    """Store on a PostgreSQL database, which `open_postgresql` has made or checked."""

    backend = "postgresql"

    def __init__(self, address: Address, *, worker: WorkerId, randomness: Randomness) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._fallen: RestoreNeeded | None = None
        parameters = address.parameters(worker)
        limits = address.settings

        def connect() -> Any:
            # psycopg's own preparing would deallocate the wire's statements at each rollback.
            raw = PatientConnection.connect(**parameters, prepare_threshold=None)
            raw.patience_s = self._patience
            return raw

        self._engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)

        # Behind a pooler nothing may stay in a session: neither settings nor prepared statements.
        self._prepares = not limits.pooler
        self._opening = [Call(p.SET_LOCAL, setting) for setting in address.session() if limits.pooler]
        self._patience = limits.statement_timeout_ms / 1000 + _PATIENCE_S
        self._outbox = Outbox(worker, randomness)
        self._pool = Pool(
            self._connect,
            most=limits.pool_size,
            wait_s=limits.pool_wait_s,
            lifetime_s=limits.connection_lifetime_s,
        )
        self._log = SqlLogReader(self.reading, self._catch_up)

    def check(self) -> None:
        """Unavailable unless this is a vault that this code may work on."""
        with self.reading() as connection:
            if connection.exec_driver_sql("SHOW fsync").scalar() != "on":
                raise Unavailable(
                    "the database server runs with fsync=off: what it says is stored may be lost"
                )
            self._identity = get_identity(connection)
            verify_finished(connection)
        check_schema(self._identity.schema)
        self._pool.patient = True

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
        return PostgresqlWriting(self._pool, self._outbox, self._opening)

    @property
    def log(self) -> LogReader:
        return self._log

    def sequence(self) -> int:
        """IntegrityError when a stream's chain is broken; what stands before the break is in the log then.

        Takes what was there when it was called, and leaves what comes meanwhile to the next call: under load it would
        never end, and each of its commits makes the commits of reads wait.
        """
        if not self._ask(Call(p.ANYTHING_WAITS)).rows:
            return 0
        moved, more = 0, True
        while more:
            count, more, broken = self.retried(_sequence)
            moved += count
            if broken:
                raise IntegrityError("an outbox entry is not what was chained: run `privet audit verify`")
        return moved

    def add_checkpoint(self, size: int, note: str) -> None:
        self.retried(lambda link: put_checkpoint(link.connection, p.CORE, size, note))

    def restart_log(self, origin: str) -> None:
        self.retried(lambda link: set_origin(link.connection, origin))

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Into a SQLite file of the same schema: restore has one way, and either backend as its end."""
        from privet.store.copying import copy_out

        self.sequence()
        with self.reading(snapshot=True) as connection:
            copy_out(connection, Path(target), progress)

    def checkpoint_files(self) -> None:
        """Vacuums what erasure touches. Best effort: old snapshots hold rows back, and pg_wal keeps copies (epochs)."""
        self._check_usable()
        link = self._pool.take()
        try:
            with explained():
                autocommit = link.connection.execution_options(isolation_level="AUTOCOMMIT")
                raw: Any = link.connection.connection.driver_connection
                raw.patience_s = None
                if self._prepares:  # a pooler would lend that session to others
                    autocommit.exec_driver_sql("SET statement_timeout = 0")
                autocommit.exec_driver_sql(f"VACUUM {_TOUCHED}")
        finally:
            self._pool.retire(link)

    def close(self) -> None:
        if self._closed or os.getpid() != self._pid:
            return
        with suppress(PrivetError):  # whatever is left, another takes into the log
            self._take_leave()
        self._closed = True
        self._pool.close()
        self._engine.dispose()

    def _take_leave(self) -> None:
        if self._fallen is not None or not self._pool.is_reachable:
            return
        self._pool.patient = False
        with self._outbox.leaving() as retire:
            if retire is not None:
                self.sequence()
                self.retried(lambda link: link.wire.trip([retire]))

    def retried(self, work: Callable[[Link], T]) -> T:
        """The one place that retries: runs `work` in a transaction until no other transaction is in its way."""
        for remaining in reversed(range(_TRIES)):
            try:
                with self._writing() as link:
                    return work(link)
            except Contended:
                if remaining == 0:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A bare connection within a transaction, for what is not a unit of work."""
        with self._writing() as link:
            yield link.connection

    @contextmanager
    def _writing(self) -> Iterator[Link]:
        with self._begun(BEGIN) as link:
            try:
                yield link
                link.wire.warned = False
                verify_committed(link.wire.trip([COMMIT]), warned=link.wire.warned)
            except (SQLAlchemyError, psycopg.Error) as error:
                failure = explain(error)
                if sqlstate(error) in RETRIED:
                    raise Contended(failure.message) from None
                raise failure from None

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A bare connection in a transaction that is undone; with `snapshot`, all of it sees one moment."""
        with self._begun(_BEGIN_SNAPSHOT if snapshot else BEGIN) as link, explained():
            yield link.connection

    def _ask(self, call: Call) -> Answer:
        """One question outside any unit, in one trip."""
        self._check_usable()
        link = self._pool.take()
        calls = [BEGIN, *self._opening, call, ROLLBACK]
        try:
            with explained():
                if (answers := find_answers(link, calls)) is None:
                    link = self._pool.replace(link)
                    answers = link.wire.trip(calls)
        finally:
            self._pool.give_back(link)
        return answers[-2]

    @contextmanager
    def _begun(self, begin: Call) -> Iterator[Link]:
        """A connection in a transaction; one that was found dead is replaced."""
        self._check_usable()
        link = self._pool.take()
        try:
            with explained():
                if find_answers(link, [begin, *self._opening]) is None:
                    link = self._pool.replace(link)
                    link.wire.trip([begin, *self._opening])
            yield link
        finally:
            self._pool.give_back(link)

    @contextmanager
    def _read_unit(self) -> Iterator[ReadUnit]:
        self._check_usable()
        unit = PostgresqlUnit(self._pool, self._opening)
        try:
            with explained():
                yield unit
        finally:
            self._pool.give_back(unit.link)

    def _connect(self, ends: float) -> Link:
        """A new connection, to a server that has everything this process was told it has."""
        connection = self._engine.connect()
        try:
            raw: Any = connection.connection.driver_connection
            wire = Wire(raw, prepares=self._prepares, patience_s=self._patience)
            self._verify_kept(wire)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return Link(connection, wire, ends)

    def _verify_kept(self, wire: Wire) -> None:
        try:
            self._outbox.verify_kept(wire)
        except RestoreNeeded as fallen:
            self._fallen = fallen
            raise

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
        if self._fallen is not None:
            raise RestoreNeeded(self._fallen.message)


class Contended(Conflict):
    """Serialization failure or deadlock: run it again."""


def _sequence(link: Link) -> tuple[int, bool, bool]:
    """How many were taken, whether more may wait, whether a chain was broken."""

    def trip(*calls: Call) -> list[Answer]:
        return link.wire.trip(calls)

    plan = prepare(trip)
    return carry_out(trip, link.connection, plan), plan.more, plan.broken


def open_postgresql(
    address: Address,
    *,
    vault: VaultId | None,
    worker: WorkerId,
    origin: str,
    randomness: Randomness,
) -> Store:
    """The store at `address`, made anew for `vault` if one is given. Unavailable for whatever cannot be used."""
    store = PostgresqlStore(address, worker=worker, randomness=randomness)
    try:
        if vault is not None:
            store.create(vault, origin)
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def upgrade_postgresql(address: Address) -> tuple[int, int]:
    """Brings the schema up; (before, now). It writes no log entry, so it needs no stream of its own."""
    store = PostgresqlStore(address, worker=WorkerId(bytes(16)), randomness=os.urandom)
    try:
        with store.writing() as connection:
            take_time(connection)
            return upgrade(connection)
    finally:
        store.close()
