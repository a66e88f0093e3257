"""A disk that is full, failing or read-only: one sentence, the transaction undone, the store usable afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from privet.domain.ports import Store
from privet.errors import Conflict, Unavailable
from privet.store import sqlite_file
from privet.store.sqlite import SqliteStore
from tests.contract.store.failing_disk import When, build_failing_sync, failing_commits
from tests.contract.store.rows import Rows
from tests.contract.store.test_log import append, assert_log_holds
from tests.unit.store.conftest import Open

ROOT = os.geteuid() == 0


def assert_usable(store: Store, rows: Rows) -> None:
    """The next write works, and the log is whole."""
    before = list(store.log.entries(0, store.log.size()))
    append(store, rows.entries(2))
    assert store.log.size() == len(before) + 2
    leaves = store.log.leaf_hashes(0, store.log.size())
    assert len(leaves) == len(before) + 2


def fill(store: Store, rows: Rows) -> int:
    """Writes until the disk is full; how many units were acknowledged."""
    done = 0
    with pytest.raises(Unavailable, match="full") as caught:
        for _ in range(10_000):
            with store.write() as unit:
                unit.insert_subject(rows.row()._replace(fields=rows.noise(20_000)))
                unit.append(rows.entries(3))
            done += 1
    assert "\n" not in caught.value.message
    return done


def test_a_database_at_its_size_limit(path: Path, open_sqlite: Open, rows: Rows) -> None:
    """SQLITE_FULL in the middle of a unit: undone, said, and when there is room again it goes on."""
    open_sqlite(path, create=True).close()
    raws = []

    def connect(driver: ModuleType, path: Path, *, read_only: bool) -> Any:
        raw = sqlite_file.connect(driver, path, read_only=read_only)
        raw.execute("PRAGMA max_page_count=200").fetchall()
        raws.append(raw)
        return raw

    store = SqliteStore(path, connect=connect)
    try:
        done = fill(store, rows)
        with store.read() as unit:
            assert unit.count_subjects() == done
        assert store.log.size() == 3 * done
        for raw in raws:
            raw.execute("PRAGMA max_page_count=100000").fetchall()
        assert_usable(store, rows)
    finally:
        store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    if not ROOT:
        pytest.skip("mounting a small file system needs root")
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def test_a_full_disk(small_disk: Path, open_sqlite: Open, rows: Rows) -> None:
    """Real ENOSPC: what was acknowledged is there, what was not is not, and with room again it goes on."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    store = open_sqlite(small_disk / "vault.db", create=True)
    done = fill(store, rows)
    with store.read() as unit:
        assert unit.count_subjects() == done
    assert store.log.size() == 3 * done
    ballast.unlink()
    assert_usable(store, rows)
    store.close()
    again = open_sqlite(small_disk / "vault.db")
    with again.read() as unit:
        assert unit.count_subjects() == done
    assert again.log.size() == 3 * done + 2


def test_a_backup_onto_a_full_disk(small_disk: Path, store: Store, rows: Rows) -> None:
    """No half backup stays, neither under its name nor another."""
    with store.write() as unit:
        for _ in range(200):
            unit.insert_subject(rows.row()._replace(fields=rows.noise(20_000)))
    with pytest.raises(Unavailable, match="full"):
        store.backup(str(small_disk / "vault.backup"))
    assert list(small_disk.iterdir()) == []
    assert_usable(store, rows)


def test_a_disk_that_turns_read_only(small_disk: Path, open_sqlite: Open, rows: Rows) -> None:
    """Opening and writing say so; reading what is there is not promised."""
    path = small_disk / "vault.db"
    open_sqlite(path, create=True).close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Unavailable) as caught:
        append(open_sqlite(path), rows.entries(1))
    assert "\n" not in caught.value.message


