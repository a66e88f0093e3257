"""What the subject herself may see of herself: all of it. For `rights` only, never on the way of a service's read.

The caller logs the act in the same unit of work and hands the values out once that is durable. Refuses, as
IntegrityError, a row that does not open in its place.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from privet.config.values import Value
from privet.crypto.envelope import SubjectKeys
from privet.decrypt.opening import Opener, grant_all
from privet.domain.catalogue import Catalogue, Collection
from privet.domain.coarse import instant
from privet.domain.ids import RecordId, VaultId
from privet.domain.ports import RecordRow, SubjectRow
from privet.errors import IntegrityError


class DisclosedRecord(NamedTuple):
    """One record of a collection, its values by name within the collection."""

    record: RecordId
    time: date | datetime
    values: Mapping[str, Value]

    def __repr__(self) -> str:
        return "DisclosedRecord(hidden)"


class Disclosure:
    """Opens everything of one subject."""

    def __init__(self, *, catalogue: Catalogue, vault: VaultId) -> None:
        self._catalogue = catalogue
        self._opener = Opener(catalogue=catalogue, vault=vault)
        self._profile = grant_all(list(catalogue.fields.values()))

    def profile(self, keys: SubjectKeys, row: SubjectRow) -> dict[str, Value]:
        """Values by path, of the fields that are held."""
        values = self._opener.profile(keys, row, self._profile).values
        return {path: value for path, value in values.items() if value is not None}

    def value(self, keys: SubjectKeys, row: SubjectRow, path: str) -> Value | None:
        """One field of the profile; None when it is not held."""
        return self._opener.profile(keys, row, grant_all([self._catalogue.fields[path]])).values.get(path)

    def records(
        self, keys: SubjectKeys, collection: Collection, rows: Sequence[RecordRow]
    ) -> list[DisclosedRecord]:
        """The records of one collection, newest first."""
        grant = grant_all(list(collection.fields.values()))
        skip = len(collection.name) + 1
        found = []
        for row in rows:
            opened = self._opener.record(keys, row, grant).values
            values = {path[skip:]: value for path, value in opened.items() if value is not None}
            moment = values.get(collection.time)
            if not isinstance(moment, date):
                raise IntegrityError("a stored record has no time")
            found.append(DisclosedRecord(row.record, moment, values))
        found.sort(key=lambda record: (instant(record.time), record.record), reverse=True)
        return found
