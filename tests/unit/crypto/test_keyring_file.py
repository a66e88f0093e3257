"""The keyring file: what damage, other processes, a full disk and a kill do to it."""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from privet.crypto import keyring_file
from privet.crypto.framing import join, u32
from privet.crypto.kdf import expand
from privet.crypto.keyring import FileKeyring, ScryptCost
from privet.crypto.keyring_format import MAX_FILE, PassphraseKey, parse_keyring
from privet.crypto.keyring_material import MAX_EPOCH, KeyMaterial
from privet.errors import Conflict, IntegrityError, InvalidInput, KeyDestroyed, Unavailable

CHEAP = ScryptCost(log2_n=1, r=1)
WORDS = b"correct horse"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring"


@pytest.fixture
def ring(path: Path) -> FileKeyring:
    return FileKeyring.create(path, WORDS, cost=CHEAP)


def litter(path: Path) -> list[str]:
    """What else lies beside the keyring."""
    return [found.name for found in path.parent.iterdir() if found != path]


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_reopens(path: Path, ring: FileKeyring) -> None:
    """The same keys come back with the passphrase; the file is for its owner only and holds no key."""
    ring.add_epoch()
    again = FileKeyring.open(path, WORDS)
    assert again.epochs() == (1, 2)
    assert again.expand_root(b"x") == ring.expand_root(b"x")
    assert again.expand_epoch(2, b"x") == ring.expand_epoch(2, b"x")
    assert again.signer().public == ring.signer().public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not litter(path)


