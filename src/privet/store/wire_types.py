"""PostgreSQL's binary format of the few types that Privet's statements take and give."""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

_INT: Final = struct.Struct(">q")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
_HEAD: Final = struct.Struct(">iiIii")


class Type(NamedTuple):
    """A type, and how its values are written."""

    oid: int
    encode: Callable[[Any], bytes]


def _array(values: Sequence[bytes | None], oid: int) -> bytes:
    if not values:
        return _HEAD.pack(0, 0, oid, 0, 0)[:12]
    pack = _LENGTH.pack
    parts = [b""] * (2 * len(values))
    parts[::2] = [_NULL if value is None else pack(len(value)) for value in values]
    parts[1::2] = [value or b"" for value in values]
    return _HEAD.pack(1, int(None in values), oid, len(values), 1) + b"".join(parts)


def _ints(values: Sequence[int]) -> bytes:
    return _array([_INT.pack(value) for value in values], 20)


BYTES: Final = Type(17, bytes)
INT: Final = Type(20, _INT.pack)
TEXT: Final = Type(25, str.encode)
BYTES_LIST: Final = Type(1001, lambda values: _array(values, 17))
INT_LIST: Final = Type(1016, _ints)