@pytest.mark.skipif(ROOT, reason="root may write anywhere")
def test_a_read_only_directory(tmp_path: Path, open_sqlite: Open) -> None:
    """A vault cannot be made where nothing can be written."""
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match="read-only"):
        open_sqlite(tmp_path / "vault.db", create=True)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_fails(
    path: Path, open_sqlite: Open, rows: Rows, when: When, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An I/O error from COMMIT, before or after it took effect: Unavailable, no transaction left open, tree right."""
    open_sqlite(path, create=True).close()
    with failing_commits(monkeypatch) as disk:
        store = open_sqlite(path)
        kept = sorted(rows.entries(300))
        append(store, kept)
        disk.when = when
        lost = sorted(rows.entries(300))
        with pytest.raises(Unavailable, match="disk"):
            append(store, lost)
        disk.when = "never"
        assert disk.failed == 1
        last = sorted(rows.entries(300))
        append(store, last)
        assert_log_holds(store.log, kept + (lost if when == "after" else []) + last)


def test_a_failed_backup_sync(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup whose fsync fails is not there."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable, match="disk"):
        store.backup(str(tmp_path / "vault.backup"))
    assert not [file for file in tmp_path.iterdir() if "backup" in file.name]


CHILD = """
import os, sys
from pathlib import Path
from types import ModuleType
from typing import Any
from privet.domain.ids import Millis, WorkerId
from privet.errors import Unavailable
from privet.store.opening import open_store
from tests.contract.store.rows import Rows
path, flag = sys.argv[1], Path(os.environ["FAILING_SYNC"])
store = open_store(f"sqlite:///{path}", worker=WorkerId(b"w" * 16), origin="", clock=lambda: Millis(0),
                   randomness=os.urandom)
rows = Rows(7)
def append():
    with store.write() as unit:
        unit.append(rows.entries(2))
append()
flag.touch()
try:
    append()
    print("acknowledged")
except Unavailable as error:
    print(error.message)
flag.unlink()
append()
print(store.log.size())
sys.stdout.flush()
os._exit(0)  # as kill -9 would: nothing is folded in
"""


def test_a_real_fsync_that_fails(path: Path, open_sqlite: Open, tmp_path: Path) -> None:
    """EIO from the real call: nothing is acknowledged, the store goes on, and a restart finds a whole log."""
    folder = tmp_path / "shim"
    folder.mkdir()
    shim = build_failing_sync(folder)
    if shim is None:
        pytest.skip("no C compiler")
    open_sqlite(path, create=True).close()
    root = Path(__file__).parents[3]
    environment = {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "FAILING_SYNC": str(folder / "flag"),
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    sentence, size = done.stdout.splitlines()
    assert "the disk refuses" in sentence
    assert size == "4"
    again = open_sqlite(path)
    assert again.log.size() == 4
    append(again, Rows(8).entries(300))
    assert len(again.log.leaf_hashes(0, 304)) == 304


def test_a_unit_inside_a_unit_is_refused_not_hung(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second write by the thread that already writes waits its bound, and then is told."""
    monkeypatch.setattr("privet.store.sqlite_writer.BUSY_MS", 100)
    with store.write() as unit:
        with pytest.raises(Unavailable), store.write():
            pass
        unit.append(rows.entries(1))
    assert store.log.size() == 1


def test_log_edge_is_not_trusted_over_the_database(store: Store, path: Path, rows: Rows) -> None:
    """Entries cut off behind our back: the tree goes on from what is there, not from what is remembered."""
    entries = sorted(rows.entries(600))
    append(store, entries)
    raw = sqlite_file.get_driver().connect(path)
    raw.execute("DELETE FROM entry WHERE pos >= 500")
    raw.commit()
    raw.close()
    more = sorted(rows.entries(100))
    append(store, more)
    assert store.log.size() == 600
    assert [row.id for row in store.log.entries(500, 600)] == [entry.id for entry in more]


def test_conflicts_do_not_leak_a_transaction(store: Store, rows: Rows) -> None:
    """After many undone units the writer still has no transaction open."""
    for _ in range(20):
        with pytest.raises(Conflict), store.write() as unit:
            unit.set_controls(5, b"")
    store.checkpoint_files()


def test_a_connection_that_cannot_roll_back_is_thrown_away(path: Path, open_sqlite: Open, rows: Rows) -> None:
    """When even the rollback fails, the next unit gets a new connection and nothing of the old one is there."""
    open_sqlite(path, create=True).close()
    broken: list[bool] = []

    class Stuck(sqlite_file.get_driver().Connection):  # type: ignore[misc]
        def rollback(self) -> None:
            if broken:
                raise sqlite_file.get_driver().OperationalError("disk I/O error")
            super().rollback()

    def connect(driver: ModuleType, path: Path, *, read_only: bool) -> Any:
        return driver.connect(path, isolation_level=None, check_same_thread=False, factory=Stuck)

    store = SqliteStore(path, connect=connect)
    try:
        with pytest.raises(Conflict), store.write() as unit:
            unit.append(rows.entries(3))
            broken.append(True)
            unit.set_controls(9, b"")
        broken.clear()
        assert store.log.size() == 0
        assert_usable(store, rows)
    finally:
        store.close()
