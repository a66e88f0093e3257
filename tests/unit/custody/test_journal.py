"""The control journal: durable, chained, and honest about damage. Hostile and crashed files first."""

import errno
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.errors import Conflict, IntegrityError, InvalidInput, PrivetError, Unavailable
from privet.store.custody.journal import FRAME_SIZE, JournalFile
from privet.store.custody.journal_format import HEADER_SIZE

VAULT = VaultId(b"v" * 16)
ROOT = Path(__file__).parents[3]


def seeded(seed: int) -> Callable[[int], bytes]:
    """The same keys in every process of a test."""
    return lambda n: bytes((seed + i) % 256 for i in range(n))


@pytest.fixture
def keyring() -> MemoryKeyring:
    return MemoryKeyring(seeded(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path, keyring: MemoryKeyring) -> JournalFile:
    return JournalFile.create(path, keyring, VAULT)


def subject(n: int) -> SubjectId:
    return SubjectId(n.to_bytes(16, "big"))


def fill(journal: JournalFile, count: int) -> None:
    for n in range(1, count + 1):
        journal.append("erase", subject(n), at=Millis(n))


def reopened(path: Path) -> JournalFile:
    return JournalFile(path, MemoryKeyring(seeded(3)), VAULT)


def test_acts_come_back_in_order(journal: JournalFile, path: Path) -> None:
    """What was appended is read back, by another object too."""
    journal.append("erase", subject(1), at=Millis(10))
    journal.append("withdraw", subject(2), purpose="marketing.email", at=Millis(20))
    assert [tuple(record) for record in reopened(path).records()] == [
        (1, "erase", subject(1), "", 10),
        (2, "withdraw", subject(2), "marketing.email", 20),
    ]


def test_file_is_private_and_shows_nothing(journal: JournalFile, path: Path) -> None:
    """Mode 0600; no subject, purpose or act in clear, and every act takes the same room."""
    journal.append("withdraw", SubjectId(b"S" * 16), purpose="marketing.email", at=Millis(1))
    assert path.stat().st_mode & 0o777 == 0o600
    data = path.read_bytes()
    assert b"marketing" not in data
    assert b"S" * 16 not in data
    journal.append("erase", subject(2), at=Millis(1))
    assert journal.size() == len(data) + FRAME_SIZE


@pytest.mark.parametrize("cut", [*range(1, 40), *range(40, FRAME_SIZE + 1, 17), FRAME_SIZE])
def test_torn_tail_is_cut(journal: JournalFile, path: Path, cut: int) -> None:
    """A last record cut short at any byte is passed over by readers, and cut off by the next append."""
    fill(journal, 3)
    os.truncate(path, path.stat().st_size - cut)
    again = reopened(path)
    assert [record.position for record in again.records()] == [1, 2]
    again.append("restrict", subject(9), at=Millis(9))
    assert [record.act for record in reopened(path).records()] == ["erase", "erase", "restrict"]


@pytest.mark.parametrize("kept", [0, 4, 9, 20, 100, FRAME_SIZE - 16])
def test_tail_of_zeros_is_cut(journal: JournalFile, path: Path, kept: int) -> None:
    """A file that grew while its bytes never reached the disk: the record was not acknowledged."""
    fill(journal, 3)
    start = HEADER_SIZE + 2 * FRAME_SIZE
    with path.open("r+b") as file:
        file.seek(start + kept)
        file.write(bytes(FRAME_SIZE - kept))
    again = reopened(path)
    if 0 < kept < 9:  # a head that is half there is no head: it is not taken for a crash
        with pytest.raises(IntegrityError, match="record 3"):
            again.append("erase", subject(4), at=Millis(4))
        return
    again.append("object", subject(4), purpose="p", at=Millis(4))
    assert [record.act for record in reopened(path).records()] == ["erase", "erase", "object"]


@pytest.mark.parametrize("record", [1, 2, 3])
@pytest.mark.parametrize("at", [0, 3, 4, 5, 8, 9, 21, 100, FRAME_SIZE - 1])
def test_flipped_bit_is_named(journal: JournalFile, path: Path, record: int, at: int) -> None:
    """One bit anywhere in a whole record, the last one too, is damage, never a torn tail: it names the record."""
    fill(journal, 3)
    data = bytearray(path.read_bytes())
    data[HEADER_SIZE + (record - 1) * FRAME_SIZE + at] ^= 1
    path.write_bytes(data)
    for use in (lambda j: list(j.records()), lambda j: j.append("erase", subject(4), at=Millis(4))):
        with pytest.raises(IntegrityError, match=f"record {record}"):
            use(reopened(path))
    assert path.read_bytes() == bytes(data)


def test_dropped_swapped_or_repeated_records_are_found(journal: JournalFile, path: Path) -> None:
    """Whole records in other places are not what was written."""
    fill(journal, 4)
    data = path.read_bytes()
    frames = [data[HEADER_SIZE + i * FRAME_SIZE : HEADER_SIZE + (i + 1) * FRAME_SIZE] for i in range(4)]
    for order in ([0, 2, 3], [0, 2, 1, 3], [0, 1, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3]):
        path.write_bytes(data[:HEADER_SIZE] + b"".join(frames[i] for i in order))
        with pytest.raises(IntegrityError):
            list(reopened(path).records())


def test_records_of_another_journal_do_not_fit(
    journal: JournalFile, path: Path, keyring: MemoryKeyring, tmp_path: Path
) -> None:
    """The same vault's other journal: its records do not open in this one."""
    other = JournalFile.create(tmp_path / "other", keyring, VAULT)
    fill(journal, 1)
    fill(other, 1)
    path.write_bytes(path.read_bytes()[:HEADER_SIZE] + (tmp_path / "other").read_bytes()[HEADER_SIZE:])
    with pytest.raises(IntegrityError, match="record 1"):
        list(reopened(path).records())


@pytest.mark.parametrize(
    "other,vault", [(MemoryKeyring(seeded(4)), VAULT), (MemoryKeyring(seeded(3)), VaultId(b"w" * 16))]
)
def test_foreign_journal_is_refused(
    journal: JournalFile, path: Path, other: MemoryKeyring, vault: VaultId
) -> None:
    """Another keyring or vault reads nothing and appends nothing."""
    foreign = JournalFile(path, other, vault)
    before = path.read_bytes()
    with pytest.raises(IntegrityError):
        foreign.mark()
    with pytest.raises(IntegrityError):
        foreign.append("erase", subject(1), at=Millis(1))
    assert path.read_bytes() == before


@pytest.mark.parametrize("data", [b"", b"x" * 10, b"x" * 500])
def test_other_files_are_refused(journal: JournalFile, path: Path, data: bytes) -> None:
    """Not a journal: IntegrityError, and nothing of it is changed."""
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        reopened(path).append("erase", subject(1), at=Millis(1))
    assert path.read_bytes() == data


def test_newer_version_says_so(journal: JournalFile, path: Path) -> None:
    """A journal of a later Privet is not damage."""
    data = bytearray(path.read_bytes())
    data[20] = 2
    path.write_bytes(data)
    with pytest.raises(Unavailable, match="newer version"):
        reopened(path).mark()


def test_missing_journal_is_not_made_anew(path: Path, keyring: MemoryKeyring) -> None:
    """An act is refused rather than journaled into a fresh file that forgets the past."""
    with pytest.raises(Unavailable, match="no control journal"):
        JournalFile(path, keyring, VAULT).append("erase", subject(1), at=Millis(1))
    assert not path.exists()


def test_a_journal_that_cannot_be_opened_says_why(path: Path, keyring: MemoryKeyring) -> None:
    """What the system says, and the setting that names the file; no path, for the sentence goes to callers too."""
    path.mkdir()
    with pytest.raises(Unavailable, match=r"\(Is a directory\): look at journal\.path") as caught:
        JournalFile(path, keyring, VAULT).mark()
    assert str(path) not in str(caught.value)


def test_existing_journal_is_never_replaced(journal: JournalFile, path: Path, keyring: MemoryKeyring) -> None:
    """`create` over a journal is a Conflict."""
    before = path.read_bytes()
    with pytest.raises(Conflict):
        JournalFile.create(path, keyring, VAULT)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["pwrite", "fsync"])
