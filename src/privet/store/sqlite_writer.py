"""The one connection of this process that writes, and the lock before it.

SQLAlchemy holds it in AUTOCOMMIT; BEGIN IMMEDIATE and COMMIT go to the driver from here, the only place that ends a
write. (By SQLAlchemy's own begin and commit, a read costs 20 µs more.)
Whatever fails, no transaction is left open: a connection that cannot be shown to have rolled back is thrown away.
"""

import threading
from types import ModuleType, TracebackType
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from privet.domain.ports import WriteUnit
from privet.errors import Conflict, Unavailable
from privet.store.faults import BUSY, explain
from privet.store.growth import Edge
from privet.store.sqlite_file import BUSY_MS, truncate_wal
from privet.store.sqlite_unit import SqliteUnit

_WAIT = f"PRAGMA busy_timeout={BUSY_MS}"
_WAIT_SHORTLY = "PRAGMA busy_timeout=100"


class SqliteWriter:
    """Threads wait for each other here, processes in SQLite; either way 5 s at most, then Unavailable."""

    def __init__(self, engine: Engine, driver: ModuleType) -> None:
        self._engine = engine
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, driver.Error)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self.raw: Any = None
        self.edge: Edge | None = None
        """The log's right edge as this process last committed it."""

    def begin(self, *, wait: bool = True) -> Connection:
        """The connection with the database's write lock held. End it with `commit` or `undo`.

        With `wait` False it is had at once or not at all: Unavailable.
        """
        if not self._lock.acquire(timeout=BUSY_MS / 1000 if wait else 0):
            raise Unavailable(BUSY)
        try:
            connection = self._connection
            if connection is None:
                connection = self._connect()
            if wait:
                self.raw.execute("BEGIN IMMEDIATE")
            else:
                self._begin_at_once()
        except BaseException as error:
            self.undo()
            if isinstance(error, self._errors):
                raise explain(error) from None
            raise
        return connection

    def commit(self, edge: Edge | None) -> None:
        """Makes the transaction durable, or raises and has undone it. `edge` is the log's as this leaves it."""
        try:
            self.raw.execute("COMMIT")
        except BaseException as error:
            self.undo()
            if isinstance(error, self._errors):
                raise explain(error) from None
            raise
        if edge is not None:
            self.edge = edge
        self._lock.release()

    def undo(self) -> None:
        """Rolls back, makes sure of it, and lets the next writer in."""
        try:
            self._roll_back()
        finally:
            self._lock.release()

    def _begin_at_once(self) -> None:
        raw = self.raw
        raw.execute("PRAGMA busy_timeout=0")
        try:
            raw.execute("BEGIN IMMEDIATE")
        finally:
            raw.execute(_WAIT)

    def truncate_wal(self) -> bool:
        """False while somebody still needs the write-ahead log. Nobody can write while this waits: 0.1 s."""
        if not self._lock.acquire(timeout=BUSY_MS / 1000):
            raise Unavailable(BUSY)
        try:
            if self._connection is None:
                self._connect()
            self.raw.execute(_WAIT_SHORTLY)
            try:
                return truncate_wal(self.raw)
            finally:
                self.raw.execute(_WAIT)
        except self._errors as error:
            raise explain(error) from None
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.raw = connection.connection.driver_connection
        self._connection = connection
        return connection

    def _roll_back(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if self.raw.in_transaction:
                self.raw.rollback()
            undone = not self.raw.in_transaction
        except self._errors:
            undone = False
        if not undone:
            self._connection = self.raw = None
            try:
                connection.invalidate()
                connection.close()
            except self._errors:  # it may not even close; the file's own recovery undoes what it held
                return


class SqliteWriting:
    """`Store.write()`: a class rather than a generator, since every read passes through it."""

    __slots__ = ("_unit", "_wait", "_writer")

    def __init__(self, writer: SqliteWriter, *, wait: bool = True) -> None:
        self._writer = writer
        self._wait = wait

    def __enter__(self) -> WriteUnit:
        writer = self._writer
        self._unit = SqliteUnit(writer.begin(wait=self._wait), writer.raw, writer.edge)
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._unit.spoiled:
            self._writer.commit(self._unit.grown)
            return
        self._writer.undo()
        if error is None:
            raise Conflict("something in this transaction failed, so all of it was undone")
