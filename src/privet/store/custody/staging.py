"""Where a restored database is made ready, and how it takes the place of the live one.

SQLite: a file beside the live one, which is put in its place by one rename; the old one stands aside under another
name. PostgreSQL: the empty database that the settings name; the old one stays whichever it was. While it is being
filled it is marked with the token of its restore, so that nobody opens it, and the same restore, run again, empties it.
Refuses while another process has the live file open.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import delete

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import Millis, from_millis
from privet.domain.ports import Store
from privet.errors import Unavailable
from privet.store import sqlite_file
from privet.store import tables as t
from privet.store.custody.durable import disk, sync_directory
from privet.store.unfinished import RESTORING, drop_all, unfinished_restore

ASIDE: Final = ".before-restore-"
_SQLITE: Final = "sqlite:///"
_OPEN: Final = "another process has this vault open: end it, then restore"


class SqliteStage:
    """The place beside the database file `live`."""

    in_place = False

    def __init__(self, live: Path) -> None:
        self.live = live
        self.staged = live.with_name(f".{live.name}.restoring")

    @property
    def url(self) -> str:
        return f"{_SQLITE}{self.staged}"

    def discard(self, token: str | None) -> None:
        """What an interrupted restore left."""
        del token
        with disk():
            for name in ("", "-wal", "-shm", "-journal"):
                self.staged.with_name(self.staged.name + name).unlink(missing_ok=True)

    def verify_unused(self) -> None:
        """Raises Unavailable while another process has the live database open. A damaged one is in nobody's use."""
        if not self.live.exists():
            return
        driver = sqlite_file.get_driver()
        try:
            connection = sqlite_file.connect(driver, self.live, read_only=False)
            try:
                connection.execute("PRAGMA busy_timeout=500")
                connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("ROLLBACK")
            finally:
                connection.close()
        except driver.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(
                ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
            ):
                raise Unavailable(_OPEN) from None

    def mark(self, store: Store, token: str) -> None:
        """Nobody opens it under its name before it is published."""

    def publish(self, at: Millis) -> Path | None:
        """Puts the staged database in the live one's place; returns where the old one now stands. Again is no error.

        Never without a database: the old file gets its second name before the new one takes its first.
        """
        if not self.staged.exists():
            return self._find_aside(at)
        if self.staged.with_name(self.staged.name + "-wal").exists():
            raise Unavailable("the restored database was not closed: restore again")
        aside: Path | None = self._aside(at)
        with disk():
            if self.live.exists():
                assert aside is not None
                with suppress(FileExistsError):
                    os.link(self.live, aside)
                wal = self.live.with_name(self.live.name + "-wal")
                if wal.exists():  # never replayed into the new file
                    wal.replace(aside.with_name(aside.name + "-wal"))
            else:
                aside = None
            self.live.with_name(self.live.name + "-shm").unlink(missing_ok=True)
            sync_directory(self.live.parent)
            self.staged.replace(self.live)
            self.staged.with_name(self.staged.name + "-shm").unlink(missing_ok=True)
            sync_directory(self.live.parent)
        return aside

    def _aside(self, at: Millis) -> Path:
        return self.live.with_name(f"{self.live.name}{ASIDE}{from_millis(at):%Y%m%dT%H%M%S}-{at % 1000:03d}")

    def _find_aside(self, at: Millis) -> Path | None:
        aside = self._aside(at)
        return aside if aside.exists() else None


class EmptyDatabase:
    """A server's database, which must be empty: a restore is made in its place and needs no swap."""

    in_place = True

    def __init__(self, url: str, database: DatabaseSettings | None) -> None:
        self.url = url
        self._database = database

    def discard(self, token: str | None) -> None:
        """What the restore with this token left half done goes, and nothing else: that is not ours to delete."""
        if token is None:
            return
        with unfinished_restore(self.url, self._database, token) as connection:
            if connection is not None:
                drop_all(connection)

    def mark(self, store: Store, token: str) -> None:
        """Not to be opened before it is published."""
        with store.write() as unit:
            unit.set_service_note(RESTORING, token.encode())

    def verify_unused(self) -> None:
        """Creating a vault in it refuses whatever stands there."""

    def publish(self, at: Millis) -> Path | None:
        """It is in its place already, and nothing stands aside; from now on it may be opened. Again is no error."""
        del at
        with unfinished_restore(self.url, self._database, None) as connection:
            if connection is not None:
                connection.execute(delete(t.note).where(t.note.c.key == RESTORING))
        return None


Stage = SqliteStage | EmptyDatabase


def find_stage(url: str, database: DatabaseSettings | None = None) -> Stage:
    """The stage for a database URL."""
    if url.startswith(_SQLITE):
        return SqliteStage(Path(url.removeprefix(_SQLITE)))
    return EmptyDatabase(url, database)
