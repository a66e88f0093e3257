"""Storage limitation (GDPR Art. 5(1)(e)): removes fields and records whose retention has run out.

What has run out is refused to services at once (decide); the sweep takes it off the disk. Each person is one unit and
one log entry. Refuses to touch anybody under a legal hold, and passes over rows that do not open, counting them.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from privet.audit.leaf import Act, Decision
from privet.crypto.fields import VALUE, parse_packed
from privet.domain.ids import Millis, SubjectId
from privet.domain.ports import ReadUnit
from privet.domain.subject import Facts
from privet.errors import IntegrityError, InvalidInput, NotFound
from privet.identify.current import check_current
from privet.identify.lookup import Lookups
from privet.intake.amendment import Amendment, Amendments, Held
from privet.intake.indexing import Indexing
from privet.intake.working import Working, with_expiry
from privet.release.disclosure import Disclosure
from privet.rights.outdated import Outdated, Outdating
from privet.rights.pending import parse_pending

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

        def is_due(unit: ReadUnit, working: Working) -> bool:
            facts = working.facts
            if any(until <= moment for until in facts.expires.values()) or _lapsed(facts, moment):
                return True
            return bool(self._outdating.find(unit, working.subject, working.keys, moment))

        def clear(held: Held) -> Amendment[tuple[int, int]]:
            expired = [number for number, until in held.facts.expires.items() if until <= moment]
            old = self._outdating.find(held.unit, held.subject, held.keys, moment)
            return self._clear(held, sorted(expired), old, actor, _lapsed(held.facts, moment))

        return self._walk(is_due, clear)

    def drop(self, path: str, *, actor: str = "steward") -> Swept:
        """Removes one field of everybody, so that the catalogue may drop it or change its type.

        Raises InvalidInput for a field the catalogue does not know, and for the time and key of a collection, which
        live as long as their records.
        """
        field = self._catalogue.every_field.get(path)
        if field is None:
            raise InvalidInput("no field of that name is in the catalogue", field="field")
        collection = None if field.collection is None else self._catalogue.collections[field.collection]
        if collection is not None and field.name in (collection.time, collection.key):
            raise InvalidInput(f"{path}: a record cannot be without it", field="field")
        number = field.number

        def holders(unit: ReadUnit, subject: SubjectId) -> Outdated:
            rows = () if collection is None else unit.records(subject, collection.number)
            holding = (row for row in rows if any(entry[0] == number for entry in parse_packed(row.fields)))
            return Outdated((), tuple((row, frozenset({number})) for row in holding))

        def is_due(unit: ReadUnit, working: Working) -> bool:
            return _has(working, number) or bool(holders(unit, working.subject))

        def clear(held: Held) -> Amendment[tuple[int, int]]:
            own = [number] if _has(held.working, number) else []
            return self._clear(held, own, holders(held.unit, held.subject), actor)

        return self._walk(is_due, clear)

    def _walk(
        self,
        is_due: Callable[[ReadUnit, Working], bool],
        clear: Callable[[Held], Amendment[tuple[int, int]]],
    ) -> Swept:
        """Everybody in order of subject id, a page at a time; each who is due in a unit of her own."""
        subjects = fields = records = held = unreadable = 0
        after: SubjectId | None = None
        while True:
            due = []
            with self._amendments.store.read() as unit:
                check_current(self._catalogue, self._amendments.keyring, unit.state())
                page = unit.subjects_after(after, _PAGE)
                for row in page:
                    try:
                        if is_due(unit, self._amendments.sealer.load(row)):
                            due.append(row.subject)
                    except IntegrityError:
                        unreadable += 1
            for subject in due:
                try:
                    gone = self._amendments.amend(subject, clear)
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

    def _clear(
        self,
        held: Held,
        expired: Sequence[int],
        old: Outdated,
        actor: str,
        lapsed: frozenset[int] = frozenset(),
    ) -> Amendment[tuple[int, int]]:
        working = held.working
        if not expired and not old and not lapsed:
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
            waiting = {other: kept for other, kept in working.facts.pending.items() if other != number}
            working.set_facts(replace(with_expiry(working.facts, field, None, held.now), pending=waiting))
            cleared.append(field)
        waiting = {number: kept for number, kept in working.facts.pending.items() if number not in lapsed}
        working.set_facts(replace(working.facts, pending=waiting))
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


def _lapsed(facts: Facts, moment: int) -> frozenset[int]:
    """Fields with a corrected value that waits for a proof which can come no more."""
    return frozenset(n for n, text in facts.pending.items() if parse_pending(text).expires <= moment)


def _has(working: Working, number: int) -> bool:
    """Whether a profile holds this field, waits for its proof, or has its expiry on record."""
    facts = working.facts
    return (number, VALUE) in working.entries or number in facts.expires or number in facts.pending


class _Nothing(Exception):
    pass


class _OnHold(Exception):
    pass
