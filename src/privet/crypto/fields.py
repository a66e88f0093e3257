"""Sealed fields: each value apart, bound to its place, and packed into one column.

The context (associated data, 60 bytes) is version 1 ‖ vault 16 ‖ subject 16 ‖ collection u16 (0: profile) ‖
record 16 ‖ number u16 ‖ kind u8 ‖ schema u16 ‖ revision u32. The first 51 bytes are the row's prefix, built
once; the last nine are exactly the first nine of the packed entry, so opening copies them and encodes
nothing. Packed: version 1 ‖ count u16 ‖ entries of (number u16, kind u8, schema u16, revision u32, length
u32, sealed), in ascending (number, kind). Refuses any other bytes, and touches no ciphertext that was not
asked for.
"""

import struct
from collections.abc import Callable, Container, Iterable
from typing import Final, Protocol, TypeVar

from cryptography.exceptions import InvalidTag

from privet.crypto.aead import NONCE_SIZE, OVERHEAD, FieldCipher
from privet.crypto.framing import u16
from privet.crypto.padding import pad, unpad
from privet.domain.ids import PROFILE_RECORD, RecordId, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

VERSION = 1
PROFILE: Final = 0
"""The collection number of the profile itself."""
VALUE: Final = 0
"""Kind: the field's value."""
INNER: Final = 1
"""Kind: the inner part of the value's blind index (blind.py)."""

Entry = tuple[int, int, int, int, bytes]
"""(number, kind, schema, revision, sealed)."""

