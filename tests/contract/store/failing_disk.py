"""Disks that fail: a connection whose COMMIT meets what a disk can do, and a real fsync that returns EIO.

`failing_commits` works through the whole of Privet, since every SQLite store opens its connections by
`privet.store.sqlite_file.connect`. `build_failing_sync` makes a library for LD_PRELOAD; it needs a C compiler.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from privet.store import sqlite_file

When = Literal["never", "before", "after"]

_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int failing(void) {
    const char *flag = getenv("FAILING_SYNC");
    return flag && access(flag, F_OK) == 0;
}
#define SHIM(name) \
    int name(int fd) { \
        if (failing()) { errno = EIO; return -1; } \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name); \
        return real(fd); \
    }
SHIM(fsync)
SHIM(fdatasync)
"""


class Disk:
    """`when` the next COMMITs fail: before anything was done, or after SQLite has done it."""

    def __init__(self) -> None:
        self.when: When = "never"
        self.failed = 0


@contextmanager
def failing_commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Within, stores that are opened commit as `Disk.when` says."""
    disk = Disk()
    driver: Any = sqlite_file.get_driver()
    real = sqlite_file.connect

    class Connection(driver.Connection):  # type: ignore[misc]
        def execute(self, statement: str, *arguments: Any) -> Any:
            if statement != "COMMIT" or disk.when == "never":
                return super().execute(statement, *arguments)
            disk.failed += 1
            if disk.when == "after":
                super().execute(statement)
            error = driver.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error

    def connect(module: Any, path: Path, *, read_only: bool) -> Any:
        opening = module.connect
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "connect", lambda *a, **k: opening(*a, factory=Connection, **k))
            return real(module, path, read_only=read_only)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_file, "connect", connect)
        yield disk


def build_failing_sync(folder: Path) -> Path | None:
    """A library that makes fsync and fdatasync fail while the file named by $FAILING_SYNC exists; None without cc."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "sync.c", folder / "sync.so"
    source.write_text(_SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
