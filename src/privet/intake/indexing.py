"""Blind-index rows of a write: which come, which go. While two epochs live, rows stand under both.

Refuses a unique look-up value that stands for another person; the wording depends on whether the writer may look people
up by that field at all.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from privet.config.values import Value
from privet.domain.catalogue import Field
from privet.domain.ids import SubjectId
from privet.domain.ports import IndexRow, ReadUnit, WriteUnit
from privet.errors import Conflict
from privet.identify.lookup import Lookups
from privet.intake.request import cannot_be_taken
from privet.intake.working import Sealer, Working


class LookupTaken(Conflict):
    """The look-up value stands for somebody else. Only for writers who may look people up by that field."""

    code = "lookup_taken"


class IndexChange(NamedTuple):
    """One look-up field's change: the new inner (None: cleared), rows to add and to drop."""

    field: Field
    inner: bytes | None
    add: tuple[IndexRow, ...]
    drop: tuple[tuple[bytes, SubjectId], ...]


class Indexing:
    """Plans index changes before anything is written, then makes them."""

    def __init__(self, *, lookups: Lookups, sealer: Sealer) -> None:
        self._lookups = lookups
        self._sealer = sealer

    def plan(
        self,
        unit: ReadUnit,
        epochs: Sequence[int],
        working: Working,
        changes: Mapping[Field, Value | None] | Sequence[tuple[Field, Value | None]],
        *,
        may_know: frozenset[str] | None,
    ) -> list[IndexChange]:
        """What must change. `may_know`: look-ups whose clash the writer may be told of; None: all (steward, customer).

        Raises LookupTaken, or the InvalidInput of any bad value, when another person stands under a unique value.
        """
        planned = []
        pairs = changes.items() if isinstance(changes, Mapping) else changes
        for held, value in pairs:
            if held.lookup is None:
                continue
            before = self._sealer.inner(working, held)
            after = None if value is None else self._lookups.inner(held, str(value))
            if before == after:
                continue
            add = () if after is None else self._rows(held, after, working.subject, epochs)
            drop = () if before is None else self._rows(held, before, working.subject, epochs)
            planned.append(IndexChange(held, after, add, tuple((row.value, row.subject) for row in drop)))
        self._refuse_taken(unit, planned, working.subject, may_know)
        return planned

    def apply(self, unit: WriteUnit, working: Working, planned: Sequence[IndexChange]) -> None:
        """Makes the planned changes. Raises Conflict when another writer took the value meanwhile."""
        self.seal(working, planned)
        drop = [row for change in planned for row in change.drop]
        if drop:
            unit.delete_indexes(drop)
        self.insert(unit, planned)

    def seal(self, working: Working, planned: Sequence[IndexChange]) -> None:
        """Keeps the inner halves beside the values."""
        for change in planned:
            self._sealer.set_inner(working, change.field, change.inner)

    def insert(self, unit: WriteUnit, planned: Sequence[IndexChange]) -> None:
        """Adds the new rows. Her own row must exist. Raises Conflict as `apply` does."""
        for unique in (True, False):
            add = [row for c in planned if (c.field.lookup == "unique") is unique for row in c.add]
            if add:
                unit.insert_indexes(add, unique=unique)

    def rows(self, working: Working, held: Field, epochs: Sequence[int]) -> tuple[IndexRow, ...]:
        """The rows that stand for what is held now, one an epoch."""
        inner = self._sealer.inner(working, held)
        return () if inner is None else self._rows(held, inner, working.subject, epochs)

    def _rows(
        self, held: Field, inner: bytes, subject: SubjectId, epochs: Sequence[int]
    ) -> tuple[IndexRow, ...]:
        return tuple(
            IndexRow(self._lookups.index(inner, epoch), subject, held.number, epoch) for epoch in epochs
        )

    def _refuse_taken(
        self,
        unit: ReadUnit,
        planned: Sequence[IndexChange],
        subject: SubjectId,
        may_know: frozenset[str] | None,
    ) -> None:
        """One statement for all unique values of a write."""
        wanted = {row.value: c.field for c in planned if c.field.lookup == "unique" for row in c.add}
        standing = unit.find_subjects(list(wanted)) if wanted else {}
        for value, held in wanted.items():
            if any(other != subject for other in standing.get(value, ())):
                if may_know is None or held.path in may_know:
                    raise LookupTaken(f"{held.path}: this value already stands for another person")
                raise cannot_be_taken(held)