def test_full_disk_leaves_no_half_record(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Half a write or a failed fsync: Unavailable, the record is taken back, and the next one stands."""
    fill(journal, 2)
    before = path.read_bytes()
    real_pwrite, calls = os.pwrite, []

    def half(fd: int, data: bytes, at: int) -> int:
        calls.append(at)
        if len(calls) == 1:
            return real_pwrite(fd, data[:20], at)
        raise OSError(errno.ENOSPC, "full")

    def lost(fd: int) -> None:
        calls.append(fd)
        if len(calls) == 1:
            raise OSError(errno.EIO, "lost")

    with monkeypatch.context() as broken:
        broken.setattr(os, failing, half if failing == "pwrite" else lost)
        with pytest.raises(Unavailable):
            journal.append("erase", subject(3), at=Millis(3))
    assert calls
    assert path.read_bytes() == before
    journal.append("restrict", subject(4), at=Millis(4))
    assert [record.act for record in reopened(path).records()] == ["erase", "erase", "restrict"]


def test_disk_that_stays_broken_ends_the_journal(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a record can neither be made durable nor taken back, this process appends no more."""
    fill(journal, 1)

    def broken_fsync(fd: int) -> None:
        raise OSError(errno.EIO, "lost")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", broken_fsync)
        with pytest.raises(Unavailable):
            journal.append("erase", subject(2), at=Millis(2))
    with pytest.raises(Unavailable, match="start again"):
        journal.append("erase", subject(3), at=Millis(3))


def test_journal_that_shrank_is_noticed(journal: JournalFile, path: Path) -> None:
    """Whole records that vanish under a process that wrote them are damage."""
    fill(journal, 3)
    os.truncate(path, HEADER_SIZE + FRAME_SIZE)
    with pytest.raises(IntegrityError, match="shorter"):
        journal.append("erase", subject(4), at=Millis(4))


def test_an_older_copy_does_not_extend_a_mark(journal: JournalFile, path: Path) -> None:
    """What a backup noted of the journal tells a copy that lacks some of it, and one of another history."""
    fill(journal, 2)
    old = path.read_bytes()
    journal.append("erase", subject(3), at=Millis(3))
    mark = journal.mark()
    journal.append("erase", subject(4), at=Millis(4))
    journal.verify_extends(mark)
    path.write_bytes(old)
    with pytest.raises(IntegrityError, match="older copy"):
        reopened(path).verify_extends(mark)
    reopened(path).append("erase", subject(9), at=Millis(3))
    with pytest.raises(IntegrityError, match="older copy"):
        reopened(path).verify_extends(mark)


def test_records_since_a_mark(journal: JournalFile) -> None:
    """Only what stands behind it."""
    fill(journal, 2)
    mark = journal.mark()
    journal.append("unrestrict", subject(3), at=Millis(3))
    assert [record.position for record in journal.records(mark)] == [3]


def test_reading_does_not_keep_writers_out(journal: JournalFile, path: Path) -> None:
    """While one reads, another appends; the reader sees what was there when it began."""
    fill(journal, 3)
    reading = reopened(path).records()
    first = next(reading)
    reopened(path).append("erase", subject(4), at=Millis(4))
    assert [first.position, *(record.position for record in reading)] == [1, 2, 3]


@pytest.mark.parametrize(
    "act,who,purpose",
    [("read", subject(1), ""), ("erase", SubjectId(b"short"), ""), ("object", subject(1), "p" * 3000)],
)
def test_malformed_acts_are_refused(journal: JournalFile, act: str, who: SubjectId, purpose: str) -> None:
    """An unknown act, a short id or an endless purpose: InvalidInput, and nothing is written."""
    size = journal.size()
    with pytest.raises(InvalidInput):
        journal.append(act, who, purpose=purpose, at=Millis(1))
    assert journal.size() == size


def test_long_purpose_fits(journal: JournalFile) -> None:
    """A purpose longer than the common padding takes more room, and comes back."""
    name = "ü" * 300
    journal.append("object", subject(1), purpose=name, at=Millis(1))
    assert next(journal.records()).purpose == name


def test_holder_of_keys_neither_shows_nor_pickles(journal: JournalFile) -> None:
    """repr hides, pickling is refused."""
    assert repr(journal) == "<JournalFile: hidden>"
    with pytest.raises(TypeError):
        pickle.dumps(journal)


def test_processes_append_in_turn(journal: JournalFile, path: Path) -> None:
    """Four processes, 30 acts each, and this one: every record is there and the chain holds."""
    program = (
        "import sys; from tests.unit.custody.test_journal import *\n"
        "j = reopened(Path(sys.argv[1]))\n"
        "for n in range(30): j.append('restrict', subject(int(sys.argv[2]) * 100 + n), at=Millis(n))\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), str(k)], cwd=ROOT) for k in range(1, 5)
    ]
    for n in range(30):
        journal.append("restrict", subject(n), at=Millis(n))
    assert [worker.wait(60) for worker in workers] == [0, 0, 0, 0]
    found = [int.from_bytes(record.subject, "big") for record in reopened(path).records()]
    assert sorted(found) == sorted(k * 100 + n for k in range(5) for n in range(30))


def test_errors_name_no_person(journal: JournalFile, path: Path) -> None:
    """No message holds a subject id."""
    fill(journal, 1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(PrivetError) as caught:
        list(reopened(path).records())
    assert subject(1).hex() not in str(caught.value)


@settings(max_examples=150)
@given(
    at=st.integers(0, HEADER_SIZE + 4 * FRAME_SIZE - 1),
    put=st.binary(max_size=40),
    drop=st.integers(0, 700),
)
def test_any_harm_gives_a_true_prefix_or_an_error(at: int, put: bytes, drop: int) -> None:
    """Bytes replaced, put in or cut out anywhere: never a record that was not written, never one skipped."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        fill(JournalFile.create(path, MemoryKeyring(seeded(3)), VAULT), 4)
        data = path.read_bytes()
        path.write_bytes(data[:at] + put + data[at + drop :])
        try:
            found = [int.from_bytes(record.subject, "big") for record in reopened(path).records()]
        except PrivetError:
            return
        assert found == list(range(1, len(found) + 1))
        # Short of all four only when the file now ends there: nothing whole stands behind what is passed over.
        whole = (path.stat().st_size - HEADER_SIZE) // FRAME_SIZE
        assert len(found) in (whole, whole - 1)


@pytest.mark.parametrize("after_ms", [20, 60, 110, 170, 240, 310])
def test_killed_at_a_random_moment_nothing_acknowledged_is_lost(
    journal: JournalFile, path: Path, after_ms: int
) -> None:
    """kill -9 of a process that appends without a pause: what it said was durable is there, and the chain goes on."""
    program = (
        "import sys; from tests.unit.custody.test_journal import *\n"
        "j = reopened(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    n += 1; j.append('erase', subject(n), at=Millis(n)); print(n, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        said = [worker.stdout.readline()]
        time.sleep(after_ms / 1000)
        worker.kill()
        said += worker.stdout.readlines()
    acknowledged = max(int(line) for line in said if line.endswith("\n"))
    fresh = reopened(path)
    fresh.append("restrict", subject(0), at=Millis(1))
    found = [record for record in fresh.records() if record.act == "erase"]
    assert len(found) >= acknowledged
    assert [record.at for record in found] == list(range(1, len(found) + 1))
