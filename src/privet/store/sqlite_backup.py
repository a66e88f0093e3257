"""A consistent copy of a SQLite vault, made while it is in use.

Refuses to overwrite. The copy appears under its name only when it is whole and durable.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from privet.errors import Conflict
from privet.store.faults import explain
from privet.store.sqlite_file import sync_directory

_PAGES = 1_024

Progress = Callable[[int, int], None]


def back_up(driver: ModuleType, source: Any, target: Path, progress: Progress | None) -> None:
    """Copies by SQLite's online backup. `source` is in a read transaction, so writers do not start it anew.

    `progress(done, total)` is in pages. Conflict when `target` exists.
    """

    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    def fill(path: Path) -> None:
        copy = driver.connect(str(path), isolation_level=None)
        try:
            copy.execute("PRAGMA synchronous=OFF")  # the whole file is synced at the end
            # A snapshot is held from the first statement of a transaction on.
            source.execute("SELECT 1 FROM vault").fetchall()
            source.backup(copy, pages=_PAGES, progress=tell, sleep=0)
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()
        finally:
            copy.close()

    publish(driver, target, fill)


def publish(driver: ModuleType, target: Path, fill: Callable[[Path], None]) -> None:
    """Has `fill` make a file beside `target`, makes it durable, and only then gives it that name."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        if target.exists():
            raise Conflict("the backup's target exists already; a backup never overwrites")
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            fill(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            try:
                os.link(partial, target)  # unlike a rename, this refuses to overwrite
            except FileExistsError:
                raise Conflict("the backup's target exists already; a backup never overwrites") from None
            sync_directory(target.parent)
        finally:
            for leftover in (partial, partial.with_name(partial.name + "-journal")):
                with suppress(OSError):
                    leftover.unlink(missing_ok=True)
    except (driver.Error, OSError) as error:
        raise explain(error) from None
