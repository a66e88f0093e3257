"""Type expressions of the catalogue, `enum[king, twin]`, `list[string]`, and their bounds.

Refuses unknown types, enums without or with repeated members, lists of lists, and bounds that the type has not
or that contradict each other.
"""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import get_args

from privet.config.catalogue.problems import Path, Problems, quoted, unknown
from privet.config.catalogue.shapes import Bound, FieldShape
from privet.domain.catalogue import ScalarKind, ValueType

SCALARS: tuple[ScalarKind, ...] = get_args(ScalarKind)
DEFAULT_LENGTH: dict[str, int] = {"string": 200, "text": 10_000, "email": 254, "phone": 40}
DEFAULT_ITEMS = 100
MOST_MEMBERS = 1_000
_ORDERED = ("integer", "number", "date", "datetime")
_BRACKETED = re.compile(r"(enum|list)\s*\[(.*)\]", re.DOTALL)
_MEMBER = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^,"'\[\]]*[^,"'\[\]\s]))\s*(?:,|$)""")


class _Wrong(Exception):
    """The type expression cannot be read; the text says why and what to write."""


def read_type(shape: FieldShape, path: Path, problems: Problems) -> ValueType:
    """The type of a field with its bounds. A type that cannot be read is noted, and stands as string."""
    if shape.type is None:
        problems.missing(path, "type", "write for instance type: string")
        return ValueType(kind="string", max_length=200)
    try:
        bare = _parse(shape.type.strip())
    except _Wrong as wrong:
        problems.error((*path, "type"), str(wrong))
        return ValueType(kind="string", max_length=200)
    return _bounded(bare, shape, path, problems)


def _parse(text: str, *, inside: bool = False) -> ValueType:
    found = _BRACKETED.fullmatch(text)
    if found is None:
        if text == "enum":
            raise _Wrong("an enum needs its members; write for instance enum[king, twin]")
        if text == "list":
            raise _Wrong("a list needs the type of its items; write for instance list[string]")
        if text not in SCALARS:
            raise _Wrong(unknown("type", "types", text, [*SCALARS[:-1], "enum[…]", "list[…]"]))
        return ValueType(kind=next(kind for kind in SCALARS if kind == text))
    if found[1] == "enum":
        return ValueType(kind="enum", members=_members(found[2]))
    if inside:
        raise _Wrong("a list cannot hold lists; make it a collection or list[string]")
    return ValueType(kind="list", of=_parse(found[2].strip(), inside=True))


def _members(text: str) -> tuple[str, ...]:
    members: list[str] = []
    at = 0
    while at < len(text):
        found = _MEMBER.match(text, at)
        if found is None:
            if text[at:].strip():
                raise _Wrong(
                    "the members of an enum are names with commas between; quote one that has , [ ] in it"
                )
            break
        member = next(part for part in found.groups() if part is not None)
        # A member that runs over two lines of the file is one with a space, as in any YAML scalar.
        member = " ".join(member.split()) if found[3] is not None else member
        if not member or len(member) > 200:
            raise _Wrong("a member of an enum has 1 to 200 characters")
        if member in members:
            raise _Wrong(f"the enum has {quoted(member)} twice; keep one")
        members.append(member)
        at = found.end()
    if not members:
        raise _Wrong("an enum needs its members; write for instance enum[king, twin]")
    if len(members) > MOST_MEMBERS:
        raise _Wrong(f"an enum has at most {MOST_MEMBERS} members; use string")
    return tuple(members)


def _bounded(bare: ValueType, shape: FieldShape, path: Path, problems: Problems) -> ValueType:
    item = bare.of if bare.of is not None else bare
    low = high = None
    for key, given in (("max_length", shape.max_length), ("max_items", shape.max_items)):
        has = item.kind in DEFAULT_LENGTH if key == "max_length" else bare.of is not None
        if given is not None and not has:
            of = "string, text, email and phone" if key == "max_length" else "list[…]"
            problems.error((*path, key), f"only {of} has this bound; remove it")
    for key, bound in (("min", shape.min), ("max", shape.max)):
        if bound is None:
            continue
        if item.kind not in _ORDERED:
            problems.error((*path, key), "only integer, number, date and datetime have this bound; remove it")
            continue
        text = _bound_text(item.kind, bound)
        if text is None:
            problems.error((*path, key), f"is not {_LIKE[item.kind]}")
        elif key == "min":
            low = text
        else:
            high = text
    if low is not None and high is not None and _order(item.kind, low) > _order(item.kind, high):
        problems.error((*path, "min"), "is above max; swap them")
    longest = DEFAULT_LENGTH.get(item.kind)
    if longest is not None and shape.max_length is not None:
        longest = shape.max_length if item.kind in ("string", "text") else min(longest, shape.max_length)
    typed = ValueType(kind=item.kind, members=item.members, max_length=longest, minimum=low, maximum=high)
    if bare.of is None:
        return typed
    return ValueType(kind="list", of=typed, max_length=shape.max_items or DEFAULT_ITEMS)


_LIKE = {
    "integer": "a whole number; write for instance 0",
    "number": "a number; write for instance 0.5",
    "date": "a date; write for instance 1900-01-01",
    "datetime": 'a date and time with its offset; write for instance "1900-01-01T00:00:00Z"',
}


def _bound_text(kind: str, bound: Bound) -> str | None:
    try:
        if kind == "integer":
            return str(bound) if isinstance(bound, int) and not isinstance(bound, bool) else None
        if kind == "number":
            number = Decimal(bound) if not isinstance(bound, str) else Decimal(bound.strip())
            return str(number) if number.is_finite() else None
        if not isinstance(bound, str):
            return None
        if kind == "date":
            return date.fromisoformat(bound).isoformat()
        moment = datetime.fromisoformat(bound)
    except (ValueError, InvalidOperation):
        return None
    return moment.isoformat() if moment.tzinfo is not None else None


def _order(kind: str, text: str) -> Decimal:
    """A number to compare two bounds of one kind by."""
    if kind == "date":
        return Decimal(date.fromisoformat(text).toordinal())
    if kind == "datetime":
        return Decimal(datetime.fromisoformat(text).timestamp())
    return Decimal(text)
