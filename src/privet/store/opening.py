"""Opening a store by its URL: `sqlite:///PATH`, or `postgresql+psycopg://…`.

Refuses a database that is not a Privet vault or of another schema. Creates only when told to, and never over
something that exists.
"""

from contextlib import suppress
from pathlib import Path

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Clock, Randomness, Store
from privet.errors import InvalidInput, PrivetError, Unavailable
from privet.store import sqlite_file
from privet.store.address import Address, parse_address
from privet.store.faults import explained
from privet.store.sqlite import SqliteStore
from privet.store.vault_row import upgrade

_SQLITE = "sqlite:///"


def open_store(
    url: str,
    *,
    create: bool = False,
    vault: VaultId | None = None,
    worker: WorkerId,
    origin: str,
    clock: Clock,  # noqa: ARG001  # every adapter is opened alike; the store reads no clock
    randomness: Randomness,
    database: DatabaseSettings | None = None,
) -> Store:
    """The store at `url`. With `create`, a new one for `vault` whose log is named `origin`.

    `database` has the limits of connections and statements. Raises InvalidInput for a URL we do not know, Unavailable
    for whatever stands there that cannot be used.
    """
    if create and vault is None:
        raise InvalidInput("a new vault needs an id")
    new = vault if create else None
    place = _parse(url, database)
    if isinstance(place, Path):
        return _open_sqlite(place, new, origin)
    from privet.store.postgresql import open_postgresql

    return open_postgresql(place, vault=new, worker=worker, origin=origin, randomness=randomness)


def upgrade_store(url: str, database: DatabaseSettings | None = None) -> tuple[int, int]:
    """Brings the database at `url` to the newest schema, in one transaction; (schema before, schema now).

    Nothing to do is no error. Raises Unavailable for a newer one, or for what is no vault.
    """
    place = _parse(url, database)
    if isinstance(place, Address):
        from privet.store.postgresql import upgrade_postgresql

        return upgrade_postgresql(place)
    sqlite_file.check_path(place)
    store = SqliteStore(place, any_schema=True)
    try:
        with store.writing() as connection:
            return upgrade(connection)
    finally:
        store.close()


def _parse(url: str, database: DatabaseSettings | None) -> Path | Address:
    """A file's path, literally what follows `sqlite:///`, or a PostgreSQL address."""
    if url.startswith(_SQLITE):
        name = url.removeprefix(_SQLITE)
        if not name or name == ":memory:" or "\0" in name:
            raise InvalidInput("a vault needs a file: sqlite:///PATH")
        return Path(name)
    return parse_address(url, database or DatabaseSettings())


def _open_sqlite(path: Path, new: VaultId | None, origin: str) -> Store:
    if new is not None:
        _create_sqlite(path, new, origin)
    sqlite_file.check_path(path)
    try:
        return SqliteStore(path)
    except PrivetError as error:
        if error.code == "integrity":
            raise Unavailable(error.message) from None
        raise


def _create_sqlite(path: Path, vault: VaultId, origin: str) -> None:
    """Makes the file, or leaves none: what failed half way is ours, and was never a vault."""
    from sqlalchemy import create_engine, event

    from privet.store.schema import migrate
    from privet.store.vault_row import insert_vault

    driver = sqlite_file.get_driver()
    sqlite_file.create_file(driver, path)
    try:
        engine = create_engine(
            "sqlite://", module=driver, creator=lambda: sqlite_file.connect(driver, path, read_only=False)
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with explained():
            try:
                with engine.connect() as connection:
                    with connection.begin():
                        migrate(connection)
                        insert_vault(connection, vault, origin)
                    # The mark and the schema stand in the file itself from now on, not only in its WAL.
                    sqlite_file.truncate_wal(connection.connection.driver_connection)
            finally:
                engine.dispose()
    except BaseException:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            with suppress(OSError):
                path.with_name(name).unlink(missing_ok=True)
        raise
