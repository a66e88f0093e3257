"""What writers ask, and what became of it. Refuses, before any transaction, values not of their field's type."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from privet.config.values import Value, encode_value, parse_json
from privet.domain.catalogue import Catalogue, Collection, Field
from privet.domain.coarse import instant
from privet.domain.ids import EntryId, SubjectId, from_millis
from privet.domain.request import MAX_FIELDS, MAX_NAME, SubjectRef
from privet.errors import InvalidInput


class WriteRequest(NamedTuple):
    """One write: fields of a profile, or one record of a collection. `service` None is the steward."""

    service: str | None
    purpose: str
    subject: SubjectRef
    values: Mapping[str, Value | None]
    """Checked values by full path; None clears (profiles only)."""
    unknown: tuple[str, ...] = ()
    """Names that the catalogue does not know; policy refuses them."""
    collection: str | None = None
    key: bytes = b""
    """What identifies the record within its subject and collection."""
    peer: str = ""
    if_revision: str | None = None
    """Write only if none of the fields that this revision covers has changed since (View.revision)."""
    once: str | None = None
    """The caller's idempotency key: the same request under it is done once."""

    def __repr__(self) -> str:
        return "WriteRequest(hidden)"


class Written(NamedTuple):
    """A durable write, once its unit of work is."""

    entry: EntryId
    subject: SubjectId
    created: bool
    """The subject is new."""
    new_record: bool = False


def check_profile(
    catalogue: Catalogue, values: Mapping[str, object], *, same_words: frozenset[str] = frozenset()
) -> tuple[dict[str, Value | None], tuple[str, ...]]:
    """Checked values by path, and the names the catalogue does not know. Raises InvalidInput naming the field.

    `same_words` are look-up fields whose every refusal is worded alike, so that a clash says no more than a bad value.
    """
    _check_names(values)
    checked: dict[str, Value | None] = {}
    unknown = []
    for path, raw in values.items():
        field = catalogue.fields.get(path)
        if field is None:
            unknown.append(path)
        elif raw is None:
            checked[path] = None
        else:
            try:
                checked[path] = parse_json(field.type, raw, where=path)
            except InvalidInput:
                if path not in same_words:
                    raise
                checked[path] = None
                raise cannot_be_taken(field) from None
    return checked, tuple(unknown)


def check_record(
    catalogue: Catalogue, name: str, values: Mapping[str, object], *, ordinal: int = 0
) -> tuple[Collection, dict[str, Value | None], tuple[str, ...], bytes]:
    """The collection, checked values by full path, unknown names, and the record's key. Raises InvalidInput."""
    collection = catalogue.collections.get(name) if _is_string(name) else None
    if collection is None:
        known = ", ".join(sorted(catalogue.collections)) or "none"
        raise InvalidInput(f"there is no such collection; collections here: {known}", field="collection")
    _check_names(values)
    checked: dict[str, Value | None] = {}
    unknown = []
    for short, raw in values.items():
        field = collection.fields.get(short)
        if field is None:
            unknown.append(f"{name}.{short}")
        elif raw is not None:
            checked[field.path] = parse_json(field.type, raw, where=field.path)
    for needed in (collection.time, collection.key):
        if needed is not None and collection.fields[needed].path not in checked:
            raise InvalidInput(f"{name}.{needed}: a record needs it", field=f"{name}.{needed}")
    _check_time(collection.fields[collection.time].path, checked)
    return collection, checked, tuple(unknown), _record_key(collection, checked, ordinal)


def _check_time(path: str, checked: Mapping[str, Value | None]) -> None:
    """Records are ordered by their time in UTC, where it may lie before the year 1 or after 9999."""
    try:
        from_millis(instant(checked[path]))  # type: ignore[arg-type]  # a date or a datetime: its field's type
    except (OverflowError, ValueError):
        raise InvalidInput(f"{path}: must lie in the years 1 to 9999 of UTC", field=path) from None


def _record_key(collection: Collection, values: Mapping[str, Value | None], ordinal: int) -> bytes:
    """The key's own bytes; without one a digest of the record, and an ordinal to tell equal rows of a file apart."""
    if collection.key is not None:
        field = collection.fields[collection.key]
        value = values[field.path]
        assert value is not None
        return b"key" + encode_value(field.type, value)
    digest = hashlib.sha256()
    by_path = {field.path: field for field in collection.fields.values()}
    for path in sorted(values):
        value = values[path]
        if value is not None:
            data = encode_value(by_path[path].type, value)
            digest.update(f"{by_path[path].number}:{len(data)}:".encode() + data)
    return b"row" + digest.digest() + ordinal.to_bytes(4, "big")


def cannot_be_taken(field: Field) -> InvalidInput:
    """The one wording for every refusal of a look-up value to a service that may not look people up by it."""
    return InvalidInput(
        f"{field.path}: must be a valid {field.type.kind} that can stand for this person", field=field.path
    )


def _is_string(value: object) -> bool:
    """Callers may pass anything, whatever the signature says."""
    return isinstance(value, str)


def _check_names(values: Mapping[str, object]) -> None:
    if not values:
        raise InvalidInput("name at least one field to write", field="values")
    if len(values) > MAX_FIELDS:
        raise InvalidInput(f"at most {MAX_FIELDS} fields in one write", field="values")
    for name in values:
        if not _is_string(name) or not 0 < len(name) <= MAX_NAME:
            raise InvalidInput(f"field names are text of 1 to {MAX_NAME} characters", field="values")
