"""Storage limitation (GDPR Art. 5(1)(e)): removes fields and records whose retention has run out.

What has run out is refused to services at once (decide); the sweep takes it off the disk. Each person is one unit and
one log entry. Refuses to touch anybody under a legal hold, and passes over rows that do not open, counting them.
"""

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from privet.audit.leaf import Act, Decision
from privet.crypto.fields import VALUE
from privet.domain.ids import Millis, SubjectId
from privet.domain.ports import ReadUnit, SubjectRow
from privet.errors import IntegrityError, NotFound
from privet.identify.current import check_current
from privet.identify.lookup import Lookups
from privet.intake.amendment import Amendment, Amendments, Held
from privet.intake.indexing import Indexing
from privet.intake.working import with_expiry
from privet.release.disclosure import Disclosure
from privet.rights.outdated import Outdating

_PAGE = 200


class Swept(NamedTuple):
    """What a sweep came to."""

    subjects: int
    """People of whom something was removed."""
    fields: int
    """Values of profiles, and of records that stay."""
    records: int
    held: int
    """People passed over for a legal hold, though something of theirs has run out."""
    unreadable: int


class Retention:
    """Sweeps a vault."""

    def __init__(self, *, amendments: Amendments, lookups: Lookups, disclosure: Disclosure) -> None:
        self._amendments = amendments
        self._catalogue = amendments.catalogue
        self._indexing = Indexing(lookups=lookups, sealer=amendments.sealer)
        self._collections = {c.number: c.name for c in self._catalogue.collections.values()}
        self._outdating = Outdating(catalogue=amendments.catalogue, disclosure=disclosure)

    def sweep(self, now: Millis | None = None, *, actor: str = "retention") -> Swept:
        """Removes what has run out by `now` (else the clock's). Again finds nothing more to do."""
        moment = self._amendments.clock() if now is None else now
        subjects = fields = records = held = unreadable = 0
        after: SubjectId | None = None
        while True:
            with self._amendments.store.read() as unit:
                check_current(self._catalogue, self._amendments.keyring, unit.state())
                page = unit.subjects_after(after, _PAGE)
                due = []
                for row in page:
                    try:
                        if self._is_due(unit, row, moment):
                            due.append(row.subject)
                    except IntegrityError:
                        unreadable += 1
            for subject in due:
                try:
                    gone = self._amendments.amend(subject, lambda found: self._clear(found, moment, actor))
                except (NotFound, _Nothing):
                    continue
                except _OnHold:
                    held += 1
                    continue
                except IntegrityError:
                    unreadable += 1
                    continue
                subjects += 1
                fields += gone[0]
                records += gone[1]
            if len(page) < _PAGE:
                return Swept(subjects, fields, records, held, unreadable)
            after = page[-1].subject

    def _is_due(self, unit: ReadUnit, row: SubjectRow, now: int) -> bool:
        working = self._amendments.sealer.load(row)
        if any(until <= now for until in working.facts.expires.values()):
            return True
        return bool(self._outdating.find(unit, row.subject, working.keys, now))

    def _clear(self, held: Held, now: int, actor: str) -> Amendment[tuple[int, int]]:
        working = held.working
        expired = sorted(number for number, until in held.facts.expires.items() if until <= now)
        old = self._outdating.find(held.unit, held.subject, held.keys, now)
        if not expired and not old:
            raise _Nothing("nothing has run out")
        if held.facts.hold:
            raise _OnHold("a legal hold stands")
        cleared = []
        for number in expired:
            field = self._catalogue.field_by_number.get(number)
            if field is None:  # a field that left the catalogue: its value goes with its expiry
                working.entries.pop((number, VALUE), None)
                working.fields_changed = True
                working.set_facts(
                    replace(
                        working.facts, expires={n: t for n, t in working.facts.expires.items() if n != number}
                    )
                )
                continue
            planned = self._indexing.plan(
                held.unit, held.state.epochs, working, [(field, None)], may_know=None
            )
            self._indexing.apply(held.unit, working, planned)
            if (number, VALUE) in working.entries:
                self._amendments.sealer.set_value(working, field, None)
            working.set_facts(with_expiry(working.facts, field, None, now))
            cleared.append(field)
        old.remove(held.unit)
        by_number = self._catalogue.field_by_number
        cut = [by_number[number] for _, numbers in old.parts for number in sorted(numbers)]
        gone = Counter(self._collections[row.collection] for row in old.whole)
        entry = self._amendments.scribe.act(
            Act.RETENTION,
            Decision.DONE,
            {
                "actor": actor,
                "fields": sorted({field.path for field in (*cleared, *cut)}),
                "records": dict(gone),
            },
            keys=held.keys,
            subject=held.subject,
            classes=[field.category for field in (*cleared, *cut)],
            count=len(cleared) + len(cut) + len(old.whole),
        )
        return Amendment(result=(len(cleared) + len(cut), len(old.whole)), entry=entry)


class _Nothing(Exception):
    pass


class _OnHold(Exception):
    pass
