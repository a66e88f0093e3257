"""The one row that says which vault this is; checkpoints and the log's origin, the same on both backends."""

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from privet.domain.ids import VaultId
from privet.domain.ports import StoreIdentity
from privet.errors import IntegrityError, Unavailable
from privet.store import sqlite_file
from privet.store import tables as t
from privet.store.statements import Statements

_IDENTITY = select(t.vault.c.id, t.vault.c.schema, t.vault.c.format)
_CHECKPOINT = select(t.checkpoint.c.note).where(
    t.checkpoint.c.size == bindparam("size"), t.checkpoint.c.origin == bindparam("origin")
)
_SET_ORIGIN = update(t.vault).values(origin=bindparam("name"))


def insert_vault(connection: Connection, vault: VaultId, origin: str) -> None:
    """The row of a new vault."""
    connection.execute(
        insert(t.vault),
        {
            "id": vault,
            "format": t.FORMAT,
            "schema": t.SCHEMA,
            "origin": origin,
            "catalogue_digest": "",
            "controls": b"",
            "controls_rev": 0,
        },
    )


def get_identity(connection: Connection) -> StoreIdentity:
    """Unavailable unless there is exactly one vault, of a format we know."""
    rows = connection.execute(_IDENTITY).fetchall()
    if len(rows) != 1:
        raise Unavailable("the database holds no vault: restore a backup, or run `privet init`")
    vault, schema, fmt = rows[0]
    if fmt != t.FORMAT:
        raise Unavailable(
            f"this vault has format {fmt}, and this Privet knows {t.FORMAT}: upgrade Privet to open it"
        )
    return StoreIdentity(vault=VaultId(vault), schema=schema, format=fmt)


def upgrade(connection: Connection) -> tuple[int, int]:
    """Migrates an older schema within the connection's transaction; (before, now)."""
    before = get_identity(connection).schema
    if before > t.SCHEMA:
        sqlite_file.check_schema(before)
    if before < t.SCHEMA:
        from privet.store.schema import migrate

        migrate(connection)
    return before, t.SCHEMA


def put_checkpoint(connection: Connection, statements: Statements, size: int, note: str) -> None:
    """Stores a signed note. The same tree with more signatures replaces it; another tree of that size is refused."""
    origin = note.split("\n", 1)[0]
    stored = connection.execute(_CHECKPOINT, {"size": size, "origin": origin}).scalar()
    if stored is not None and stored.split("\n\n", 1)[0] != note.split("\n\n", 1)[0]:
        raise IntegrityError(f"there is another checkpoint of size {size}: the log has forked")
    connection.execute(statements.insert_checkpoint, {"size": size, "origin": origin, "note": note})


def set_origin(connection: Connection, origin: str) -> None:
    """The log goes on under another name, after a restore: no session, code or idempotency record comes with it."""
    connection.execute(delete(t.ticket))
    connection.execute(_SET_ORIGIN, {"name": origin})
