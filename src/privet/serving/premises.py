"""What must hold of a vault's directory before it is served: it can be written, and nobody else serves it on SQLite.

Refuses, as Unavailable with the path, what would go wrong only later: a checkpoint that cannot be anchored, a
withdrawal that cannot be journaled, two services that wait for each other's writes.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privet.config.settings import Settings
from privet.errors import Unavailable


class ServedAlready(Unavailable):
    """Another process serves the vault."""


def verify_writable(settings: Settings) -> None:
    """Raises Unavailable for the first place that this user may not write to, or that is on a read-only disk."""
    folders = [settings.directory, settings.anchors_path]
    files = [settings.journal_path, settings.keypack_path]
    if settings.is_sqlite:
        files.append(Path(settings.database_url.removeprefix("sqlite:///")))
    for path in [*folders, *files, *(file.parent for file in files)]:
        if path.exists() and not os.access(path, os.W_OK):
            raise Unavailable(
                f"{path} cannot be written by this user, or is on a read-only disk, and a vault that is served writes "
                "there: mend that, then start again"
            )


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else serves this directory meanwhile. Raises ServedAlready when somebody does."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise ServedAlready(
                    f"{directory} is served already, and SQLite has one writer: stop the other `privet serve`, or move "
                    "the vault to PostgreSQL (docs/backup.md)"
                ) from None
            # Some network file systems lock no directory; SQLite is not meant for them either.
        yield
    finally:
        os.close(held)
