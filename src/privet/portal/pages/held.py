"""What is held: every value, look-ups too, in plain words, in groups, each with what it may be used for.

Refuses to show a part when something does not open: then it says that a person must look.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from privet.domain.answer import Record
from privet.domain.catalogue import Collection, Field
from privet.portal.calls import Answer, Call, Stop
from privet.portal.desk import Desk, Me
from privet.portal.pages.correct import may_correct
from privet.portal.words.labels import GROUPS, OTHER, group_of, plain
from privet.portal.words.times import tell_stay
from privet.portal.words.values import Shown, safe_text, show_value

_FIRST = 3
_PAGE = 20


class Use(NamedTuple):
    purpose: str
    services: tuple[str, ...]


class Value(NamedTuple):
    """A field with its value, or without one."""

    label: str
    shown: Shown
    uses: tuple[Use, ...]
    kept: str
    special: bool
    pending: bool
    lookup: bool
    change: str
    """The path under which it can be corrected; "" where a person must be asked."""


class Entry(NamedTuple):
    """One record of a collection."""

    title: Shown
    values: tuple[tuple[str, Shown], ...]


class Series(NamedTuple):
    name: str
    label: str
    total: int
    kept: str
    uses: tuple[Use, ...]
    entries: tuple[Entry, ...]


def held(desk: Desk, call: Call, me: Me) -> Answer:
    """Everything of the profile, and the newest of each collection."""
    profile = me.customer.profile()
    groups: dict[str, list[Value]] = {heading: [] for heading in (*dict(GROUPS), OTHER)}
    missing = []
    for path, field in desk.catalogue.fields.items():
        if path in profile.fields:
            waits = path in profile.pending
            groups[group_of(field)].append(_value(desk, field, profile[path], waits, call.now))
        else:
            missing.append(_value(desk, field, None, path in profile.pending, call.now))
    series = [
        _series(desk, desk.catalogue.collections[name], records, slice(0, _FIRST), call.now)
        for name, records in profile.collections.items()
    ]
    return desk.page(
        "held.html",
        me=me,
        here="held",
        groups=[(heading, values) for heading, values in groups.items() if values],
        missing=missing,
        series=series,
        restricted=profile.restricted,
        objected=[desk.labels.purpose(name) for name in profile.objected],
        pending=[(path, desk.labels.field(path)) for path in profile.pending],
    )


def records(desk: Desk, call: Call, me: Me) -> Answer:
    """One collection, a page at a time, newest first."""
    found = desk.catalogue.collections.get(call.named["collection"])
    if found is None:
        raise Stop(404, "There is no such page", "What we hold about you is listed on its own page.")
    listed = me.customer.profile().collections.get(found.name, ())
    pages = max(1, -(-len(listed) // _PAGE))
    page = min(_number(call.query.get("page", "")), pages)
    cut = slice((page - 1) * _PAGE, page * _PAGE)
    return desk.page(
        "records.html",
        me=me,
        here="held",
        series=_series(desk, found, listed, cut, call.now),
        page=page,
        pages=pages,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 9 and int(text) else 1


def _value(desk: Desk, field: Field, value: object, waits: bool, now: datetime) -> Value:
    return Value(
        label=desk.labels.field(field.path),
        shown=show_value(field, value, now),
        uses=_uses(desk, field),
        kept="" if field.retention_days is None else tell_stay(field.retention_days),
        special=field.special,
        pending=waits,
        lookup=field.lookup is not None,
        change=field.path if may_correct(field, desk.catalogue.unusable) else "",
    )


def _uses(desk: Desk, field: Field) -> tuple[Use, ...]:
    labels = desk.labels
    return tuple(
        Use(labels.purpose(purpose), tuple(map(labels.service, services)))
        for purpose, services in labels.uses[field.path]
    )


def _series(
    desk: Desk, collection: Collection, listed: Sequence[Record], cut: slice, now: datetime
) -> Series:
    uses = dict.fromkeys(use for field in collection.fields.values() for use in _uses(desk, field))
    days = collection.retention_days
    return Series(
        name=collection.name,
        label=plain(collection.name),
        total=len(listed),
        kept="" if days is None else tell_stay(days),
        uses=tuple(uses),
        entries=tuple(_entry(collection, record, now) for record in listed[cut]),
    )


def _entry(collection: Collection, record: Record, now: datetime) -> Entry:
    values = tuple(
        (plain(safe_text(name)), show_value(collection.fields.get(name), value, now))
        for name, value in record.values.items()
        if name != collection.time
    )
    return Entry(show_value(collection.fields[collection.time], record.time, now), values)
