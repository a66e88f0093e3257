"""Which records of a collection have run out, and which of their values have though the record has not.

Coarse time finds what may be old, the sealed time says what is. A record's time and key live as long as it does.
Refuses, as IntegrityError, records that do not open.
"""

from collections.abc import Mapping
from typing import NamedTuple

from privet.crypto.envelope import SubjectKeys
from privet.crypto.fields import pack, parse_packed
from privet.domain.catalogue import Catalogue, Collection
from privet.domain.coarse import instant
from privet.domain.ids import SubjectId
from privet.domain.ports import ReadUnit, RecordRow, WriteUnit
from privet.release.disclosure import Disclosure

DAY = 86_400_000


class Outdated(NamedTuple):
    """What to take off the disk, of one subject."""

    whole: tuple[RecordRow, ...]
    parts: tuple[tuple[RecordRow, frozenset[int]], ...]
    """Field numbers to drop from a record that stays."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.parts)

    def remove(self, unit: WriteUnit) -> None:
        """Raises Conflict when a record was written meanwhile."""
        for row in self.whole:
            unit.delete_record(row.subject, row.collection, row.record)
        for row, numbers in self.parts:
            left = [entry for entry in parse_packed(row.fields) if entry[0] not in numbers]
            unit.upsert_record(row._replace(revision=row.revision + 1, fields=pack(left)))


class Outdating:
    """Finds it."""

    def __init__(self, *, catalogue: Catalogue, disclosure: Disclosure) -> None:
        self._disclosure = disclosure
        self._limits = {
            collection.name: limits
            for collection in catalogue.collections.values()
            if (limits := _limits(collection)) or collection.retention_days is not None
        }
        self._catalogue = catalogue

    def find(self, unit: ReadUnit, subject: SubjectId, keys: SubjectKeys, now: int) -> Outdated:
        """All collections of one subject."""
        whole: list[RecordRow] = []
        parts: list[tuple[RecordRow, frozenset[int]]] = []
        for name, limits in self._limits.items():
            collection = self._catalogue.collections[name]
            lasts = collection.retention_days
            shortest = min([*limits.values(), *([] if lasts is None else [lasts])])
            rows = {
                row.record: row
                for row in unit.records(subject, collection.number, until=(now - shortest * DAY) // DAY)
            }
            for found in self._disclosure.records(keys, collection, list(rows.values())):
                row, age = rows[found.record], now - instant(found.time)
                if lasts is not None and age > lasts * DAY:
                    whole.append(row)
                    continue
                over = {number for number, days in limits.items() if age > days * DAY}
                held = frozenset(entry[0] for entry in parse_packed(row.fields)) & over
                if held:
                    parts.append((row, held))
        return Outdated(tuple(whole), tuple(parts))


def _limits(collection: Collection) -> Mapping[int, int]:
    """Days by field number, of fields that may go before their record does."""
    return {
        field.number: field.retention_days
        for name, field in collection.fields.items()
        if field.retention_days is not None and name not in (collection.time, collection.key)
    }
