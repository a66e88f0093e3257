"""Where the workers' counts are kept: files of prometheus_client that all of them map, and whichever is asked reads.

A page of a mapped file that the disk has no room for kills the process that touches it (SIGBUS). So each file's bytes
are written before they are mapped; where that fails the worker keeps the count to itself, says so, and tries again.
Refuses to fail a request for want of room to count it.
"""

import contextlib
import fcntl
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

from privet.errors import Unavailable
from privet.serving.logs import get_log

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the directory; prometheus_client reads it as it is imported."""
MEMORY: Final = Path("/dev/shm")  # noqa: S108  the directory within it is made as tempfile makes one
_PREFIX: Final = "privet-metrics-"
_ROOM: Final = 1 << 20
"""Bytes free below which a file system is passed over, if another has more."""
_FIRST: Final = 1 << 14
_AGAIN_S: Final = 1.0
_YOUNG_S: Final = 60.0
"""A directory so young may be about to be locked."""
_LEAST: Final = 4 + 8 + 16
"""What an entry takes besides its key, at most."""


class CountsFile(MmapedDict):
    """One file of counts. Not thread-safe: prometheus_client holds a lock around each call."""

    def __init__(self, filename: str) -> None:
        """Opens nothing yet: that may fail."""
        self._path = Path(filename)
        self._f: Any = None
        self._positions: dict[str, int] = {}
        self._again = 0.0
        self._failing = False

    def read_value(self, key: str) -> tuple[float, float]:
        try:
            found: tuple[float, float] = super().read_value(key)  # type: ignore[no-untyped-call]  # it has no types
        except OSError as error:
            self._note(error)
            return 0.0, 0.0
        return found

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        try:
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]  # it has no types
        except OSError as error:
            self._note(error)  # who counts keeps the value, and brings it again with the next

    def _init_value(self, key: str) -> None:
        """A place for a key that has none. Raises OSError, and then all is as before."""
        if self._failing and time.monotonic() < self._again:
            raise BlockingIOError
        if self._f is None:
            self._open()
            if key in self._positions:  # of who had the place before
                return
        while self._used + len(key.encode()) + _LEAST > self._capacity:
            self._grow()
        super()._init_value(key)  # type: ignore[no-untyped-call]  # it has no types
        if self._failing:
            self._failing = False
            get_log().info("counts are shared again")

    def _open(self) -> None:
        """A file that was not whole when others could see it would fail whoever reads it."""
        if not self._path.exists():
            part = self._path.with_suffix(".part")
            try:
                with part.open("wb") as made:
                    _fill(made.fileno(), _FIRST)
                part.rename(self._path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
        try:
            super().__init__(self._path)  # type: ignore[no-untyped-call]  # it has no types
        except OSError:
            self._f = None
            raise

    def _grow(self) -> None:
        size = self._capacity * 2
        _fill(self._f.fileno(), size)
        self._m = mmap.mmap(self._f.fileno(), size)
        self._capacity = size

    def _note(self, error: OSError) -> None:
        if isinstance(error, BlockingIOError):
            return
        self._again = time.monotonic() + _AGAIN_S
        if not self._failing:
            self._failing = True
            get_log().error("new counts are not shared: nothing can be kept for them", reason=error.strerror)


def _fill(number: int, size: int) -> None:
    """Writes zeros up to `size`: posix_fallocate is not everywhere. Raises OSError, and then the size is as before."""
    before = end = os.fstat(number).st_size
    try:
        while end < size:
            end += os.pwrite(number, bytes(size - end), end)
    except OSError:
        os.ftruncate(number, before)
        raise


def share_counts(place: int) -> None:
    """Has what this process counts from now on kept in the directory, under its worker's place.

    Not under its number, as prometheus_client would: who takes the place of a worker that ended goes on in its files,
    so that there are as many as there are places.
    """
    values.MmapedDict = CountsFile  # type: ignore[attr-defined, assignment]  # what the next line makes files of
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]  # it has no types


def forget_worker(directory: str, place: int) -> None:
    """What a worker that ended said of itself; what it counted stays counted."""
    mark_process_dead(place, directory)  # type: ignore[no-untyped-call]  # it has no types


@contextlib.contextmanager
def shared_directory() -> Iterator[str]:
    """A directory for the workers' counts, in memory where that has room; it ends with the block.

    Raises Unavailable where none can be made.
    """
    reason: str | None = None
    for base in _bases():
        try:
            made = tempfile.mkdtemp(prefix=_PREFIX, dir=base)
            held = os.open(made, os.O_RDONLY)
        except OSError as error:
            reason = error.strerror
            continue
        try:
            with contextlib.suppress(OSError):  # not every file system has locks: there nothing is swept
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep(base)
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            os.close(held)
        return
    raise Unavailable(
        f"several workers count in a shared directory, and none can be made ({reason}); "
        f"make {MEMORY} or a temporary directory (TMPDIR) one that this user can write to"
    )


def _bases() -> list[Path]:
    """Where to make it, the best first."""
    found = [MEMORY] if MEMORY.is_dir() else []
    with contextlib.suppress(OSError):  # it writes a file to find out
        found.append(Path(tempfile.gettempdir()))
    return sorted(found, key=lambda base: not _has_room(base))


def _has_room(base: Path) -> bool:
    try:
        there = os.statvfs(base)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize >= _ROOM


def sweep(base: Path) -> None:
    """Removes what supervisors left behind that were killed: nobody holds its lock."""
    for left in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                there = os.fstat(held)
                if there.st_uid == os.geteuid() and there.st_mtime < time.time() - _YOUNG_S:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left)
            finally:
                os.close(held)