def test_no_raw_key_on_disk(path: Path) -> None:
    """No key and no passphrase stands in the file, raw or in hex."""
    drawn: list[bytes] = []

    def random(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    FileKeyring.create(path, WORDS, cost=CHEAP, random=random).add_epoch()
    data = path.read_bytes()
    keys = [value for value in drawn if len(value) == 32]
    assert len(keys) == 4
    for secret in [*keys, WORDS]:
        assert secret not in data
        assert secret.hex().encode() not in data


@pytest.mark.parametrize("passphrase", [b"battery", b"correct horse ", b"Correct horse"])
def test_wrong_passphrase(path: Path, ring: FileKeyring, passphrase: bytes) -> None:
    """One sentence, no hint, nothing of the passphrase in it."""
    with pytest.raises(Unavailable, match="wrong passphrase") as caught:
        FileKeyring.open(path, passphrase)
    assert passphrase.decode() not in str(caught.value)


def test_empty_passphrase(path: Path, ring: FileKeyring) -> None:
    """An empty passphrase neither makes nor opens nor replaces."""
    with pytest.raises(InvalidInput):
        FileKeyring.create(path.with_name("other"), b"", cost=CHEAP)
    with pytest.raises(InvalidInput):
        FileKeyring.open(path, b"")
    with pytest.raises(InvalidInput):
        ring.change_passphrase(b"", cost=CHEAP)


def test_every_byte_counts(path: Path, ring: FileKeyring) -> None:
    """A flip anywhere gives a typed refusal, or, in white space or the case of a hex digit, the same keys."""
    ring.add_epoch()
    data = path.read_bytes()
    refused = 0
    for at in range(len(data)):
        for flip in (0x01, 0x20):
            path.write_bytes(data[:at] + bytes((data[at] ^ flip,)) + data[at + 1 :])
            try:
                found = FileKeyring.open(path, WORDS)
            except (IntegrityError, Unavailable):
                refused += 1
            else:
                assert found.epochs() == (1, 2)
                assert found.expand_root(b"x") == ring.expand_root(b"x")
                assert found.expand_epoch(2, b"x") == ring.expand_epoch(2, b"x")
    assert refused > len(data)


def test_every_truncation(path: Path, ring: FileKeyring) -> None:
    """A file cut short at any byte is damage, not a traceback."""
    data = path.read_bytes()
    for size in range(len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(IntegrityError, match="damaged"):
            FileKeyring.open(path, WORDS)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b'"privet/keyring"',
        b'{"format": "age"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": "privet/keyring", "version": 1}',
        b'{"format": "privet/keyring", "version": "1"}',
        b'{"format": "privet/keyring", "version": 0}',
        b'{"format": "privet/keyring", "version": true}',
        b" " * (MAX_FILE + 1),
    ],
    ids=lambda content: content[:44].decode("latin-1"),
)
def test_foreign_files(path: Path, content: bytes) -> None:
    """JSON of something else, no JSON, deep JSON and huge files are damage."""
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"):
        FileKeyring.open(path, WORDS)


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "kdf no object": lambda d: d.update(kdf=[]),
    "kdf a number": lambda d: d.update(kdf=7),
    "kdf unknown": lambda d: d["kdf"].update(name="argon2"),
    "kdf extra": lambda d: d["kdf"].update(extra=1),
    "cost a string": lambda d: d["kdf"].update(log2_n="17"),
    "cost a boolean": lambda d: d["kdf"].update(p=True),
    "cost zero": lambda d: d["kdf"].update(r=0),
    "cost negative": lambda d: d["kdf"].update(log2_n=-1),
    "cost over 1 GiB": lambda d: d["kdf"].update(log2_n=25, r=64),
    "salt short": lambda d: d["kdf"].update(salt="00"),
    "salt no hex": lambda d: d["kdf"].update(salt="zz" * 16),
    "keys a list": lambda d: d.update(keys=[]),
    "no keys": lambda d: d.update(keys={}),
    "no root": lambda d: d["keys"].pop("root"),
    "no seed": lambda d: d["keys"].pop("signing"),
    "no epoch": lambda d: d["keys"].pop("epoch:1"),
    "key a number": lambda d: d["keys"].update(root=1),
    "key short": lambda d: d["keys"].update(root="00"),
    "unknown key": lambda d: d["keys"].update({"rout": "00" * 40}),
    "epoch zero": lambda d: d["keys"].update({"epoch:0": "00" * 40}),
    "epoch padded": lambda d: d["keys"].update({"epoch:01": "00" * 40}),
    "epoch too large": lambda d: d["keys"].update({"epoch:4294967296": "00" * 40}),
    "epoch huge": lambda d: d["keys"].update({"epoch:" + "9" * 5000: "00" * 40}),
    "epoch foreign digits": lambda d: d["keys"].update({"epoch:٣": "00" * 40}),
    "mac missing": lambda d: d.pop("mac"),
    "mac short": lambda d: d.update(mac="00"),
    "something extra": lambda d: d.update(extra=1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(path: Path, ring: FileKeyring, name: str) -> None:
    """Every part is checked before any key is derived."""
    edited(path, MALFORMED[name])
    with pytest.raises(IntegrityError, match="damaged"):
        parse_keyring(path.read_bytes())


def test_newer_version(path: Path, ring: FileKeyring) -> None:
    """A newer file says to upgrade, whatever else it holds."""
    edited(path, lambda d: d.update(version=2, kdf="new"))
    with pytest.raises(Unavailable, match="upgrade"):
        FileKeyring.open(path, WORDS)


def test_no_downgrade(path: Path, ring: FileKeyring) -> None:
    """Cost and salt are bound: an edited file does not open, so nobody makes guesses cheaper."""
    FileKeyring.create(path.with_name("dear"), WORDS, cost=ScryptCost(log2_n=4))
    edited(path.with_name("dear"), lambda d: d["kdf"].update(log2_n=1))
    with pytest.raises(Unavailable, match="wrong passphrase"):
        FileKeyring.open(path.with_name("dear"), WORDS)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["keys"].pop("epoch:1"),
        lambda d: d["keys"].update({"epoch:1": d["keys"]["epoch:2"]}),
        lambda d: d["keys"].update({"epoch:9": d["keys"]["epoch:2"]}),
        lambda d: d["keys"].update({"signing": d["keys"]["epoch:2"]}),
        lambda d: d.update(mac="00" * 32),
    ],
    ids=["epoch dropped", "epoch swapped", "epoch added", "seed swapped", "mac"],
)
def test_edited_by_one_without_the_passphrase(
    path: Path, ring: FileKeyring, change: Callable[[dict[str, Any]], object]
) -> None:
    """Keys cannot be dropped, added or moved to another label."""
    ring.add_epoch()
    edited(path, change)
    with pytest.raises(IntegrityError, match="altered"):
        FileKeyring.open(path, WORDS)


