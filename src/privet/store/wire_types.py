"""PostgreSQL's binary format of the few types that Privet's statements take and give."""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

_INT: Final = struct.Struct(">q")
_LENGTH: Final = struct.Struct(">i")
_EIGHT: Final = _LENGTH.pack(8)
_NULL: Final = _LENGTH.pack(-1)
_HEAD: Final = struct.Struct(">iiIii")


class Type(NamedTuple):
    """`decode` None: the bytes themselves."""

    oid: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any] | None


def _array(values: Sequence[bytes | None], oid: int) -> bytes:
    if not values:
        return _HEAD.pack(0, 0, oid, 0, 0)[:12]
    pack = _LENGTH.pack
    parts = [_HEAD.pack(1, int(None in values), oid, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(pack(len(value)))
            parts.append(value)
    return b"".join(parts)


def _ints(values: Sequence[int]) -> bytes:
    return _array([_INT.pack(value) for value in values], 20)


def _int(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


BYTES: Final = Type(17, bytes, None)
INT: Final = Type(20, _INT.pack, _int)
TEXT: Final = Type(25, str.encode, bytes.decode)
BYTES_LIST: Final = Type(1001, lambda values: _array(values, 17), None)
INT_LIST: Final = Type(1016, _ints, None)
