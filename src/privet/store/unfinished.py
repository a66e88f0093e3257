"""A server's database that a restore is filling: marked, so that nobody opens it, and emptied if it is run again.

Refuses to empty any other: the mark must be this restore's, or nothing be held where it stopped before it set one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, inspect, select, text

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import WorkerId
from privet.errors import RestoreNeeded
from privet.store import tables as t

RESTORING: Final = "restoring"
"""Key of the note that marks it. Its value is the token of the restore."""
_MARK = select(t.note.c.value).where(t.note.c.key == RESTORING)


def verify_finished(connection: Connection) -> None:
    """RestoreNeeded while a restore fills this database."""
    if connection.execute(_MARK).first() is not None:
        raise RestoreNeeded(
            "a restore into this database has not ended: run `privet restore` again with the same backup"
        )


@contextmanager
def unfinished_restore(
    url: str, database: DatabaseSettings | None, token: str | None
) -> Iterator[Connection | None]:
    """A transaction on the database if it holds what the restore with `token` (None: any) left; else None."""
    from privet.store.address import parse_address
    from privet.store.postgresql import PostgresqlStore

    address = parse_address(url, database or DatabaseSettings())
    store = PostgresqlStore(address, worker=WorkerId(bytes(16)), randomness=bytes)
    try:
        with store.writing() as connection:
            yield connection if _is_left_by(connection, token) else None
    finally:
        store.close()


def drop_all(connection: Connection) -> None:
    """All of ours, in the connection's transaction."""
    t.metadata.drop_all(connection)
    connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def _is_left_by(connection: Connection, token: str | None) -> bool:
    there = set(inspect(connection).get_table_names())
    if not there.issuperset(t.metadata.tables):
        return False
    mark = connection.execute(_MARK).scalar()
    if mark is not None:
        return token is None or mark == token.encode()
    held = (t.subject, t.entry, t.epoch, t.outbox, t.note)
    return token is not None and all(
        connection.execute(select(table).limit(1)).first() is None for table in held
    )
