"""Rows from one database to another: a PostgreSQL vault into a backup file, a backup file into a new vault.

A backup is a SQLite file of our schema whatever it was made from, so a restore has one way and either backend as its
end. Refuses a file that is not a sound backup, and a target that holds anything.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, delete, func, insert, select
from sqlalchemy.pool import NullPool

from privet.domain.ports import Store, StoreIdentity
from privet.errors import Conflict, IntegrityError, InvalidInput
from privet.store import sequencer, sqlite_file
from privet.store import tables as t
from privet.store.faults import DAMAGED, explained
from privet.store.growth import StoredHashes, rebuild
from privet.store.sqlite import SqliteStore
from privet.store.sqlite_backup import Progress, publish
from privet.store.statements import build
from privet.store.unfinished import RESTORING
from privet.store.vault_row import get_identity

_ROWS = 1_000
_COPIED: tuple[Table, ...] = tuple(table for table in t.metadata.sorted_tables if table is not t.head)


def copy_out(source: Connection, target: Path, progress: Progress | None) -> None:
    """All rows of `source`, one snapshot, into a new backup file. Conflict when `target` exists."""
    driver = sqlite_file.get_driver()

    from privet.store.schema import migrate  # and with it alembic, which a service's start need not wait for

    def fill(path: Path) -> None:
        with _begun(path) as copy:
            sqlite_file.mark(copy.connection.driver_connection)
            copy.exec_driver_sql("BEGIN IMMEDIATE")
            migrate(copy)
            _copy(source, copy, progress)
            copy.exec_driver_sql("COMMIT")

    publish(driver, target, fill)


def read_backup_identity(path: Path) -> StoreIdentity:
    """Which vault a backup is of. Unavailable or IntegrityError when it is no sound backup."""
    with _opened(path) as connection:
        return get_identity(connection)


def load_backup(path: Path, into: Store, progress: Callable[[int, int], None] | None = None) -> None:
    """Everything of a backup into a store that was just created for the same vault, in one transaction.

    Entries that were still in an outbox are sequenced by the store as ever: on SQLite now, on PostgreSQL next time.
    Raises Conflict when `into` is not new or is another vault; then, and on any failure, nothing is stored.
    """
    writing: AbstractContextManager[Connection] | None = getattr(into, "writing", lambda: None)()
    if writing is None:
        raise InvalidInput("a backup is loaded into a SQLite or PostgreSQL store")
    with _opened(path) as source, writing as target, explained():
        found = get_identity(source)
        sqlite_file.check_schema(found.schema)
        if found.vault != into.identity().vault:
            raise Conflict("the backup is of another vault")
        for table in (t.subject, t.entry, t.epoch, t.outbox, t.note):
            held = select(table) if table is not t.note else select(table).where(t.note.c.key != RESTORING)
            if target.execute(held.limit(1)).first() is not None:
                raise Conflict("a backup is loaded into a new, empty vault only")
        target.execute(delete(t.vault))
        target.execute(delete(t.head))
        _copy(source, target, progress)
        _set_head(target)
        if isinstance(into, SqliteStore):
            _sequence_all(target)


def _copy(source: Connection, target: Connection, progress: Progress | None) -> None:
    for connection in (source, target):
        if connection.dialect.name == "postgresql":  # counting and streaming a whole vault takes its time
            from privet.store.patience import take_time

            take_time(connection)
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    total = sum(source.execute(select(func.count()).select_from(table)).scalar_one() for table in _COPIED)
    done = 0
    for table in _COPIED:
        rows = source.execute(select(table), execution_options={"yield_per": _ROWS})
        for page in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in page])
            done += len(page)
            if progress is not None:
                progress(done, total)


def _set_head(connection: Connection) -> None:
    size = connection.execute(select(func.coalesce(func.max(t.entry.c.pos) + 1, 0))).scalar_one()
    frontier = rebuild(StoredHashes(connection), size, None).frontier
    row = {"one": 1, "size": size, "root": frontier.root(), "frontier": frontier.to_bytes()}
    connection.execute(insert(t.head), row)


def _sequence_all(connection: Connection) -> None:
    statements = build("sqlite")
    while (plan := sequencer.prepare(connection)).entries:
        sequencer.carry_out(connection, plan, statements)
    if plan.broken:
        raise IntegrityError("an outbox entry of the backup is not what was chained")
    for table in (t.head, t.stream, t.outbox):
        connection.execute(delete(table))


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    """A backup file, read only, found sound."""
    sqlite_file.check_path(path)
    with explained(), _connected(path, read_only=True) as connection:
        sqlite_file.check_mark(connection.connection.driver_connection)
        if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
            raise IntegrityError(DAMAGED)
        yield connection


@contextmanager
def _begun(path: Path) -> Iterator[Connection]:
    with explained(), _connected(path, read_only=False) as connection:
        # Nobody reads it before it is whole and synced; what fails is thrown away.
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        connection.exec_driver_sql("PRAGMA journal_mode=OFF").close()
        yield connection


@contextmanager
def _connected(path: Path, *, read_only: bool) -> Iterator[Connection]:
    driver = sqlite_file.get_driver()

    def creator() -> Any:
        return sqlite_file.connect(driver, path, read_only=read_only)

    engine: Engine = create_engine("sqlite://", module=driver, creator=creator, poolclass=NullPool)
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield connection
    finally:
        connection.close()
        engine.dispose()
