"""Where a restored database is made ready, and how it takes the place of the live one.

SQLite: a file beside the live one, which is put in its place by one rename; the old one stands aside under another
name. Refuses while another process has the live database open. Other backends: see `load_backup` of their adapter;
there a restore goes into an empty database, and the live one is not touched.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from privet.domain.ids import Millis, from_millis
from privet.errors import Unavailable
from privet.store import sqlite_file
from privet.store.custody.durable import disk, sync, sync_directory
from privet.store.faults import explain

ASIDE: Final = ".before-restore-"
_OPEN: Final = "another process has this vault open: end it, then restore"


class SqliteStage:
    """The place beside the database file `live`."""

    def __init__(self, live: Path) -> None:
        self.live = live
        self.staged = live.with_name(f".{live.name}.restoring")

    @property
    def url(self) -> str:
        return f"sqlite:///{self.staged}"

    def load(self, source: Path) -> None:
        """A fresh copy of a backup's database, ready to be opened. Raises Unavailable, and leaves nothing then."""
        driver = sqlite_file.get_driver()
        self.discard()
        try:
            with disk():
                self.live.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with source.open("rb") as old, open(self.staged, "xb", opener=_private) as new:
                    shutil.copyfileobj(old, new, 1 << 20)
                    new.flush()
                    sync(new.fileno())
            sqlite_file.check_file(self.staged)
            try:
                connection = sqlite_file.connect(driver, self.staged, read_only=False)
                try:
                    connection.execute("PRAGMA journal_mode=WAL").fetchall()
                finally:
                    connection.close()
            except driver.Error as error:
                raise explain(error) from None
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
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


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
