"""Values from files and wires: CSV cells (`parse_text`) and decoded JSON (`parse_json`), then checked as any other.

Refuses what could mean two things: 1,000 and 1e5 as numbers, 03/04/2024 as a date, a time without offset.
"""

import re
from datetime import date, datetime
from decimal import Decimal

import orjson

from privet.config.values.checking import Value, parse_value, refuse
from privet.domain.catalogue import ValueType

_INTEGER = re.compile(r"[-+]?[0-9]{1,16}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,34}(?:\.[0-9]{1,34})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_text(kind: ValueType, text: str, *, where: str, region: str | None = None) -> Value:
    """A value from its text form, as in a CSV cell.

    Dates 2024-01-31; datetimes 2024-01-31T09:30:00Z or with an offset; numbers 12.50; booleans true/false, yes/no,
    1/0 in any case; lists items separated by `;`, or a JSON array. Texts are taken as they are, spaces and all.
    Raises InvalidInput(field=where), without the text.
    """
    if kind.kind == "list" and kind.of is not None:
        return _parse_list(kind, kind.of, text, where, region)
    return parse_value(kind, _from_text(kind, text, where), where=where, region=region)


def parse_json(kind: ValueType, raw: object, *, where: str, region: str | None = None) -> Value:
    """A value from decoded JSON: dates, datetimes and numbers may be texts, for JSON has no such types."""
    if kind.kind in ("date", "datetime", "moment", "number") and isinstance(raw, str):
        raw = _from_text(kind, raw, where)
    elif kind.kind == "list" and kind.of is not None and isinstance(raw, list):
        if kind.max_length is not None and len(raw) > kind.max_length:
            raise refuse(where, f"a list of at most {kind.max_length} items")
        item = kind.of
        return [
            parse_json(item, one, where=f"{where} (item {at})", region=region)
            for at, one in enumerate(raw, start=1)
        ]
    return parse_value(kind, raw, where=where, region=region)


def _parse_list(kind: ValueType, item: ValueType, text: str, where: str, region: str | None) -> Value:
    if text.lstrip().startswith("["):
        found = _find_json(text)
        if found is None:
            raise refuse(where, "a JSON array, or items with ; between")
        return parse_json(kind, found, where=where, region=region)
    parts = [part.strip() for part in text.split(";")]
    items = [_from_text(item, part, where) for part in parts if part]
    return parse_value(kind, items, where=where, region=region)


def _find_json(text: str) -> object | None:
    try:
        return orjson.loads(text)  # type: ignore[no-any-return]
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def _from_text(kind: ValueType, text: str, where: str) -> object:
    name = kind.kind
    if name == "integer":
        if not _INTEGER.fullmatch(text.strip()):
            raise refuse(where, "a whole number, digits only")
        return int(text)
    if name == "number":
        if not _NUMBER.fullmatch(text.strip()):
            raise refuse(where, "a number such as 12.50, without separators of thousands")
        return Decimal(text.strip())
    if name == "boolean":
        found = _BOOLEANS.get(text.strip().lower()) if len(text) < 20 else None
        if found is None:
            raise refuse(where, "true or false (also yes, no, 1, 0)")
        return found
    if name == "date":
        day = _find_date(text.strip())
        if day is None:
            raise refuse(where, "a date such as 2024-01-31")
        return day
    if name == "moment":
        either = _find_date(text.strip()) or _find_datetime(text.strip())
        if either is None:
            raise refuse(where, "a date such as 2024-01-31, or with a time and its offset")
        return either
    if name == "datetime":
        moment = _find_datetime(text.strip())
        if moment is None:
            raise refuse(where, "a date and time with its offset, such as 2024-01-31T09:30:00Z")
        return moment
    return text


def _find_date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _find_datetime(text: str) -> datetime | None:
    if not _DATETIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
