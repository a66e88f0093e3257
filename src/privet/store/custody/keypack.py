"""The keypack: every living person's wrapped keys of the current epoch, in a file outside the database.

It is what lets *us* restore a database copy whose epoch has ended. It is replaced at each rotation and never archived:
an archived keypack would give the erased back. Keep its newest state replicated, nothing older.
Refuses to publish a keypack of which not every record was unwrapped and compared with the database.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput, Unavailable
from privet.store.custody.durable import disk, locked, sync, sync_directory, write_all
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack_format import (
    FORGOTTEN,
    HEADER_SIZE,
    PackHead,
    encode_head,
    find_record,
    new_mac,
    parse_head,
    read_pack,
)

__all__ = ["FORGOTTEN", "KeypackFile"]

MISSING: Final = (
    "there is no keypack where the vault expects it: put its replica back, "
    "or run `privet keys rotate` to make one"
)
_BUSY: Final = "another process has been changing the keypack for 5 s; try again"
_BUFFER: Final = 1 << 18

LiveKeys = Callable[[], Iterable[tuple[SubjectId, bytes]]]
"""(subject, keys column) of every row of the database that names the keypack's epoch, ascending by subject."""


class KeypackFile(Secret):
    """The keypack of one vault at `path`. The file appears at the first rotation."""

    __slots__ = ("_keyring", "_vault", "path")

    def __init__(self, path: Path, keyring: Keyring, vault: VaultId) -> None:
        self.path = path
        self._keyring = keyring
        self._vault = vault

    @property
    def _beside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.new")

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path.with_name(f".{self.path.name}.lock"), _BUSY)

    def exists(self) -> bool:
        return self.path.exists()

    def find_head(self) -> PackHead | None:
        """Epoch and number of people; None when there is no keypack. Raises IntegrityError."""
        try:
            return read_pack(self.path, self._keyring, self._vault)[0]
        except FileNotFoundError:
            return None

    def read(self) -> tuple[PackHead, Iterator[tuple[SubjectId, bytes]]]:
        """Head and records; the iterator raises IntegrityError at what is wrong. Unavailable when there is none."""
        try:
            return read_pack(self.path, self._keyring, self._vault)
        except FileNotFoundError:
            raise Unavailable(MISSING) from None

    def forget(self, subject: SubjectId) -> None:
        """Zeros over one person's keys, durably. No error when she is not in it, or there is no keypack.

        Call it when her erasure stands in the control journal: a rotation under way looks there before it publishes.
        """
        if len(subject) != 16:
            raise InvalidInput("a subject id has 16 bytes")
        if not self.path.exists() and not self._beside.exists():
            return
        with self._locked():
            _forget(self.path, subject, self._vault)
            _forget(self._beside, subject, self._vault, unfinished=True)

    def write(
        self,
        epoch: int,
        live: LiveKeys,
        journal: JournalFile,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Replaces the keypack by one of `epoch`; returns the number of people in it.

        Written beside, every record unwrapped and compared with a second look at the database, then renamed. Who has
        an erasure in the journal is left out, also when its transaction has not committed yet: erasure is journaled,
        then forgotten here, then committed, and at the rename one of the first two has been seen. Raises
        IntegrityError when one does not open or differs, Unavailable when the disk refuses; the old one then stands.
        """
        with disk():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_beside(epoch, live())
        if progress is not None:
            progress(0)
        mark = journal.mark()
        erased = {record.subject for record in journal.records() if record.act == "erase"}
        count = self._verify(self._beside, live(), erased, progress)
        with self._locked(), disk():
            for record in journal.records(mark):
                if record.act == "erase":
                    _forget(self._beside, record.subject, self._vault)
            fd = os.open(self._beside, os.O_RDWR)
            try:
                sync(fd)
            finally:
                os.close(fd)
            self._beside.replace(self.path)
            sync_directory(self.path.parent)
        return count

    def verify(self, live: Iterable[tuple[SubjectId, bytes]]) -> int:
        """Unwraps every record and compares it with the database's rows; returns the number of people.

        Rows that the keypack does not know are newer than it, and no fault while their epoch lives.
        Raises IntegrityError.
        """
        if not self.path.exists():
            raise Unavailable(MISSING)
        return self._verify(self.path, live, None, None)

    def _write_beside(self, epoch: int, live: Iterable[tuple[SubjectId, bytes]]) -> None:
        with self._locked(), disk():
            self._beside.unlink(missing_ok=True)
            fd = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with disk():
                at = HEADER_SIZE
                count = 0
                subjects = []
                buffer = bytearray()
                for subject, keys in live:
                    subjects.append(subject)
                    buffer += subject
                    buffer += keys
                    count += 1
                    if len(buffer) >= _BUFFER:
                        write_all(fd, bytes(buffer), at)
                        at += len(buffer)
                        buffer.clear()
                head = encode_head(self._vault, epoch, count)
                mac = new_mac(self._keyring, self._vault)
                mac.update(head)
                for subject in subjects:
                    mac.update(subject)
                write_all(fd, bytes(buffer) + mac.digest(), at)
                sync(fd)
                write_all(fd, head, 0)  # last: without it the file is not taken for a keypack
                sync(fd)
        finally:
            os.close(fd)

    def _verify(
        self,
        path: Path,
        live: Iterable[tuple[SubjectId, bytes]],
        erased: set[SubjectId] | None,
        progress: Callable[[int], None] | None,
    ) -> int:
        """With `erased`, they are forgotten, and so is who is not among the rows any more."""
        _, records = read_pack(path, self._keyring, self._vault)
        rows = iter(live)
        row = next(rows, None)
        count = 0
        gone = []
        for subject, keys in records:
            while row is not None and row[0] < subject:
                row = next(rows, None)
            if keys == FORGOTTEN:
                continue
            unwrap_subject_keys(self._keyring, self._vault, subject, keys)
            if row is None or row[0] != subject or (erased and subject in erased):
                gone.append(subject)
                continue
            if row[1] != keys:
                raise IntegrityError("the keypack and the database disagree on a person's keys: rotate again")
            count += 1
            if progress is not None and count % 1000 == 0:
                progress(count)
        if erased is not None:
            for subject in gone:
                with self._locked():
                    _forget(path, subject, self._vault)
        return count


def _forget(path: Path, subject: SubjectId, vault: VaultId, *, unfinished: bool = False) -> None:
    with disk():
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            try:
                head = parse_head(os.pread(fd, HEADER_SIZE, 0), os.fstat(fd).st_size, vault)
            except (IntegrityError, Unavailable):
                if unfinished:
                    return  # still being written: the look at the database that follows finds her gone
                raise
            at = find_record(fd, subject, head.people)
            if at is not None:
                write_all(fd, FORGOTTEN, at + 16)
                sync(fd)
        finally:
            os.close(fd)
