"""Portability (GDPR Art. 20): everything about a subject, in one plain ZIP she can read and take elsewhere.

Logged as one export, durable before a byte is written or handed out. Refuses a place where it may not stand
(rights/archive.py) before anything is opened.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.crypto.envelope import SubjectKeys
from privet.domain.answer import Consent, Profile
from privet.domain.ids import SubjectId, from_millis
from privet.intake.amendment import Amendment, Amendments, Held
from privet.rights.access import OwnData
from privet.rights.accesses import AccessBook
from privet.rights.archive import check_place, pack_archive, write_archive
from privet.rights.papers import make_papers

CUSTOMER = "customer"
ConsentPapers = Callable[[Held], tuple[Sequence[Consent], Sequence[Mapping[str, Any]]]]
"""Standing consents and issued receipts, within a unit: consent and rights do not know each other."""


class _Taken(NamedTuple):
    """What went into one export, as it stood in its unit."""

    audit_id: str
    keys: SubjectKeys
    profile: Profile
    consents: Sequence[Consent]
    receipts: Sequence[Mapping[str, Any]]


class Portability:
    """Writes exports."""

    def __init__(
        self, *, amendments: Amendments, own: OwnData, accesses: AccessBook, consents: ConsentPapers
    ) -> None:
        self._amendments = amendments
        self._own = own
        self._accesses = accesses
        self._consents = consents

    def export(self, subject: SubjectId, path: str | Path, *, actor: str = CUSTOMER) -> str:
        """Writes the archive and returns the audit id. Again replaces her earlier export at that path.

        Raises InvalidInput for a path that cannot be used, Unavailable when the disk refuses, NotFound when she is not
        there.
        """
        place = Path(path)
        taken = self._amendments.amend(
            subject, lambda held: self._gather(held, actor, lambda: check_place(place, _owner(held)))
        )
        at = from_millis(self._amendments.clock())
        write_archive(place, self._files(taken, at), owner=taken.keys.receipt_pseudonym, at=at)
        return taken.audit_id

    def pack(self, subject: SubjectId, *, actor: str = CUSTOMER) -> tuple[str, bytes]:
        """(audit id, the archive's bytes): the same archive, and no file of it anywhere. Raises NotFound."""
        taken = self._amendments.amend(subject, lambda held: self._gather(held, actor, lambda: None))
        at = from_millis(self._amendments.clock())
        return taken.audit_id, pack_archive(self._files(taken, at), owner=taken.keys.receipt_pseudonym, at=at)

    def _gather(self, held: Held, actor: str, check: Callable[[], None]) -> Amendment[_Taken]:
        check()
        profile = self._own.within(held)
        consents, receipts = self._consents(held)
        entry = self._amendments.scribe.act(
            Act.EXPORT,
            Decision.DONE,
            {
                "actor": actor,
                "fields": sorted(profile.fields),
                "collections": sorted(profile.collections),
            },
            keys=held.keys,
            subject=held.subject,
            classes=self._own.classes(profile),
            count=self._own.count(profile),
        )
        return Amendment(result=_Taken(entry.id.hex(), held.keys, profile, consents, receipts), entry=entry)

    def _files(self, taken: _Taken, at: datetime) -> Mapping[str, bytes]:
        return make_papers(
            catalogue=self._amendments.catalogue,
            profile=taken.profile,
            consents=taken.consents,
            receipts=taken.receipts,
            accesses=tuple(self._accesses.read(taken.keys)),
            at=at,
        )


def _owner(held: Held) -> bytes:
    return held.keys.receipt_pseudonym
