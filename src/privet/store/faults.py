"""What a driver or the disk says, in Privet's words: Unavailable, Conflict or IntegrityError, one sentence each.

Refuses to pass on any text of a driver, since it may quote statements, parameters or rows.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from privet.errors import Conflict, IntegrityError, PrivetError, StoreGone, Unavailable

BUSY = "another process has been writing to this vault for 5 s; try again"
DAMAGED = "the database file is damaged or not a Privet vault; restore a backup, or run `privet doctor`"
FULL = "the disk is full; nothing was stored: make room, then try again"
FAILING = "the disk refuses to read or write the vault; nothing was stored: look at the machine's log"
READ_ONLY = "the vault cannot be written: its file or directory is read-only"
CANNOT_OPEN = "the vault's database cannot be opened: look at its path and permissions"
GONE = "the database server is not reachable or ended the connection; try again"
UNPROVEN = (
    "the database server does not prove who it is by TLS: look at sslrootcert and its certificate's name"
)
POOLED = "a pooler stands before the database: set database.pooler = true"
REFUSED = "the database server refuses this user or password"
SLOW = "the database took too long; try again"
CONTENDED = "the database keeps finding this transaction in conflict with others; try again"
OTHER = "the database refused a statement; nothing was stored: run `privet doctor`"

_SQLITE = {
    # All our statements are fixed, so an error in one is a missing table or column.
    "SQLITE_ERROR": "this database is not a whole Privet vault: restore a backup, or make the vault anew",
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_IOERR": FAILING,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": CANNOT_OPEN,
    "SQLITE_NOMEM": "the machine is out of memory; nothing was stored",
    "SQLITE_TOOBIG": "a value is too large for the database",
    "SQLITE_PROTOCOL": BUSY,
}
# SQLite's backup says what failed in words alone (sqlite3_errstr).
_SQLITE_WORDS = {
    "database or disk is full": FULL,
    "disk I/O error": FAILING,
    "database is locked": BUSY,
    "attempt to write a readonly database": READ_ONLY,
    "unable to open database file": CANNOT_OPEN,
}
_POSTGRESQL = {
    "53100": FULL,
    "55P03": BUSY,
    "57014": SLOW,
    "25006": "the database server is a replica: name the primary, or target_session_attrs=read-write",
    "0A000": "the database's schema changed under this process: start it again",
    "26000": POOLED,
    "25P03": SLOW,
    "42501": "the database user may not do this; it needs its own database",
    "42P01": "this database is not a Privet vault",
    "42703": "this database is not a Privet vault",
}
# Of a connection that was never made libpq tells in words alone, several hosts' together.
_CONNECTING = {
    "certificate": UNPROVEN,
    "does not support SSL": UNPROVEN,
    "unsupported startup parameter": POOLED,
    "signature failure": UNPROVEN,
    "password authentication": REFUSED,
    "no password supplied": REFUSED,
}
RETRIED = frozenset({"40001", "40P01"})


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-letter code, if the error carries one."""
    found = getattr(getattr(error, "orig", error), "sqlstate", None)
    return found if isinstance(found, str) else None


def explain(error: BaseException) -> PrivetError:
    """The error of ours for one of SQLAlchemy's, the driver's or the operating system's."""
    if isinstance(error, PrivetError):
        return error
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        locked = error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
        return Unavailable(FULL if full else READ_ONLY if locked else FAILING)
    if isinstance(error, exc.TimeoutError):
        return Unavailable("all database connections are in use; try again")
    origin = getattr(error, "orig", None) or error
    name = getattr(origin, "sqlite_errorname", None)
    if isinstance(name, str):
        return _explain_sqlite(name)
    if type(origin).__module__.startswith(("pysqlite3", "sqlite3")):
        return Unavailable(_SQLITE_WORDS.get(str(origin), OTHER))
    state = sqlstate(origin)
    if state is not None:
        return _explain_postgresql(state)
    # psycopg has classes of its own below these, such as ConnectionTimeout.
    kinds = {kind.__name__ for kind in type(origin).__mro__}
    if getattr(error, "connection_invalidated", False) or kinds & {"OperationalError", "InterfaceError"}:
        said = str(origin)
        for word, sentence in _CONNECTING.items():
            if word in said:
                return Unavailable(sentence)
        return StoreGone(GONE)
    return Unavailable(OTHER)


def _explain_sqlite(name: str) -> PrivetError:
    if name.startswith("SQLITE_CONSTRAINT"):
        return Conflict("the stored state changed meanwhile: what was to be new is there already")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_MISMATCH")):
        return IntegrityError(DAMAGED)
    primary = "_".join(name.split("_")[:2])
    return Unavailable(_SQLITE.get(primary, OTHER))


def _explain_postgresql(state: str) -> PrivetError:
    if state.startswith("23"):
        return Conflict("the stored state changed meanwhile: what was to be new is there already")
    if state in RETRIED:
        return Conflict(CONTENDED)
    if state.startswith("XX"):
        return IntegrityError("the database server reports damaged data; restore a backup")
    if state.startswith(("08", "57P", "53300")):
        return StoreGone(GONE)
    if state.startswith("28"):
        return Unavailable(REFUSED)
    if state.startswith("3D"):
        return Unavailable("the database server has no database of that name")
    return Unavailable(_POSTGRESQL.get(state, OTHER))


@contextmanager
def explained() -> Iterator[None]:
    """Turns the database's errors into ours; a caller's own pass. The cause is cut: a driver's text may quote rows."""
    try:
        yield
    except Exception as error:
        if not is_ours_to_explain(error):
            raise
        raise explain(error) from None


def is_ours_to_explain(error: Exception) -> bool:
    """Whether SQLAlchemy or a driver raised it."""
    return (
        isinstance(error, exc.SQLAlchemyError)
        or hasattr(error, "sqlite_errorname")
        or type(error).__module__.startswith(("psycopg", "pysqlite3", "sqlite3"))
    )
