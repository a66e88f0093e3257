"""The keypack: whole, ours, of this epoch, or refused; and what is forgotten is gone from the disk."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.crypto.envelope import new_subject_keys, wrap_subject_keys
from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput, Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import FORGOTTEN, KeypackFile
from privet.store.custody.keypack_format import HEADER_SIZE, RECORD_SIZE

VAULT = VaultId(b"v" * 16)
Rows = list[tuple[SubjectId, bytes]]


@pytest.fixture
def keyring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def rows(keyring: MemoryKeyring) -> Rows:
    subjects = sorted(SubjectId(os.urandom(16)) for _ in range(40))
    return [(s, wrap_subject_keys(keyring, VAULT, s, 1, new_subject_keys())) for s in subjects]


@pytest.fixture
def journal(keyring: MemoryKeyring, tmp_path: Path) -> JournalFile:
    return JournalFile.create(tmp_path / "journal", keyring, VAULT)


@pytest.fixture
def pack(keyring: MemoryKeyring, rows: Rows, journal: JournalFile, tmp_path: Path) -> KeypackFile:
    made = KeypackFile(tmp_path / "keypack", keyring, VAULT)
    assert made.write(1, lambda: rows, journal) == len(rows)
    return made


def content(pack: KeypackFile) -> Rows:
    return list(pack.read()[1])


def test_holds_everybody(pack: KeypackFile, rows: Rows) -> None:
    """What was written is read back, verified, and private."""
    assert content(pack) == rows
    head = pack.find_head()
    assert head is not None
    assert head == (1, len(rows))
    assert pack.verify(rows) == len(rows)
    assert pack.path.stat().st_mode & 0o777 == 0o600


def test_empty_vault_has_an_empty_keypack(
    keyring: MemoryKeyring, journal: JournalFile, tmp_path: Path
) -> None:
    """Nobody is no special case."""
    made = KeypackFile(tmp_path / "keypack", keyring, VAULT)
    assert made.write(1, list, journal) == 0
    assert content(made) == []


@pytest.mark.parametrize("which", [0, 1, 19, 38, 39])
def test_forgotten_is_gone_from_the_file(pack: KeypackFile, rows: Rows, which: int) -> None:
    """First, last and between: zeros stand where her keys stood, and everybody else is untouched."""
    subject, keys = rows[which]
    pack.forget(subject)
    assert keys not in pack.path.read_bytes()
    pack.forget(subject)
    assert content(pack) == [(s, FORGOTTEN if s == subject else k) for s, k in rows]
    assert pack.verify(rows) == len(rows) - 1


def test_forgetting_nobody_is_no_error(pack: KeypackFile, rows: Rows, tmp_path: Path) -> None:
    """She who is not in it, and a keypack that is not there."""
    pack.forget(SubjectId(bytes(16)))
    pack.forget(SubjectId(b"\xff" * 16))
    assert content(pack) == rows
    KeypackFile(tmp_path / "none", MemoryKeyring(), VAULT).forget(rows[0][0])
    assert not (tmp_path / "none").exists()
    with pytest.raises(InvalidInput):
        pack.forget(SubjectId(b"short"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-1],
        lambda data: data[: HEADER_SIZE + 5],
        lambda data: data[:10],
        lambda data: b"",
        lambda data: data + b"\0",
        lambda data: b"X" + data[1:],
        lambda data: data[:-1] + bytes((data[-1] ^ 1,)),
        # one person dropped, with the count put right
        lambda data: (
            data[:40] + (39).to_bytes(5, "big") + data[45:HEADER_SIZE] + data[HEADER_SIZE + RECORD_SIZE :]
        ),
        # two people in the wrong order
        lambda data: (
            data[:HEADER_SIZE]
            + data[HEADER_SIZE + RECORD_SIZE : HEADER_SIZE + 2 * RECORD_SIZE]
            + data[HEADER_SIZE : HEADER_SIZE + RECORD_SIZE]
            + data[HEADER_SIZE + 2 * RECORD_SIZE :]
        ),
        # another epoch in the header, and in one record
        lambda data: data[:36] + b"\x02" + data[37:],
        lambda data: data[: HEADER_SIZE + 20] + b"\x02" + data[HEADER_SIZE + 21 :],
        # a subject id altered
        lambda data: (
            data[: HEADER_SIZE + 15] + bytes((data[HEADER_SIZE + 15] ^ 1,)) + data[HEADER_SIZE + 16 :]
        ),
    ],
)
def test_damage_is_refused(pack: KeypackFile, harm: Callable[[bytes], bytes]) -> None:
    """Truncated, lengthened, shuffled, of another epoch: IntegrityError, before anything of it is used."""
    pack.path.write_bytes(harm(pack.path.read_bytes()))
    with pytest.raises(IntegrityError):
        content(pack)


def test_altered_keys_do_not_verify(pack: KeypackFile, rows: Rows) -> None:
    """Keys that do not unwrap, and keys of another person in her place."""
    data = bytearray(pack.path.read_bytes())
    data[HEADER_SIZE + 50] ^= 1
    pack.path.write_bytes(data)
    with pytest.raises(IntegrityError):
        pack.verify(rows)
    data[HEADER_SIZE + 50] ^= 1
    data[HEADER_SIZE + 16 : HEADER_SIZE + RECORD_SIZE] = data[
        HEADER_SIZE + RECORD_SIZE + 16 : HEADER_SIZE + 2 * RECORD_SIZE
    ]
    pack.path.write_bytes(data)
    with pytest.raises(IntegrityError):
        pack.verify(rows)


def test_foreign_keypack_is_refused(pack: KeypackFile, keyring: MemoryKeyring) -> None:
    """Of another vault, another keyring, a newer version."""
    with pytest.raises(IntegrityError, match="another vault"):
        KeypackFile(pack.path, keyring, VaultId(b"w" * 16)).read()
    with pytest.raises(IntegrityError):
        content(KeypackFile(pack.path, MemoryKeyring(), VAULT))
    data = bytearray(pack.path.read_bytes())
    data[16] = 9
    pack.path.write_bytes(data)
    with pytest.raises(Unavailable, match="newer version"):
        pack.read()


def test_missing_keypack_says_what_to_do(keyring: MemoryKeyring, tmp_path: Path) -> None:
    """There is no empty answer for a keypack that is gone."""
    gone = KeypackFile(tmp_path / "keypack", keyring, VAULT)
    assert gone.find_head() is None
    for use in (gone.read, lambda: gone.verify([])):
        with pytest.raises(Unavailable, match="no keypack"):
            use()


def test_nothing_is_published_that_does_not_unwrap(
    pack: KeypackFile, rows: Rows, journal: JournalFile
) -> None:
    """A row whose keys are damaged keeps the old keypack in place."""
    before = pack.path.read_bytes()
    last = rows[0][1][-1] ^ 1
    harmed = [(rows[0][0], rows[0][1][:-1] + bytes([last])), *rows[1:]]
    with pytest.raises(IntegrityError):
        pack.write(1, lambda: harmed, journal)
    assert pack.path.read_bytes() == before


def test_database_that_disagrees_stops_it(pack: KeypackFile, rows: Rows, journal: JournalFile) -> None:
    """The second look finds other keys than the first."""
    looks = iter([rows, [(rows[0][0], rows[1][1]), *rows[1:]]])
    with pytest.raises(IntegrityError, match="disagree"):
        pack.write(1, lambda: next(looks), journal)


def test_erased_between_the_looks_is_left_out(pack: KeypackFile, rows: Rows, journal: JournalFile) -> None:
    """Her row was there at the first look and not at the second."""
    looks = iter([rows, rows[1:]])
    pack.write(1, lambda: next(looks), journal)
    assert content(pack)[0] == (rows[0][0], FORGOTTEN)


@pytest.mark.parametrize("when", [1, 2])
def test_erasure_under_way_is_seen_in_the_journal(
    pack: KeypackFile, rows: Rows, journal: JournalFile, when: int
) -> None:
    """Journaled and forgotten while the keypack was written, and not yet committed: both looks still find her."""
    subject = rows[7][0]
    looked = 0

    def live() -> Rows:
        nonlocal looked
        looked += 1
        if looked == when:
            journal.append("erase", subject, at=Millis(1))
            pack.forget(subject)
        return rows

    pack.write(1, live, journal)
    assert dict(content(pack))[subject] == FORGOTTEN
    assert rows[7][1] not in pack.path.read_bytes()


@pytest.mark.parametrize("failing", ["pwrite", "fsync", "rename"])
def test_full_disk_keeps_the_old_one(
    pack: KeypackFile, rows: Rows, journal: JournalFile, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Whatever fails: Unavailable, and the keypack that stood stands."""
    before = pack.path.read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as broken:
        if failing == "rename":
            broken.setattr(Path, "replace", full)
        else:
            broken.setattr(os, failing, full)
        with pytest.raises(Unavailable):
            pack.write(1, lambda: rows[1:], journal)
    assert pack.path.read_bytes() == before
    assert pack.write(1, lambda: rows[1:], journal) == len(rows) - 1


def test_forgetting_that_fails_is_told(
    pack: KeypackFile, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure does not go on past keys that may still be on the disk."""

    def lost(fd: int) -> None:
        raise OSError(errno.EIO, "lost")

    monkeypatch.setattr(os, "fsync", lost)
    with pytest.raises(Unavailable):
        pack.forget(rows[0][0])


def test_left_over_half_file_is_replaced(pack: KeypackFile, rows: Rows, journal: JournalFile) -> None:
    """A crash left half a keypack beside: forgetting passes over it, the next rotation makes it anew."""
    beside = pack.path.with_name(".keypack.new")
    beside.write_bytes(b"half")
    pack.forget(rows[0][0])
    assert pack.write(1, lambda: rows[1:], journal) == len(rows) - 1
    assert not beside.exists()
