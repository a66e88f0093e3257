"""The journal as it is followed: what grew is taken in, what was put in its place is noticed."""

import os
from pathlib import Path

import pytest

from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import Millis
from privet.errors import IntegrityError
from privet.store.custody.journal import FRAME_SIZE, JournalFile
from privet.store.custody.journal_format import Mark
from privet.store.custody.standing import JournalWatch
from tests.unit.custody.test_journal import VAULT, fill, reopened, seeded, subject


class Walked(JournalFile):
    """Counts how often it was read from its beginning; has a copy put in its place as it is looked into."""

    walks = 0
    put: bytes | None = None

    def verify_extends(self, mark: Mark) -> None:
        self.walks += 1
        super().verify_extends(mark)

    def look(self) -> tuple[Mark, os.stat_result]:
        if self.put is not None:
            beside = self.path.with_name("beside")
            beside.write_bytes(self.put)
            beside.replace(self.path)
        return super().look()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Walked:
    return Walked.create(path, MemoryKeyring(seeded(3)), VAULT)  # type: ignore[return-value]  # it makes its own class


def test_what_grew_is_taken_in_without_reading_it_all(journal: Walked, path: Path) -> None:
    """By others too; what was read before is read again only when the file changed and did not grow."""
    watch = JournalWatch(journal)
    fill(journal, 2)
    watch.refresh()
    reopened(path).append("restrict", subject(9), at=Millis(9))
    watch.refresh()
    stands = watch.find(subject(9))
    assert stands is not None
    assert stands.restricted
    assert journal.walks == 0
    path.chmod(0o640)
    for _ in range(2):
        watch.refresh()
    assert journal.walks == 1


def test_what_a_crash_left_is_not_read_from_the_beginning_each_time(journal: Walked, path: Path) -> None:
    """A torn record stays until the next act is written."""
    watch = JournalWatch(journal)
    fill(journal, 2)
    watch.refresh()
    with path.open("ab") as file:
        file.write(b"\0\0")
    for _ in range(3):
        watch.refresh()
    assert journal.walks <= 1
    reopened(path).append("restrict", subject(9), at=Millis(9))
    watch.refresh()
    assert watch.find(subject(9)) is not None


def test_a_copy_written_over_it_at_the_same_length_is_refused(journal: Walked, path: Path) -> None:
    """An older copy that has gone on by itself: of one file and one size with what was followed."""
    watch = JournalWatch(journal)
    fill(journal, 2)
    older = path.read_bytes()
    journal.append("withdraw", subject(3), purpose="marketing.email", at=Millis(3))
    watch.refresh()
    file = path.stat().st_ino
    path.write_bytes(older)
    reopened(path).append("restrict", subject(4), at=Millis(4))
    assert (path.stat().st_ino, path.stat().st_size) == (file, len(older) + FRAME_SIZE)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="put back the newest"):
            watch.refresh()


def test_a_copy_put_there_just_now_is_not_followed(journal: Walked, path: Path) -> None:
    """Between the look at the file and the look into it."""
    watch = JournalWatch(journal)
    fill(journal, 2)
    older = path.read_bytes()
    fill(journal, 2)
    watch.refresh()
    path.chmod(0o640)
    journal.put = older
    for _ in range(2):
        with pytest.raises(IntegrityError, match="put back the newest"):
            watch.refresh()
        journal.put = None
