"""Files that outlive a crash: locks between processes, fsync of file and directory, replacement as a whole.

Refuses to call something done before the disk has said so; every failure is Unavailable in one sentence.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from privet.errors import PrivetError, Unavailable
from privet.store.faults import explain

LOCK_WAIT_S = 5.0
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync(fd: int) -> None:
    """fsync, and on macOS through the drive's own cache, which fsync alone leaves behind there."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fsync(fd)


def sync_directory(path: Path) -> None:
    """Makes names in the directory durable."""
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def write_all(fd: int, data: bytes, at: int) -> None:
    """All of `data` at offset `at`, or OSError."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, at)
        view = view[done:]
        at += done


@contextlib.contextmanager
def disk() -> Iterator[None]:
    """Turns what the operating system says into Privet's words."""
    try:
        yield
    except OSError as error:
        raise explain(error) from None


def replace_file(path: Path, data: bytes) -> None:
    """The file's new content, whole: after a crash it is the old one or this. Mode 0600. Raises Unavailable."""
    beside = path.with_name(f".{path.name}.new")
    with disk():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(fd, data, 0)
            sync(fd)
        finally:
            os.close(fd)
        beside.replace(path)
        sync_directory(path.parent)


@contextlib.contextmanager
def locked(path: Path, busy: str, *, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold an exclusive lock on a file made for it. Unavailable(busy) when another process holds it too long."""
    with disk():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        take_lock(fd, busy, wait_s=wait_s)
        yield
    finally:
        os.close(fd)


def take_lock(fd: int, busy: str, *, wait_s: float = LOCK_WAIT_S) -> None:
    """An exclusive flock, released when `fd` is closed, also by the death of the process."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable(busy) from None
            time.sleep(0.01)
        except OSError as error:
            raise explain(error) from None
        else:
            return


def read_bytes(path: Path, missing: PrivetError, *, limit: int = 1 << 20) -> bytes:
    """A small file, whole. Raises `missing` when there is none, Unavailable when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise missing from None
    except OSError as error:
        raise explain(error) from None
