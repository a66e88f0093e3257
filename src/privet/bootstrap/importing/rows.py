"""One row of a file, checked against the map and the catalogue: what to write about whom.

Refuses, with the column, values that are not of their field's type. Empty cells say nothing: they neither
set nor clear.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from privet.bootstrap.importing.source import Row
from privet.config.import_map import ImportMap
from privet.config.values import Value, parse_json, parse_text
from privet.domain.catalogue import Catalogue, Field, ValueType
from privet.domain.coarse import instant
from privet.domain.ids import Millis
from privet.domain.request import By
from privet.errors import InvalidInput
from privet.intake.request import check_record

_WHEN = ValueType(kind="datetime")
_DAY = ValueType(kind="date")
_YES_NO = ValueType(kind="boolean")


class ImportedConsent(NamedTuple):
    purpose: str
    given: bool
    at: Millis | None
    source: str | None


class ImportedRow(NamedTuple):
    """What one row says. `record` is None when the map has no collection."""

    line: int
    who: By
    profile: Mapping[str, Value | None]
    record: Mapping[str, Value | None] | None
    key: bytes
    consents: tuple[ImportedConsent, ...]

    def __repr__(self) -> str:
        return f"ImportedRow(line={self.line}, hidden)"


class ColumnError(Exception):
    """A value that does not fit, with the column it stands in."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class RowReader:
    """Reads rows of one file by one map."""

    def __init__(self, catalogue: Catalogue, columns: ImportMap) -> None:
        self._catalogue = catalogue
        self._map = columns
        self._seen: dict[tuple[str, bytes], int] = {}

    def read(self, row: Row) -> ImportedRow:
        """Raises ColumnError."""
        lookup = self._catalogue.fields[self._map.lookup]
        who = self._value(row, lookup, self._map.lookup_column)
        if who is None:
            raise ColumnError(self._map.lookup_column, "is empty, and names the person")
        profile = {
            path: value
            for path, column in self._map.fields.items()
            if (value := self._value(row, self._catalogue.fields[path], column)) is not None
        }
        record, key = self._record(row, str(who))
        return ImportedRow(row.line, By(lookup.path, str(who)), profile, record, key, self._consents(row))

    def _record(self, row: Row, who: str) -> tuple[dict[str, Value | None] | None, bytes]:
        if self._map.collection is None:
            return None, b""
        collection = self._catalogue.collections[self._map.collection]
        values: dict[str, object] = {}
        for short, column in self._map.record.items():
            value = self._value(row, collection.fields[short], column)
            if value is not None:
                values[short] = value
            elif short in (collection.time, collection.key):
                raise ColumnError(column, "is empty, and a record needs it")
        try:
            _, checked, _, key = check_record(self._catalogue, collection.name, values)
            if collection.key is None:
                # Two equal rows of one file are two records: the second has another ordinal.
                ordinal = self._seen.get((who, key), 0)
                self._seen[who, key] = ordinal + 1
                key = check_record(self._catalogue, collection.name, values, ordinal=ordinal)[3]
        except InvalidInput as error:
            raise ColumnError("", error.message) from None
        return checked, key

    def _consents(self, row: Row) -> tuple[ImportedConsent, ...]:
        found = []
        for purpose, place in self._map.consents.items():
            said = self._parse(row, _YES_NO, place.column, purpose)
            if said is None:
                continue
            source = None if place.source is None else row.cells.get(place.source)
            if source is not None and (
                not isinstance(source, str) or len(source) > 200 or not source.isprintable()
            ):
                raise ColumnError(place.source or "", "must be one line of at most 200 characters")
            at = None if place.date is None else self._moment(row, place.date, purpose)
            found.append(ImportedConsent(purpose, bool(said), at, source or None))
        return tuple(found)

    def _moment(self, row: Row, column: str, where: str) -> Millis | None:
        text = row.cells.get(column)
        day = isinstance(text, str) and len(text.strip()) == 10
        value = self._parse(row, _DAY if day else _WHEN, column, where)
        return instant(value) if isinstance(value, date | datetime) else None

    def _value(self, row: Row, held: Field, column: str) -> Value | None:
        return self._parse(row, held.type, column, held.path)

    def _parse(self, row: Row, kind: ValueType, column: str, where: str) -> Value | None:
        raw = row.cells.get(column)
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        try:
            if row.typed and not (kind.kind == "boolean" and isinstance(raw, str)):
                return parse_json(kind, raw, where=where)
            if not isinstance(raw, str):
                raise ColumnError(column, f"{where}: must be text")
            return parse_text(kind, raw, where=where)
        except InvalidInput as error:
            raise ColumnError(column, error.message) from None
