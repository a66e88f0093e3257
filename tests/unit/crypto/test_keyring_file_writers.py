"""The keyring file: other processes, a failing disk and a kill while it is written."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from privet.crypto import keyring_file
from privet.crypto.keyring import FileKeyring
from privet.errors import KeyDestroyed, Unavailable
from tests.unit.crypto.keyring_files import CHEAP, WORDS, litter


def test_other_processes_rotation_is_seen(path: Path, ring: FileKeyring) -> None:
    """An epoch opened elsewhere is found when first met; one destroyed elsewhere is gone at the next reload."""
    other = FileKeyring.open(path, WORDS)
    assert ring.add_epoch() == 2
    assert other.epochs() == (1,)
    assert other.expand_epoch(2, b"x") == ring.expand_epoch(2, b"x")
    ring.destroy_epoch(1)
    other.reload()
    with pytest.raises(KeyDestroyed):
        other.expand_epoch(1, b"x")


def test_writers_take_what_others_wrote(path: Path, ring: FileKeyring) -> None:
    """Two keyrings on one file never give one epoch number to two keys."""
    other = FileKeyring.open(path, WORDS)
    assert [ring.add_epoch(), other.add_epoch(), ring.add_epoch()] == [2, 3, 4]
    other.reload()
    assert [other.expand_epoch(epoch, b"x") for epoch in (1, 2, 3, 4)] == [
        ring.expand_epoch(epoch, b"x") for epoch in (1, 2, 3, 4)
    ]


def test_a_change_that_stat_does_not_show(path: Path, ring: FileKeyring) -> None:
    """Same inode, size and time, other keys (inode numbers return, clocks tick slowly): a reload still sees it."""
    ring.add_epoch()
    other = FileKeyring.open(path, WORDS)
    opened = path.stat()
    kept = path.with_name("kept")
    kept.hardlink_to(path)
    ring.add_epoch()
    ring.destroy_epoch(1)
    changed = path.read_bytes()
    kept.replace(path)
    path.write_bytes(changed)
    os.utime(path, ns=(opened.st_atime_ns, opened.st_mtime_ns))
    now = path.stat()
    assert (now.st_ino, now.st_size, now.st_mtime_ns) == (opened.st_ino, opened.st_size, opened.st_mtime_ns)
    other.reload()
    assert other.epochs() == (2, 3)


def test_threads_and_files_race(path: Path, ring: FileKeyring) -> None:
    """Many writers at once: every epoch counted once, nothing lost."""
    others = [ring, *(FileKeyring.open(path, WORDS) for _ in range(3))]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda ring=ring: found.extend(ring.add_epoch() for _ in range(5)))
        for ring in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(2, 22))
    assert FileKeyring.open(path, WORDS).current_epoch == 21


def test_passphrase_changed_elsewhere(path: Path, ring: FileKeyring) -> None:
    """A process that knows only the old passphrase is told so, and writes nothing."""
    other = FileKeyring.open(path, WORDS)
    ring.change_passphrase(b"new words", cost=CHEAP)
    before = path.read_bytes()
    for act in (other.reload, other.add_epoch):
        with pytest.raises(Unavailable, match="passphrase was changed"):
            act()
    assert path.read_bytes() == before


def test_lock_held_elsewhere(path: Path, ring: FileKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer waits for the lock only so long, then says so."""
    monkeypatch.setattr(keyring_file, "LOCK_WAIT_S", 0.05)
    with keyring_file._locked(path), pytest.raises(Unavailable, match="another process"):
        ring.add_epoch()
    assert ring.add_epoch() == 2


def test_file_replaced_while_locking(path: Path, ring: FileKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking another writer renames a new file in: the lock is then taken on the new one."""
    real = fcntl.flock
    opened: list[int] = []

    def late(descriptor: int, operation: int) -> None:
        if not opened:
            shutil.copy(path, path.with_name("new"))
            path.with_name("new").replace(path)
        opened.append(descriptor)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with keyring_file._locked(path), path.open("rb") as second, pytest.raises(BlockingIOError):
        real(second.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert len(opened) == 2


def test_file_gone_while_locking(path: Path, ring: FileKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or removes it: Unavailable, and nothing is written."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: path.unlink())
    with pytest.raises(Unavailable):
        ring.add_epoch()
    assert not path.exists()
    assert ring.epochs() == (1,)


def test_file_gone(path: Path, ring: FileKeyring) -> None:
    """With the file gone, derivations go on, changes and reloads do not."""
    path.unlink()
    assert ring.expand_epoch(1, b"x")
    with pytest.raises(Unavailable):
        ring.add_epoch()
    with pytest.raises(Unavailable):
        ring.reload()


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_failing_disk(path: Path, ring: FileKeyring, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A failing write, fsync or rename is Unavailable; the file on disk stays whole, and the keyring usable."""
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        if call == "fsync":
            broken.setattr(os, "fsync", fail)
        elif call == "replace":
            broken.setattr(Path, "replace", fail)
        else:
            broken.setattr(os, "fdopen", fail)
        with pytest.raises(Unavailable, match="No space left"):
            ring.add_epoch()
    assert path.read_bytes() == before
    assert ring.epochs() == (1,)
    assert ring.add_epoch() == 2
    assert not litter(path)


def test_directory_fsync_fails(path: Path, ring: FileKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """When only the last fsync fails the outcome is open: Unavailable, and a reload tells."""
    real, calls = os.fsync, []

    def second_fails(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        real(descriptor)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", second_fails)
        with pytest.raises(Unavailable):
            ring.add_epoch()
    ring.reload()
    assert ring.epochs() == FileKeyring.open(path, WORDS).epochs() == (1, 2)


def test_litter_of_a_crash(path: Path, ring: FileKeyring) -> None:
    """What a crash left beside the file is gone after the next change: it may hold an epoch since destroyed."""
    shutil.copy(path, path.with_name(".keyring.new"))
    ring.add_epoch()
    assert not litter(path)


KILLED = """
import os, sys
from pathlib import Path
from privet.crypto.keyring import FileKeyring
ring = FileKeyring.open(Path(sys.argv[1]), b"correct horse")
print("ready", flush=True)
while True:
    ring.add_epoch()
    ring.destroy_epoch(ring.epochs()[0])
"""


def test_kill_9(path: Path, ring: FileKeyring) -> None:
    """Killed at any moment of rotating, the file is whole and opens with every epoch it names."""
    for delay in (0.0, 0.003, 0.011, 0.02, 0.034):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            threading.Event().wait(delay)
            writer.kill()
        after = FileKeyring.open(path, WORDS)
        assert after.epochs() == tuple(range(after.epochs()[0], after.current_epoch + 1))
        assert after.expand_root(b"x") == ring.expand_root(b"x")
        assert all(after.expand_epoch(epoch, b"x") for epoch in after.epochs())
