"""What people have refused, as the control journal has it: a second witness, outside the database, asked at each read.

Whoever can write to the database can put a row back as it once stood, a withdrawn consent or an erased person with it,
and every seal on it still holds. The journal has the later word. It is followed as it grows: one look at its size a
unit of work, and only what is new is opened.
Refuses to let reads go on without it: a journal that is missing, shorter than it was, another than it was, or damaged,
is Unavailable or IntegrityError, and nothing is released.
"""

import os
import threading

from privet.crypto.secrecy import Secret
from privet.domain.ids import Millis, SubjectId
from privet.domain.subject import NOTHING_STANDS, StandingWishes
from privet.errors import Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.custody.journal_format import ControlRecord, Mark

_NOTHING = (-1, -1, -1)


class JournalWatch(Secret):
    """The journal's last word on each person it names, kept in memory. Threads may share it."""

    __slots__ = ("_journal", "_lock", "_looked", "_mark", "_revoked", "_seen", "_standing")

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._looked = self._seen = _NOTHING
        self._standing: dict[SubjectId, StandingWishes] = {}
        self._revoked: set[bytes] = set()

    def refresh(self) -> None:
        """Takes in what was journaled since, by any process. Raises Unavailable, IntegrityError."""
        try:
            found = os.stat(self._journal.path)  # noqa: PTH116  once a read: a Path costs three times as much
        except OSError:
            raise Unavailable(
                "the control journal is not there: put it back, or its replica; until then nothing is released"
            ) from None
        if _stamp(found) == self._seen:
            return
        with self._lock:
            end, found = self._journal.look()
            stamp = _stamp(found)
            if self._mark is not None and self._may_be_another(stamp, end, self._mark):
                self._journal.verify_extends(self._mark)
            for record in self._journal.records(self._mark):
                if record.position > end.position:
                    break
                self._take(record)
            self._mark, self._looked = end, stamp
            # what a crash left behind the last whole record may yet be written over at the same length
            self._seen = stamp if found.st_size == end.offset else _NOTHING

    def _may_be_another(self, stamp: tuple[int, int, int], end: Mark, mark: Mark) -> bool:
        """A file was put in its place, or it was written to without growing. One that grew is chained to what was."""
        return stamp[0] != self._looked[0] or (stamp != self._looked and end.position <= mark.position)

    def find(self, subject: SubjectId) -> StandingWishes | None:
        """What stands for one person; None when the journal never named her."""
        return self._standing.get(subject)

    def is_revoked(self, digest: bytes) -> bool:
        """Whether the API key of this digest was revoked, as far as the journal was followed."""
        return digest[:16] in self._revoked

    def _take(self, record: ControlRecord) -> None:
        if record.act == "revoke":
            self._revoked.add(record.subject)
            return
        stands = self._standing.get(record.subject, NOTHING_STANDS)
        objected, withdrawn = stands.objected, stands.withdrawn
        match record.act:
            case "erase":
                stands = StandingWishes(erased=True)
            case "withdraw":
                at = max(record.at, withdrawn.get(record.purpose, Millis(0)))
                stands = stands.changed(withdrawn={**withdrawn, record.purpose: at})
            case "object":
                stands = stands.changed(objected=objected | {record.purpose})
            case "unobject":
                stands = stands.changed(objected=objected - {record.purpose})
            case "restrict" | "unrestrict":
                stands = stands.changed(restricted=record.act == "restrict")
        self._standing[record.subject] = stands


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    """Which file it is, how long, and when it was last changed: a copy may have one of these in common with it."""
    return found.st_ino, found.st_size, found.st_ctime_ns
