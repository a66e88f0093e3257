"""Dates and times in requests: RFC 3339, one spelling each. Refuses what Python would also take, such as week dates."""

import re
from datetime import UTC, date, datetime, time

from privet.errors import InvalidInput

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def moment(name: str, text: str | None) -> date | datetime | None:
    """A date `2024-01-31`, or a datetime with its offset. Raises InvalidInput, naming the field."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    else:
        found = _find_datetime(text)
        if found is not None:
            return found
    raise InvalidInput(f"{name} must be a date such as 2024-01-31, or with a time and its offset", field=name)


def instant(name: str, text: str | None, *, last: bool = False) -> datetime | None:
    """As `moment`; a date is its first instant, or its last, in UTC."""
    found = moment(name, text)
    if found is None or isinstance(found, datetime):
        return found
    return datetime.combine(found, time(23, 59, 59, 999_000) if last else time(), UTC)


def _find_datetime(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None
