"""Access (GDPR Art. 15): all that is held of a subject, for herself. Plaintext comes from `release`, nowhere else.

The act is logged in the unit that loads the row; nothing is returned before that is durable. Refuses a row that does
not open (IntegrityError) rather than showing a part of it.
"""

from privet.audit.leaf import Act, Decision
from privet.domain.answer import Profile, Record
from privet.domain.catalogue import Catalogue
from privet.domain.ids import RecordId, SubjectId
from privet.intake.amendment import Amendment, Amendments, Held
from privet.release.disclosure import Disclosure
from privet.rights.pending import parse_pending

CUSTOMER = "customer"


class OwnData:
    """Reads a subject's data for her."""

    def __init__(self, *, amendments: Amendments, disclosure: Disclosure) -> None:
        self._amendments = amendments
        self._disclosure = disclosure

    @property
    def catalogue(self) -> Catalogue:
        return self._amendments.catalogue

    def profile(self, subject: SubjectId, *, actor: str = CUSTOMER) -> Profile:
        """Her profile and all her collections, newest first; record ids are her own, no service's."""

        def look(held: Held) -> Amendment[Profile]:
            profile = self.within(held)
            entry = self._amendments.scribe.act(
                Act.ACCESS,
                Decision.DONE,
                {"actor": actor, "what": "profile", "fields": sorted(profile.fields)},
                keys=held.keys,
                subject=held.subject,
                classes=self.classes(profile),
                count=self.count(profile),
            )
            return Amendment(result=profile, entry=entry)

        return self._amendments.amend(subject, look)

    def within(self, held: Held) -> Profile:
        """The profile within a unit whose act the caller logs."""
        row = held.working.row
        assert row is not None
        catalogue = self.catalogue
        collections = {}
        for name, collection in sorted(catalogue.collections.items()):
            rows = held.unit.records(held.subject, collection.number)
            if rows:
                collections[name] = tuple(
                    Record(id=own_id(record), time=time, values=values)
                    for record, time, values in self._disclosure.records(held.keys, collection, rows)
                )
        return Profile(
            fields=self._disclosure.profile(held.keys, row),
            collections=collections,
            restricted=held.restricted,
            objected=tuple(sorted(held.objected)),
            pending=tuple(
                sorted(
                    catalogue.field_by_number[number].path
                    for number, text in held.facts.pending.items()
                    if number in catalogue.field_by_number and held.now < parse_pending(text).expires
                )
            ),
        )

    def classes(self, profile: Profile) -> list[str]:
        """Data categories of what a profile shows, for the leaf."""
        fields = self.catalogue.every_field
        paths = set(profile.fields)
        for name, records in profile.collections.items():
            paths.update(f"{name}.{short}" for record in records for short in record.values)
        return sorted({fields[path].category for path in paths})

    def count(self, profile: Profile) -> int:
        """How many values a profile shows, for the leaf."""
        records = (record for records in profile.collections.values() for record in records)
        return len(profile.fields) + sum(len(record.values) for record in records)


def own_id(record: RecordId) -> str:
    """A record's id as the subject sees it: stable, and like no service's."""
    return f"own_{record.hex()}"
