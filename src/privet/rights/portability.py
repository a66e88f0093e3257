"""Portability (GDPR Art. 20): everything about a subject, in one plain ZIP she can read and take elsewhere.

Logged as one export, durable before a byte is written. Refuses a place where it may not stand (rights/archive.py)
before anything is opened.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from privet.audit.leaf import Act, Decision
from privet.crypto.envelope import SubjectKeys
from privet.domain.answer import Consent, Profile
from privet.domain.ids import SubjectId, from_millis
from privet.intake.amendment import Amendment, Amendments, Held
from privet.rights.access import OwnData
from privet.rights.accesses import AccessBook
from privet.rights.archive import check_place, write_archive
from privet.rights.papers import make_papers

CUSTOMER = "customer"
ConsentPapers = Callable[[Held], tuple[Sequence[Consent], Sequence[Mapping[str, Any]]]]
"""Standing consents and issued receipts, within a unit: consent and rights do not know each other."""


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

        def gather(
            held: Held,
        ) -> Amendment[tuple[str, SubjectKeys, Profile, Sequence[Consent], Sequence[Mapping[str, Any]]]]:
            check_place(place, held.keys.receipt_pseudonym)
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
            return Amendment(result=(entry.id.hex(), held.keys, profile, consents, receipts), entry=entry)

        audit_id, keys, profile, consents, receipts = self._amendments.amend(subject, gather)
        at = from_millis(self._amendments.clock())
        files = make_papers(
            catalogue=self._amendments.catalogue,
            profile=profile,
            consents=consents,
            receipts=receipts,
            accesses=tuple(self._accesses.read(keys)),
            at=at,
        )
        write_archive(place, files, owner=keys.receipt_pseudonym, at=at)
        return audit_id