def test_root_swapped(path: Path, ring: FileKeyring) -> None:
    """A root that is another key's wrap looks like a wrong passphrase: neither opens."""
    edited(path, lambda d: d["keys"].update(root=d["keys"]["signing"]))
    with pytest.raises(Unavailable, match="wrong passphrase"):
        FileKeyring.open(path, WORDS)


def test_missing_and_unreadable(path: Path, tmp_path: Path) -> None:
    """No file, a directory, or a missing directory is Unavailable, with a sentence."""
    with pytest.raises(Unavailable, match="no keyring file"):
        FileKeyring.open(path, WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.open(tmp_path, WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.open(tmp_path / ("x" * 300), WORDS)
    with pytest.raises(Unavailable):
        FileKeyring.create(tmp_path / "none" / "keyring", WORDS, cost=CHEAP)


def test_never_replaces(path: Path, ring: FileKeyring) -> None:
    """A second create is a conflict and leaves the file and no litter."""
    before = path.read_bytes()
    with pytest.raises(Conflict):
        FileKeyring.create(path, b"other", cost=CHEAP)
    assert path.read_bytes() == before
    assert not litter(path)


def test_change_passphrase(path: Path, ring: FileKeyring) -> None:
    """The new passphrase opens the same keys, the old one nothing; this keyring works on."""
    root = ring.expand_root(b"x")
    ring.change_passphrase(b"new words", cost=ScryptCost(log2_n=2))
    assert ring.cost == ScryptCost(log2_n=2)
    assert FileKeyring.open(path, b"new words").expand_root(b"x") == root
    with pytest.raises(Unavailable):
        FileKeyring.open(path, WORDS)
    assert ring.add_epoch() == 2
    assert FileKeyring.open(path, b"new words").epochs() == (1, 2)


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


def test_default_cost() -> None:
    """The default is scrypt N=2^17, r=8, p=1: 128 MiB a guess; less is weak, and more than 1 GiB is refused."""
    assert ScryptCost(log2_n=17, r=8, p=1) == keyring_file.DEFAULT_COST
    assert ScryptCost().memory == 128 << 20
    assert not ScryptCost().is_weak
    assert CHEAP.is_weak
    assert ScryptCost(log2_n=17, r=4).is_weak
    with pytest.raises(InvalidInput):
        ScryptCost(log2_n=21)


def test_derivation_is_as_documented() -> None:
    """A label's key is HKDF-Expand of scrypt's output (by another implementation) over label, cost and salt."""
    salt, cost = b"0123456789abcdef", ScryptCost(log2_n=4, r=2, p=3)
    key = PassphraseKey(WORDS, salt, cost)
    scrypted = Scrypt(salt=salt, length=32, n=16, r=2, p=3).derive(WORDS)
    info = join(b"privet/keyring/v1", u32(4), u32(2), u32(3), salt, b"epoch:1")
    assert key.derive("epoch:1") == expand(scrypted, info)
    with pytest.raises(InvalidInput):
        PassphraseKey(WORDS, b"short", CHEAP)


def test_material_bounds() -> None:
    """Key material refuses what no keyring holds, and there is no epoch after the last."""
    for bad in ({}, {0: bytes(32)}, {1: bytes(31)}):
        with pytest.raises(InvalidInput):
            KeyMaterial(root=bytes(32), seed=bytes(32), keks=bad)
    last = KeyMaterial(root=bytes(32), seed=bytes(32), keks={MAX_EPOCH: bytes(32)})
    with pytest.raises(InvalidInput):
        last.with_next_epoch(os.urandom)
