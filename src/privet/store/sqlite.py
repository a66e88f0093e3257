"""The store on SQLite: one file, one writer at a time, as many processes as wish.

A write unit takes the write lock first, so what it loads is what is current until it commits; the commit is durable
(WAL, synchronous=FULL) before it returns. Refuses use in a forked child, and a wait of more than 5 s.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from privet.domain.ports import LogReader, ReadUnit, StoreIdentity, WriteUnit
from privet.errors import Unavailable
from privet.store import sqlite_file
from privet.store.faults import explained
from privet.store.log_reader import SqlLogReader
from privet.store.sqlite_backup import back_up
from privet.store.sqlite_unit import SqliteUnit
from privet.store.sqlite_writer import SqliteWriter, SqliteWriting
from privet.store.statements import build
from privet.store.vault_row import get_identity, put_checkpoint, set_origin

_READERS = 4
_TRUNCATE_S = 5.0
_STATEMENTS = build("sqlite")


class SqliteStore:
    """Store on the file at `path`, which `store.opening` has checked. Threads share it; a forked child may not."""

    backend = "sqlite"

    def __init__(
        self, path: Path, *, connect: sqlite_file.Connect | None = None, any_schema: bool = False
    ) -> None:
        self._path = path.absolute()  # whatever directory the process goes to later
        self._connect = connect or sqlite_file.connect
        self._driver = sqlite_file.get_driver()
        self._pid = os.getpid()
        self._closed = False
        self._idle: list[Connection] = []
        self._readers = self._engine()
        self._writer = SqliteWriter(self._engine(), self._driver)
        self._log = SqlLogReader(self.reading)
        try:
            with self.reading() as connection:
                self._identity = get_identity(connection)
            if not any_schema:  # an upgrade looks for itself
                sqlite_file.check_schema(self._identity.schema)
        except BaseException:
            self.close()
            raise

    def identity(self) -> StoreIdentity:
        return self._identity

    def read(self) -> AbstractContextManager[ReadUnit]:
        return self._read_unit()

    def write(self, *, wait: bool = True) -> AbstractContextManager[WriteUnit]:
        self._check_usable()
        return SqliteWriting(self._writer, wait=wait)

    @property
    def log(self) -> LogReader:
        return self._log

    def sequence(self) -> int:
        return 0

    def add_checkpoint(self, size: int, note: str) -> None:
        with self.writing() as connection:
            put_checkpoint(connection, _STATEMENTS, size, note)

    def restart_log(self, origin: str) -> None:
        with self.writing() as connection:
            set_origin(connection, origin)

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """To a new file `target`. Conflict when it exists; Unavailable when the disk is full or fails."""
        with self.reading() as connection:
            back_up(self._driver, connection.connection.driver_connection, Path(target), progress)

    def checkpoint_files(self) -> None:
        """Folds the WAL into the file and cuts it, so that nothing deleted stays in it. Waits for readers.

        Unavailable when a reader keeps the WAL in use for longer than 2 s: erasure then is not complete, try again.
        """
        self._check_usable()
        until = time.monotonic() + _TRUNCATE_S
        while not self._writer.truncate_wal():
            if time.monotonic() > until:
                raise Unavailable("a long read keeps the vault's write-ahead log in use; try again")
            time.sleep(0.05)  # the writers' turn

    def close(self) -> None:
        """Idempotent. The last process to close folds the WAL into the file."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        with explained():
            while self._idle:
                self._idle.pop().close()
            self._writer.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A bare connection within a write transaction, for what is not a unit of work (checkpoints, restore)."""
        self._check_usable()
        connection = self._writer.begin()
        try:
            with explained():
                yield connection
        except BaseException:
            self._writer.undo()
            raise
        self._writer.edge = None
        self._writer.commit(None)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A bare connection within one snapshot. It goes back among the idle ones only if its snapshot has ended."""
        self._check_usable()
        with explained():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._readers.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                raw: Any = connection.connection.driver_connection
                raw.execute("BEGIN")
                try:
                    yield connection
                finally:
                    raw.rollback()
            finally:
                if raw.in_transaction or self._closed or len(self._idle) >= _READERS:
                    connection.close()
                else:
                    self._idle.append(connection)

    @contextmanager
    def _read_unit(self) -> Iterator[ReadUnit]:
        with self.reading() as connection:
            yield SqliteUnit(connection, connection.connection.driver_connection)

    def _engine(self) -> Engine:
        return create_engine("sqlite://", module=self._driver, creator=self._open_file, poolclass=NullPool)

    def _open_file(self) -> Any:
        connection = self._connect(self._driver, self._path, read_only=False)
        try:
            sqlite_file.check_mark(connection)
            sqlite_file.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise Unavailable("a vault opened before a fork cannot be used in the child: open it there")
        if self._closed:
            raise Unavailable("the vault is closed")
