"""Opening a SQLite file as a vault's: the driver, the checks before anything is written, the pragmas.

Refuses a SQLite older than 3.51.3 (older ones can corrupt a WAL that several connections use), a file that is not a
Privet vault, one of a newer or older schema. Never deletes, truncates or replaces a file.
"""

import os
import sqlite3
import stat
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from privet.errors import Unavailable
from privet.store.faults import explain
from privet.store.tables import SCHEMA

OLDEST = (3, 51, 3)
APPLICATION_ID = 0x50525654
"""`PRVT` at offset 68 of the file: https://sqlite.org/fileformat.html §1.2.5."""
BUSY_MS = 5_000


class Connect(Protocol):
    """Opens a DB-API connection to a file. Tests hand in one that fails where a disk would."""

    def __call__(self, driver: ModuleType, path: Path, *, read_only: bool) -> Any: ...


def get_driver() -> ModuleType:
    """The DB-API module with a SQLite that is safe for us. Unavailable when there is none."""
    try:
        import pysqlite3
    except ImportError:
        found: ModuleType = sqlite3
    else:
        found = pysqlite3
    if found.sqlite_version_info < OLDEST:
        raise Unavailable(
            f"SQLite {found.sqlite_version} can corrupt a vault: install pysqlite3, or a Python with SQLite 3.51.3"
        )
    return found


def connect(driver: ModuleType, path: Path, *, read_only: bool) -> Any:
    """A plain connection; transactions are begun by us."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    return driver.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=BUSY_MS / 1000,
    )


def prepare(connection: Any) -> None:
    """The pragmas of every connection to a vault."""
    for pragma in ("foreign_keys=OFF", "synchronous=FULL", "secure_delete=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def create_file(driver: ModuleType, path: Path) -> None:
    """Makes a new, empty database with our mark, mode 0600, in WAL mode. Unavailable when something stands there."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Unavailable("there is a database already; a vault is never created over one") from None
    except FileNotFoundError:
        raise Unavailable("the vault's directory does not exist") from None
    except OSError as error:
        raise explain(error) from None
    try:
        connection = connect(driver, path, read_only=False)
        try:
            mark(connection)
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        finally:
            connection.close()
        sync_directory(path.parent)
    except (driver.Error, OSError) as error:
        raise explain(error) from None


def mark(connection: Any) -> None:
    """Says in the file's header whose it is."""
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA}")


def check_path(path: Path) -> None:
    """Refuses what cannot be a vault's file by its kind and size alone.

    The file is never opened here but by SQLite: when any other descriptor of it is closed, the system drops every
    lock that this process holds on it (https://sqlite.org/howtocorrupt.html §2.2).
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise Unavailable(
            "the vault's database file is not there: put it back, or restore a backup with `privet restore`"
        ) from None
    except OSError as error:
        raise explain(error) from None
    if stat.S_ISDIR(found.st_mode):
        raise Unavailable("the vault's database is a directory; it should be a file")
    if found.st_size < 512:
        raise Unavailable("the database file is empty or cut short: restore a backup")


def check_mark(connection: Any) -> None:
    """Refuses, reading only, a database without our mark."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise Unavailable("the database file is not a Privet vault")


def check_schema(found: int) -> None:
    """Refuses a schema that this code does not work on."""
    if found > SCHEMA:
        raise Unavailable(
            f"this vault was made by a newer Privet (schema {found}, here {SCHEMA}): upgrade Privet to open it"
        )
    if found < SCHEMA:
        raise Unavailable(f"this vault is of an older Privet (schema {found}): run `privet upgrade`")


def truncate_wal(connection: Any) -> bool:
    """Folds the WAL into the file and empties it; False while a reader still needs it. Outside transactions only."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def sync_directory(directory: Path) -> None:
    """Makes names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
