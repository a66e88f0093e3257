"""Values as bytes to be sealed, and back. Verbatim: what was put is what is read, to the last zero of 1.10.

UTF-8 text for all; a boolean is one byte; a list is a JSON array. Decoding is on the way of every read.
Refuses bytes that are not of the type: IntegrityError, without them.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import orjson

from privet.config.values.checking import Value
from privet.domain.catalogue import ValueType
from privet.errors import IntegrityError

_LONGEST_DATETIME = 32  # 2024-01-31T09:30:00.000000+00:00
_DATE_SIZE = 10
_FLAGS = {b"1": True, b"0": False}


def encode_value(kind: ValueType, value: Value) -> bytes:
    """Bytes of a value that `parse_value` has checked. A TypeError here is a fault of ours, not of a caller."""
    if kind.kind == "list":
        if kind.of is None or not isinstance(value, list):
            raise TypeError("not a checked list")
        item = kind.of
        return orjson.dumps([encode_value(item, one).decode("utf-8") for one in value])
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, int | Decimal):
        return str(value).encode("ascii")
    if isinstance(value, date):
        return value.isoformat().encode("ascii")
    raise TypeError("not a checked value")


UNDECODABLE = (ValueError, KeyError, TypeError, AttributeError, InvalidOperation)
"""What a `bare_decoder` raises for bytes of another type."""


def decode_value(kind: ValueType, data: bytes) -> Value:
    """The value of bytes that `encode_value` made. Raises IntegrityError when they are of another type."""
    try:
        return bare_decoder(kind)(data)
    except UNDECODABLE:
        pass
    raise IntegrityError(f"a stored value does not read as {kind.kind}; was the type of its field changed?")


def bare_decoder(kind: ValueType) -> Callable[[bytes], Value]:
    """`decode_value` for one type, without its errors: for a read, which decodes ten values and has one `try`."""
    return _DECODERS[kind.kind] if kind.of is None else _list_of(_DECODERS[kind.of.kind])


def _list_of(item: Callable[[bytes], Value]) -> Callable[[bytes], Value]:
    def decode(data: bytes) -> Value:
        found = orjson.loads(data)
        if not isinstance(found, list):
            raise TypeError("not a list")
        return [item(one.encode("utf-8")) for one in found]

    return decode


def max_size(kind: ValueType) -> int | None:
    """Bytes of the longest value, to pad to, where lengths would tell values apart; None: pad by Padmé."""
    if kind.kind == "enum":
        return max(len(member.encode("utf-8")) for member in kind.members)
    return {
        "boolean": 1,
        "date": 10,
        "datetime": _LONGEST_DATETIME,
        "moment": _LONGEST_DATETIME,
        "country": 3,
    }.get(kind.kind)


def _integer(data: bytes) -> Value:
    return int(data)


def _number(data: bytes) -> Value:
    return Decimal(str(data, "ascii"))


def _boolean(data: bytes) -> Value:
    return _FLAGS[data]


def _date(data: bytes) -> Value:
    return date.fromisoformat(str(data, "ascii"))


def _datetime(data: bytes) -> Value:
    return datetime.fromisoformat(str(data, "ascii"))


def _moment(data: bytes) -> Value:
    return _date(data) if len(data) == _DATE_SIZE else _datetime(data)


_DECODERS: dict[str, Callable[[bytes], Value]] = {
    "string": bytes.decode,
    "text": bytes.decode,
    "email": bytes.decode,
    "phone": bytes.decode,
    "country": bytes.decode,
    "enum": bytes.decode,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "moment": _moment,
}
