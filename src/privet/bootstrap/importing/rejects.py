"""The rejects file: which rows were not taken, where, and why. Never what they said.

Mode 0600 all the same: line numbers point into a file of personal data. Refuses nothing; a full disk is Unavailable.
"""

import csv
import io
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from privet.bootstrap.importing.source import BadRow
from privet.errors import Unavailable
from privet.store.custody.durable import write_all

_HEADER = ("line", "column", "reason")


class Rejects:
    """A CSV file that appears with its first row. `kept` is how much of an earlier run's file counts."""

    def __init__(self, path: Path, kept: int) -> None:
        self.path = path
        # Another file than the earlier run's, or none: what is not there cannot be kept.
        self.size = min(kept, _size_of(path))
        self._fd: int | None = None

    def add(self, row: BadRow) -> None:
        """One rejected row. Raises Unavailable when it cannot be written."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if self.size == 0:
            writer.writerow(_HEADER)
        writer.writerow((row.line, row.column, row.reason))
        data = text.getvalue().encode("utf-8", "backslashreplace")
        try:
            write_all(self._file(), data, self.size)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be written ({error.strerror})") from None
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Takes back what was added since `size`: its batch is tried again."""
        self.size = size
        if self._fd is not None:
            os.ftruncate(self._fd, size)

    def sync(self) -> None:
        """What was added is durable when this returns."""
        if self._fd is None:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be written ({error.strerror})") from None

    def _file(self) -> int:
        if self._fd is None:
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._fd = os.open(self.path, flags, 0o600)
                os.fchmod(self._fd, 0o600)
                os.ftruncate(self._fd, self.size)
            except OSError as error:
                raise Unavailable(f"{self.path} cannot be made ({error.strerror})") from None
        return self._fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # making it will tell why
