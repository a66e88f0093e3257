"""Rows of a form seen before are opened by one unpacking: same size, and in it the same numbers, kinds and lengths.

The quick way of `fields.open_into`, for those who open many rows for one list of fields; what a row may be, and what
is refused, is decided there: a form is learned from a row that it opened whole. Refuses nothing else, and opens no row
of another form.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from cryptography.exceptions import InvalidTag

from privet.crypto.aead import NONCE_SIZE, FieldCipher
from privet.crypto.fields import VALUE, does_not_open, open_into, parse_packed, unpadded
from privet.crypto.padding import LENGTH_SIZE

K = TypeVar("K")
V = TypeVar("V")

_LENGTH = struct.Struct(">I")
_MOST_OF_A_SIZE, _MOST = 4, 256
_LONGEST = 256
"""Entries of a row whose form is kept."""


class _Shape(NamedTuple, Generic[K, V]):
    places: struct.Struct
    """Of the head of the row, and number, kind and length of each entry."""
    expected: tuple[object, ...]
    contents: struct.Struct
    """Context, nonce and ciphertext of each entry that is wanted."""
    found: tuple[tuple[K, Callable[[bytes], V]], ...]


class RowShapes(Generic[K, V]):
    """Opens rows for one list of wanted fields: by number, the key under which to put it and how to decode it."""

    __slots__ = ("_many", "_shapes", "_wanted")

    def __init__(self, wanted: Mapping[int, tuple[K, Callable[[bytes], V]]]) -> None:
        self._wanted = wanted
        self._shapes: dict[int, tuple[_Shape[K, V], ...]] = {}
        self._many = 0

    def open_into(self, cipher: FieldCipher, prefix: bytes, blob: bytes, values: dict[K, V]) -> bytes:
        """As `fields.open_into`, in what it gives and in what it raises."""
        for shape in self._shapes.get(len(blob), ()):
            if shape[0].unpack(blob) == shape[1]:
                break
        else:
            contexts = open_into(cipher, prefix, blob, self._wanted, values)
            self._learn(blob)
            return contexts
        _, _, contents, found = shape
        parts = contents.unpack(blob)
        contexts_of = parts[::3]
        try:
            opened = list(
                map(cipher.raw_decrypt, parts[1::3], parts[2::3], [prefix + one for one in contexts_of])
            )
        except InvalidTag:
            raise does_not_open() from None
        length_of = _LENGTH.unpack_from
        rests = []
        for (key, decode), padded in zip(found, opened):  # noqa: B905  as many as the form has
            stop = LENGTH_SIZE + length_of(padded)[0]
            if stop > len(padded):
                raise unpadded()
            values[key] = decode(padded[LENGTH_SIZE:stop])
            rests.append(padded[stop:])
        if b"".join(rests).strip(b"\0"):
            raise unpadded()
        return b"".join(contexts_of)

    def _learn(self, blob: bytes) -> None:
        """The form of a row that was opened, so it is one that `pack` made."""
        held = self._shapes.get(len(blob), ())
        if len(held) >= _MOST_OF_A_SIZE or self._many >= _MOST:
            return
        entries = parse_packed(blob)
        if len(entries) > _LONGEST:
            return
        places, contents = [">3s"], [">3x"]
        expected: list[object] = [blob[:3]]
        found = []
        for number, kind, _, _, sealed in entries:
            size = len(sealed)
            places.append(f"HB6xI{size}x")
            expected += (number, kind, size)
            wanted = self._wanted.get(number) if kind == VALUE else None
            if wanted is None:
                contents.append(f"{13 + size}x")
            else:
                contents.append(f"9s4x{NONCE_SIZE}s{size - NONCE_SIZE}s")
                found.append(wanted)
        shape = _Shape(
            struct.Struct("".join(places)), tuple(expected), struct.Struct("".join(contents)), tuple(found)
        )
        self._shapes[len(blob)] = (*held, shape)
        self._many += 1
