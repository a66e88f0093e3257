"""The control journal: what must outlive a restore of an older copy of the database. A file outside the database.

An act is durable when `append` returns; when it cannot be made durable, `append` raises and the act must not happen. A
line without its commit errs to the safe side. Several processes append in turn, under a lock on the file.
What a crash left of the last record is cut off before the next is written: only a tail that was never whole, since a
whole one may have been acknowledged. Refuses, naming the record, any other damage; never drops a record that opens.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.crypto.vaultkey import journal_cipher
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import Randomness
from privet.errors import Conflict, IntegrityError, Unavailable
from privet.store.custody.durable import disk, sync, sync_directory, take_lock, write_all
from privet.store.custody.journal_format import (
    FRAME_SIZE,
    HEAD_SIZE,
    HEADER_SIZE,
    MAX_SEALED,
    ControlRecord,
    Mark,
    after,
    damaged,
    find_length,
    make_header,
    open_record,
    seal_record,
    verify_header,
)

__all__ = ["FRAME_SIZE", "ControlRecord", "JournalFile", "Mark"]

_MISSING: Final = (
    "there is no control journal where the vault expects it: put its replica back; "
    "without it, erased people and withdrawn consents could return"
)
_BUSY: Final = "another process has been writing to the control journal for 5 s; try again"
_ZEROS: Final = bytes(16)


class JournalFile(Secret):
    """An open journal. Threads and processes may share the file; each process has its own object."""

    __slots__ = ("_cipher", "_failed", "_inode", "_known", "_mutex", "_random", "_vault", "path")

    def __init__(self, path: Path, keyring: Keyring, vault: VaultId, random: Randomness = os.urandom) -> None:
        self.path = path
        self._cipher = journal_cipher(keyring)
        self._vault = vault
        self._random = random
        self._mutex = threading.Lock()
        self._known: Mark | None = None
        self._inode = -1
        self._failed = False

    @classmethod
    def create(
        cls, path: Path, keyring: Keyring, vault: VaultId, random: Randomness = os.urandom
    ) -> "JournalFile":
        """A new, empty journal, mode 0600. Raises Conflict if the file exists, Unavailable if the disk refuses."""
        journal = cls(path, keyring, vault, random)
        header = make_header(journal._cipher, vault, random(16), random(12))
        beside = path.with_name(f".{path.name}.new")
        with disk():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                write_all(fd, header, 0)
                sync(fd)
            finally:
                os.close(fd)
            try:
                os.link(beside, path)  # unlike a rename, fails if the file exists
            except FileExistsError:
                raise Conflict("there is a control journal already: it is never replaced") from None
            finally:
                beside.unlink()
            sync_directory(path.parent)
        return journal

    def append(self, act: str, subject: SubjectId, *, purpose: str = "", at: Millis) -> None:
        """One act, durable when this returns. Raises Unavailable when it is not, IntegrityError for a damaged file."""
        with self._mutex, self._opened() as fd:
            if self._failed:
                raise Unavailable(
                    "the control journal could not be written; start again once the disk is well"
                )
            mark = self._catch_up(fd)
            frame = seal_record(self._cipher, self._random(12), self._vault, mark, act, subject, purpose, at)
            try:
                with disk():
                    write_all(fd, frame, mark.offset)
                    sync(fd)
            except BaseException:
                # A failed fsync may have lost pages and forgotten it: the record must not stand half written
                # before a later one that is whole.
                self._take_back(fd, mark)
                raise
            self._known = after(mark, frame)

    def mark(self) -> Mark:
        """The end of the journal now. Raises as `records`; changes nothing."""
        return self.look()[0]

    def look(self) -> tuple[Mark, os.stat_result]:
        """Its end, and the file that has it, of one moment: nobody appends meanwhile. Raises as `records`."""
        with self._mutex, self._opened() as fd:
            return self._scan_end(fd)[0], os.fstat(fd)

    def records(self, since: Mark | None = None) -> Iterator[ControlRecord]:
        """Every record there is now, or those behind `since`, opened and checked; others may append meanwhile.

        What a crash left of the last record is passed over: it was never acknowledged. Raises IntegrityError naming
        the first bad one, when it is come to.
        """
        with self._mutex, self._opened() as fd:
            end = self._scan_end(fd)[0]
            mark = since or self._start(fd)
            with disk():
                held = os.open(
                    self.path, os.O_RDONLY
                )  # what is whole never changes: no lock is needed for it
        try:
            for before, frame in self._frames(held, mark):
                if before.position >= end.position:
                    break
                yield open_record(self._cipher, self._vault, before, frame)
        finally:
            os.close(held)

    def verify_extends(self, mark: Mark) -> None:
        """Raises IntegrityError unless this journal still begins with what stood before `mark`."""
        with self._mutex, self._opened() as fd:
            at = self._start(fd)
            for before, frame in self._frames(fd, at):
                if before.position == mark.position:
                    break
                at = after(before, frame)
            if at != mark:
                for before, frame in self._frames(fd, self._start(fd)):  # is it another one, or damaged?
                    open_record(self._cipher, self._vault, before, frame)
                raise IntegrityError(
                    f"the control journal lacks some of the {mark.position} records it had: "
                    "it is an older copy; put back the newest"
                )

    def size(self) -> int:
        """Bytes on disk."""
        with disk():
            return self.path.stat().st_size

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, locked. Raises Unavailable when it is missing."""
        while True:
            try:
                fd = os.open(self.path, os.O_RDWR)
            except FileNotFoundError:
                raise Unavailable(_MISSING) from None
            except OSError as error:
                raise Unavailable(
                    f"the control journal cannot be opened ({error.strerror}): look at journal.path in privet.toml, "
                    "and at that file's permissions"
                ) from None
            try:
                take_lock(fd, _BUSY)
                inode = os.fstat(fd).st_ino
                try:
                    same = self.path.stat().st_ino == inode
                except OSError:
                    same = False
                if not same:
                    continue  # replaced while we waited
                if inode != self._inode:
                    self._known, self._inode, self._failed = None, inode, False
                yield fd
                return
            finally:
                os.close(fd)

    def _start(self, fd: int) -> Mark:
        with disk():
            return verify_header(self._cipher, self._vault, os.pread(fd, HEADER_SIZE, 0))

    def _catch_up(self, fd: int) -> Mark:
        """The end of what is whole; what a crash left behind it is cut off."""
        mark, torn = self._scan_end(fd)
        if torn:
            with disk():
                os.ftruncate(fd, mark.offset)
                sync(fd)
        return mark

    def _scan_end(self, fd: int) -> tuple[Mark, bool]:
        """(end of what is whole, whether something torn follows). Opens the last record, which vouches for all."""
        size = os.fstat(fd).st_size
        mark = self._known or self._start(fd)
        if size < mark.offset:
            raise IntegrityError("the control journal is shorter than it was: put back its replica")
        before, frame = mark, b""
        for before, frame in self._frames(fd, mark):
            mark = after(before, frame)
        if frame:
            try:
                open_record(self._cipher, self._vault, before, frame)
            except IntegrityError:
                if not self._is_torn(fd, before, frame):
                    raise self._first_damage(fd) from None
                mark = before
        self._known = mark
        return mark, size > mark.offset

    def _frames(self, fd: int, mark: Mark) -> Iterator[tuple[Mark, bytes]]:
        """(mark before, frame) of each frame that is there in full. Raises IntegrityError for any but a torn tail."""
        with os.fdopen(fd, "rb", closefd=False) as file:
            size = os.fstat(fd).st_size
            file.seek(mark.offset)
            while mark.offset < size:
                head = file.read(HEAD_SIZE)
                if len(head) < HEAD_SIZE:
                    return
                length = find_length(head, mark.position + 1)
                if length is None:
                    rest = size - mark.offset
                    if rest <= HEAD_SIZE + MAX_SEALED and not any(head):
                        return  # the file grew, the bytes never came
                    raise damaged(mark.position + 1)
                sealed = file.read(length)
                if len(sealed) < length:
                    return
                frame = head + sealed
                yield mark, frame
                mark = after(mark, frame)

    def _is_torn(self, fd: int, before: Mark, frame: bytes) -> bool:
        """Whether the last frame lacks sectors that never reached the disk. Sealed bytes hold no 16 zeros in a row."""
        return before.offset + len(frame) == os.fstat(fd).st_size and _ZEROS in frame

    def _first_damage(self, fd: int) -> IntegrityError:
        last = 0
        for before, frame in self._frames(fd, self._start(fd)):
            try:
                open_record(self._cipher, self._vault, before, frame)
            except IntegrityError as error:
                return error
            last = before.position + 1
        return damaged(last)

    def _take_back(self, fd: int, mark: Mark) -> None:
        try:
            os.ftruncate(fd, mark.offset)
            sync(fd)
        except OSError:
            self._failed = True
        self._known = None