K = TypeVar("K")
V = TypeVar("V")
K_co = TypeVar("K_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)

_HEAD = struct.Struct(">HBHII")
_HEAD_SIZE = _HEAD.size  # 13
_CONTEXT = struct.Struct(">HBHI")
_PLACE = struct.Struct(">HB6xI")
"""Of an entry's head: number, kind and length."""
_LENGTH = struct.Struct(">I")
_LENGTH_SIZE = _LENGTH.size
_COUNT = struct.Struct(">BH")


def field_aad_prefix(
    vault: VaultId, subject: SubjectId, collection: int = PROFILE, record: RecordId = PROFILE_RECORD
) -> bytes:
    """The part of the context that all fields of one row share (51 bytes). Build it once a row."""
    if len(vault) != 16 or len(subject) != 16 or len(record) != 16:
        raise InvalidInput("vault, subject and record ids have 16 bytes")
    return b"".join((b"\x01", vault, subject, u16(collection), record))


def seal_value(
    cipher: FieldCipher,
    nonce: bytes,
    prefix: bytes,
    number: int,
    value: bytes,
    *,
    schema: int,
    revision: int,
    kind: int = VALUE,
    to: int | None = None,
) -> Entry:
    """Pad (to the field's maximum `to`, else Padmé) and seal one value in its place. `nonce`: 12 fresh random bytes."""
    try:
        context = _CONTEXT.pack(number, kind, schema, revision)
    except struct.error:
        raise InvalidInput("a field's number, schema or revision is out of range") from None
    return number, kind, schema, revision, cipher.seal(nonce, pad(value, to), prefix + context)


def open_value(cipher: FieldCipher, prefix: bytes, entry: Entry) -> bytes:
    """The value of one entry. Raises IntegrityError if it is not what was sealed in this very place."""
    number, kind, schema, revision, sealed = entry
    return unpad(cipher.open(sealed, prefix + _CONTEXT.pack(number, kind, schema, revision)))


def contexts_of(entries: Iterable[Entry], wanted: Container[int]) -> bytes:
    """What `open_values` gives as contexts, of entries as parsed: the values among them of the `wanted` numbers."""
    return b"".join(
        _CONTEXT.pack(*entry[:4])
        for entry in sorted(entries, key=lambda entry: entry[:2])
        if entry[1] == VALUE and entry[0] in wanted
    )


def pack(entries: Iterable[Entry]) -> bytes:
    """The packed column, in canonical order. Raises InvalidInput for two entries of one number and kind."""
    ordered = sorted(entries, key=lambda entry: entry[:2])
    parts = []
    last = None
    for number, kind, schema, revision, sealed in ordered:
        if (number, kind) == last or kind not in (VALUE, INNER) or len(sealed) < OVERHEAD:
            raise InvalidInput("an entry is there twice, or has no known kind or too few bytes")
        last = (number, kind)
        try:
            parts.append(_HEAD.pack(number, kind, schema, revision, len(sealed)))
        except struct.error:
            raise InvalidInput("a field's number, schema or revision is out of range") from None
        parts.append(sealed)
    if len(ordered) > 0xFFFF:
        raise InvalidInput("a row holds at most 65535 entries")
    return _COUNT.pack(VERSION, len(ordered)) + b"".join(parts)


def parse_packed(blob: bytes) -> list[Entry]:
    """All entries, unopened. Raises IntegrityError for anything that `pack` cannot have made."""
    size = len(blob)
    if size < _COUNT.size or blob[0] != VERSION:
        raise _damaged()
    found = []
    at = _COUNT.size
    last = -1
    try:
        for _ in range(blob[1] << 8 | blob[2]):
            number, kind, schema, revision, length = _HEAD.unpack_from(blob, at)
            start = at + _HEAD_SIZE
            at = start + length
            order = number << 1 | kind
            if at > size or kind > INNER or order <= last or length < OVERHEAD:
                raise _damaged()
            last = order
            found.append((number, kind, schema, revision, blob[start:at]))
    except struct.error:
        raise _damaged() from None
    if at != size:
        raise _damaged()
    return found


def open_values(
    cipher: FieldCipher, prefix: bytes, blob: bytes, wanted: Container[int]
) -> tuple[dict[int, bytes], bytes]:
    """The values of the `wanted` numbers, those that are held; the rest of the row stays sealed.

    Also the contexts of what was opened, as `open_into`, which it uses.
    """
    values: dict[int, bytes] = {}
    return values, open_into(cipher, prefix, blob, _Undecoded(wanted), values)


class _Undecoded:
    """Every wanted number under itself, as it is."""

    __slots__ = ("_wanted",)

    def __init__(self, wanted: Container[int]) -> None:
        self._wanted = wanted

    def get(self, number: int, /) -> tuple[int, Callable[[bytes], bytes]] | None:
        return (number, bytes) if number in self._wanted else None


class Wanted(Protocol[K_co, V_co]):
    """What to open: by number, the key under which to put it and how to decode it. A dict is one, and the quickest."""

    def get(self, number: int, /) -> tuple[K_co, Callable[[bytes], V_co]] | None: ...


def open_into(
    cipher: FieldCipher, prefix: bytes, blob: bytes, wanted: Wanted[K, V], values: dict[K, V]
) -> bytes:
    """Puts into `values` what is wanted of a row and held; the rest stays sealed.

    Returns the contexts of what was opened, nine bytes each in stored order: what a revision is made over. Raises
    IntegrityError if one of them does not open in this place, or the row is not one that `pack` made, and whatever a
    decoder raises: then nothing in `values` may be used.

    The hot path of a read, so what is a function elsewhere is spelt out here: `parse_packed`, FieldCipher.open, unpad
    and the decoding in one loop, and the paddings looked at together.
    """
    size = len(blob)
    if size < _COUNT.size or blob[0] != VERSION:
        raise _damaged()
    unpack_from, decrypt, length_of, find = (
        _PLACE.unpack_from,
        cipher.raw_decrypt,
        _LENGTH.unpack_from,
        wanted.get,
    )
    contexts, rests = [], []
    end = _COUNT.size
    last = -1
    try:
        for _ in range(blob[1] << 8 | blob[2]):
            at = end
            number, kind, length = unpack_from(blob, at)
            start = at + _HEAD_SIZE
            end = start + length
            order = number << 1 | kind
            if end > size or kind > INNER or order <= last or length < OVERHEAD:
                raise _damaged()
            last = order
            if kind:
                continue
            found = find(number)
            if found is None:
                continue
            context = blob[at : start - _LENGTH_SIZE]
            body = start + NONCE_SIZE
            padded = decrypt(blob[start:body], blob[body:end], prefix + context)
            stop = _LENGTH_SIZE + length_of(padded)[0]
            if stop > len(padded):
                raise unpadded()
            values[found[0]] = found[1](padded[_LENGTH_SIZE:stop])
            rests.append(padded[stop:])
            contexts.append(context)
    except InvalidTag:
        raise does_not_open() from None
    except struct.error:
        raise _damaged() from None
    if end != size:
        raise _damaged()
    if b"".join(rests).strip(b"\0"):
        raise unpadded()
    return b"".join(contexts)


def does_not_open() -> IntegrityError:
    return IntegrityError("a field does not open: altered, or of another place")


def unpadded() -> IntegrityError:
    return IntegrityError("padding does not fit: the bytes are not what was sealed")


def _damaged() -> IntegrityError:
    return IntegrityError("packed fields are damaged: not the form that was stored")
