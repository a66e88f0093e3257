"""Values from callers: is this Python value what the field's type says? Taken as it is, or refused.

Refuses wrong types (a bool is no integer, a datetime no date), values over a bound, control characters, lone
surrogates, NaN and infinities, naive datetimes, nested lists. The message names the field and the rule, NEVER the
value; errors are raised outside `except`, so that no chained exception carries it either.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from privet.config.values.contacts import is_email, is_phone
from privet.config.values.countries import is_country
from privet.domain.catalogue import ValueType
from privet.errors import InvalidInput

Value = str | int | Decimal | bool | date | datetime | list["Value"]
"""What a field holds: by type str, int, Decimal, bool, date, aware datetime, or a list of one of them."""

MOST_INTEGER = 2**53 - 1
"""What JSON carries exactly everywhere (RFC 7493)."""
MOST_DIGITS = 34
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_value(kind: ValueType, raw: object, *, where: str, region: str | None = None) -> Value:
    """The value, checked; `where` is the field's path or place, for the message. `region`: a phone's default country.

    Raises InvalidInput(field=where). Numbers may come as Decimal, int or float and become Decimal.
    """
    if kind.kind == "list":
        return _check_list(kind, raw, where, region)
    return _CHECKS[kind.kind](kind, raw, where, region)


def refuse(where: str, rule: str) -> InvalidInput:
    """The one sentence for a value that is not taken: `room.bed: must be one of king, twin`."""
    return InvalidInput(f"{where}: must be {rule}", field=where)


def _check_list(kind: ValueType, raw: object, where: str, region: str | None) -> list[Value]:
    item = kind.of
    if item is None or not isinstance(raw, list | tuple):
        raise refuse(where, "a list")
    if kind.max_length is not None and len(raw) > kind.max_length:
        raise refuse(where, f"a list of at most {kind.max_length} items")
    check = _CHECKS[item.kind] if item.kind != "list" else None
    if check is None:
        raise refuse(where, "a list of single values")
    return [check(item, one, f"{where} (item {at})", region) for at, one in enumerate(raw, start=1)]


def _check_string(kind: ValueType, raw: object, where: str, _region: str | None) -> str:
    if not isinstance(raw, str):
        raise refuse(where, "text")
    if kind.max_length is not None and len(raw) > kind.max_length:
        raise refuse(where, f"text of at most {kind.max_length} characters")
    if kind.kind == "text":
        if _UNSTORABLE_IN_TEXT.search(raw):
            raise refuse(
                where, "text without control characters (line breaks and tabs are fine) or half characters"
            )
    elif _UNSTORABLE.search(raw):
        raise refuse(where, "one line of text without control characters or half characters")
    return str(raw)


def _check_enum(kind: ValueType, raw: object, where: str, _region: str | None) -> str:
    if not isinstance(raw, str) or raw not in kind.members:
        shown = ", ".join(kind.members[:12]) + (", …" if len(kind.members) > 12 else "")
        raise refuse(where, f"one of {shown}")
    return str(raw)


def _check_email(kind: ValueType, raw: object, where: str, region: str | None) -> str:
    text = _check_string(kind, raw, where, region)
    if not is_email(text):
        raise refuse(where, "an email address")
    return text


def _check_phone(kind: ValueType, raw: object, where: str, region: str | None) -> str:
    text = _check_string(kind, raw, where, region)
    if not is_phone(text, region):
        raise refuse(where, "a phone number with its country code, such as +351 then the number")
    return text


def _check_country(_kind: ValueType, raw: object, where: str, _region: str | None) -> str:
    if not isinstance(raw, str) or len(raw) > 3 or not is_country(raw):
        raise refuse(where, "a country code of two or three letters (ISO 3166)")
    return str(raw)


def _check_boolean(_kind: ValueType, raw: object, where: str, _region: str | None) -> bool:
    if not isinstance(raw, bool):
        raise refuse(where, "true or false")
    return raw


def _check_integer(kind: ValueType, raw: object, where: str, _region: str | None) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise refuse(where, "a whole number")
    if not -MOST_INTEGER <= raw <= MOST_INTEGER:
        raise refuse(where, "a whole number of at most 15 digits or so (2^53)")
    _check_bounds(kind, int(raw), where)
    return int(raw)


def _check_number(kind: ValueType, raw: object, where: str, _region: str | None) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise refuse(where, "a number")
    if isinstance(raw, int) and raw.bit_length() > 128:
        raise refuse(where, f"a number of at most {MOST_DIGITS} digits")
    # repr is the shortest text that reads back as the same float: 110.1, not 110.09999999999999431566.
    number = Decimal(repr(float(raw))) if isinstance(raw, float) else Decimal(raw)
    if not number.is_finite():
        raise refuse(where, "a finite number")
    exponent = number.as_tuple().exponent
    if len(number.as_tuple().digits) > MOST_DIGITS or not -MOST_DIGITS <= int(exponent) <= MOST_DIGITS:
        raise refuse(where, f"a number of at most {MOST_DIGITS} digits")
    _check_bounds(kind, number, where)
    return number


def _check_date(kind: ValueType, raw: object, where: str, _region: str | None) -> date:
    if isinstance(raw, datetime) or not isinstance(raw, date):
        raise refuse(where, "a date")
    _check_bounds(kind, raw, where)
    return raw


def _check_datetime(kind: ValueType, raw: object, where: str, _region: str | None) -> datetime:
    if not isinstance(raw, datetime):
        raise refuse(where, "a date and time")
    offset = raw.utcoffset()
    if offset is None:
        raise refuse(where, "a date and time with its offset from UTC")
    if offset % timedelta(minutes=1):
        raise refuse(where, "a date and time whose offset is in whole minutes")
    _check_bounds(kind, raw, where)
    return raw


def _check_moment(kind: ValueType, raw: object, where: str, region: str | None) -> date:
    if isinstance(raw, datetime):
        return _check_datetime(kind, raw, where, region)
    return _check_date(kind, raw, where, region)


@lru_cache(maxsize=4096)
def _bounds(kind: ValueType) -> tuple[Any, Any]:
    read = _READ_BOUND[kind.kind]
    low = None if kind.minimum is None else read(kind.minimum)
    return low, None if kind.maximum is None else read(kind.maximum)


def _check_bounds(kind: ValueType, value: int | Decimal | date | datetime, where: str) -> None:
    if kind.minimum is None and kind.maximum is None:
        return
    low, high = _bounds(kind)
    if low is not None and value < low:
        raise refuse(where, f"at least {kind.minimum}")
    if high is not None and value > high:
        raise refuse(where, f"at most {kind.maximum}")


_READ_BOUND: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "number": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}

_CHECKS: dict[str, Callable[[ValueType, object, str, str | None], Value]] = {
    "string": _check_string,
    "text": _check_string,
    "integer": _check_integer,
    "number": _check_number,
    "boolean": _check_boolean,
    "date": _check_date,
    "datetime": _check_datetime,
    "moment": _check_moment,
    "email": _check_email,
    "phone": _check_phone,
    "country": _check_country,
    "enum": _check_enum,
}
