"""Fields and collections: what may be held, of which category, for which purposes, and for how long.

Refuses names that could not be told apart, categories not of the form `pd:Term`, look-ups of types that have no
normal form, and a record time that is no date.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from privet.config.catalogue.durations import find_days
from privet.config.catalogue.problems import Path, Problems, quoted
from privet.config.catalogue.purposes import DURATION_FIX, read_names
from privet.config.catalogue.shapes import Allowances, CollectionShape, FieldShape, shape_of
from privet.config.catalogue.value_types import read_type
from privet.domain.catalogue import Collection, Field, ValueType

PATH_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*")
PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
DEFAULT_CATEGORY = "pd:ServiceConsumptionBehaviour"
_TERM = re.compile(r"pd:[A-Z][A-Za-z0-9]{0,80}")
_LOOKUPS = ("string", "email", "phone")


def check_name(name: str, path: Path, problems: Problems, *, dots: bool = True) -> None:
    """Notes a name that is not letters, digits, _ and - (and dots), or is longer than 100 characters."""
    if len(name) > 100 or not (PATH_NAME if dots else PLAIN_NAME).fullmatch(name):
        also = ", and dots between such words" if dots else ""
        problems.error(
            path, f"a name is a letter, then letters, digits, _ or -{also}, 100 characters at most"
        )


def read_fields(raw: Mapping[str, object], purposes: Iterable[str], problems: Problems) -> dict[str, Field]:
    """The fields of a profile by path."""
    found = {}
    for name, entry in raw.items():
        path = ("fields", name)
        check_name(name, path, problems)
        shape = shape_of(FieldShape, entry, path, problems)
        found[name] = _field(name, shape, Allowances(), path, purposes, problems)
    return found


def read_collections(
    raw: Mapping[str, object], fields: Mapping[str, Field], purposes: Iterable[str], problems: Problems
) -> dict[str, Collection]:
    """The collections by name, each with its `time` and `key` among its fields."""
    found = {}
    for name, entry in raw.items():
        path = ("collections", name)
        check_name(name, path, problems, dots=False)
        for clash in (f for f in fields if f == name or f.startswith(f"{name}.")):
            problems.error(
                ("fields", clash), f"the collection {quoted(name)} has this path; rename one of them"
            )
        found[name] = _collection(name, entry, path, purposes, problems)
    return found


def _collection(
    name: str, raw: object, path: Path, purposes: Iterable[str], problems: Problems
) -> Collection:
    shape = shape_of(CollectionShape, raw, path, problems)
    fields: dict[str, Field] = {}
    for inner, entry in (shape.fields or {}).items():
        place = (*path, "fields", inner)
        check_name(inner, place, problems)
        own = shape_of(FieldShape, entry, place, problems)
        if own.lookup is not None:
            problems.error(
                (*place, "lookup"), "a collection's field cannot find people; make it a profile field"
            )
            own = own.model_copy(update={"lookup": None})
        fields[inner] = _field(f"{name}.{inner}", own, shape, place, purposes, problems, collection=name)
    if not fields:
        problems.missing(path, "fields", "a collection needs at least one field")
    declared = tuple(fields.values())
    retention = _days(shape.retention, (*path, "retention"), problems)
    time = shape.time
    if time is None:
        problems.missing(path, "time", "name the date of a record, for instance time: arrived")
    elif time not in fields:
        check_name(time, (*path, "time"), problems)
        fields[time] = _implied(name, time, "moment", shape, declared, retention)
    elif fields[time].type.kind not in ("date", "datetime", "moment"):
        problems.error(
            (*path, "time"), f"{quoted(time)} is of type {fields[time].type.kind}; make it date or datetime"
        )
    key = shape.key
    if key is not None and key == time:
        problems.error((*path, "key"), "is the time too; name another value, or leave key out")
    elif key is not None and key not in fields:
        check_name(key, (*path, "key"), problems)
        fields[key] = _implied(name, key, "string", shape, declared, retention)
    elif key is not None and fields[key].type.kind == "list":
        problems.error((*path, "key"), f"{quoted(key)} is a list; a key is one value")
    return Collection(
        name=name,
        number=0,
        time=time or "",
        coarse_time=shape.coarse_time or "month",
        key=key,
        fields=fields,
        retention_days=retention,
    )


def _field(
    full: str, own: FieldShape, above: Allowances, path: Path, purposes: Iterable[str], problems: Problems,
    *, collection: str | None = None,
) -> Field:  # fmt: skip
    """A field from its own keys and, in a collection, those that the collection gives for all."""
    kind = read_type(own, path, problems)
    return Field(
        path=full,
        number=0,
        type=kind,
        category=_category(own, above, path, problems),
        special=bool(above.special) if own.special is None else own.special,
        allow=_purposes("allow", own, above, path, purposes, problems),
        allow_masked=_purposes("allow_masked", own, above, path, purposes, problems),
        prohibit=_purposes("prohibit", own, above, path, purposes, problems),
        lookup=_lookup(own, kind, path, problems),
        retention_days=_retention(own, above, path, problems),
        collection=collection,
        description=own.description or "",
    )


def _category(own: Allowances, above: Allowances, path: Path, problems: Problems) -> str:
    if own.category is None and above.category is None:
        problems.missing(path, "category", "write for instance category: pd:Preference")
        return DEFAULT_CATEGORY
    inherited = own.category is None
    term = str(above.category if inherited else own.category)
    if not _TERM.fullmatch(term):
        place = (*(path[:2] if inherited else path), "category")
        problems.error(place, f"{quoted(term)} has not the form pd:Term; write for instance pd:Preference")
    return term


def _purposes(
    key: Literal["allow", "allow_masked", "prohibit"], own: Allowances, above: Allowances, path: Path,
    purposes: Iterable[str], problems: Problems,
) -> frozenset[str]:  # fmt: skip
    """What the field says, else the collection. A prohibition of the collection holds for all of its fields."""
    mine: list[str] | None = getattr(own, key)
    theirs: list[str] | None = getattr(above, key)
    named = read_names(mine, purposes, (*path, key), problems)
    if theirs is None or (mine is not None and key != "prohibit"):
        return frozenset(named)
    return frozenset(named) | frozenset(read_names(theirs, purposes, (*path[:2], key), problems))


def _lookup(
    own: FieldShape, kind: ValueType, path: Path, problems: Problems
) -> Literal["unique", "shared"] | None:
    if own.lookup is not None and kind.kind not in _LOOKUPS:
        problems.error((*path, "lookup"), f"type {kind.kind} cannot find people; use string, email or phone")
        return None
    return own.lookup


def _retention(own: Allowances, above: Allowances, path: Path, problems: Problems) -> int | None:
    if own.retention is not None:
        return _days(own.retention, (*path, "retention"), problems)
    return find_days(above.retention) if above.retention is not None else None


def _days(text: str | None, path: Path, problems: Problems) -> int | None:
    if text is None:
        return None
    days = find_days(text)
    if days is None:
        problems.error(path, f"{quoted(text)} {DURATION_FIX}")
    return days


def _implied(
    collection: str, name: str, kind: Literal["moment", "string"], shape: CollectionShape, fields: tuple[Field, ...],
    retention: int | None,
) -> Field:  # fmt: skip
    """The record's time or key where the collection does not declare it among its fields: for every purpose that
    one of its fields is for, prohibited or special only where all of them are."""
    categories = {field.category for field in fields}
    only = categories.pop() if len(categories) == 1 else DEFAULT_CATEGORY
    allow = frozenset[str]().union(*(field.allow for field in fields))
    masked = frozenset[str]().union(*(field.allow_masked for field in fields))
    barred = [field.prohibit for field in fields]
    return Field(
        path=f"{collection}.{name}",
        number=0,
        type=ValueType(kind=kind, max_length=200 if kind == "string" else None),
        category=shape.category if shape.category is not None else only,
        special=bool(fields) and all(field.special for field in fields),
        allow=allow,
        allow_masked=masked - allow,
        prohibit=frozenset.intersection(*barred) if barred else frozenset(),
        retention_days=retention,
        collection=collection,
    )
