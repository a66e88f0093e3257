"""Padding before sealing, so that a ciphertext's length says little about its value.

A padded value is its true length (u32, big endian), the value, then zeros. The total is either fixed by the
field (booleans, enums, dates: `pad_to` the longest value it may have) or Padmé's (Nikitin et al., PETS
2019, §4: leaks O(log log n) bits for at most 12 % overhead) with a floor of 32 bytes. Refuses, on open, a
length that does not fit and any byte of padding that is not zero.
"""

import struct

from privet.errors import IntegrityError, InvalidInput

LENGTH_SIZE = 4
_LENGTH = struct.Struct(">I")
FLOOR = 32


def padme(n: int) -> int:
    """The Padmé length for `n` bytes: the least number >= n whose low bits, by its exponent, are zero."""
    if n < 2:
        return n
    exponent = n.bit_length() - 1
    low = exponent - exponent.bit_length()
    mask = (1 << low) - 1
    return (n + mask) & ~mask


def pad(value: bytes, to: int | None = None) -> bytes:
    """Pad to Padmé with the floor, or as `pad_to(value, to)` when the field has a maximum."""
    if to is not None:
        return pad_to(value, to)
    framed = LENGTH_SIZE + len(value)
    return (len(value).to_bytes(LENGTH_SIZE, "big") + value).ljust(
        FLOOR if framed <= FLOOR else padme(framed), b"\0"
    )


def pad_to(value: bytes, size: int) -> bytes:
    """Pad so that every value of up to `size` bytes takes 4 + `size`. Raises InvalidInput for a longer one."""
    if len(value) > size:
        raise InvalidInput("the value is longer than its field's maximum")
    return (len(value).to_bytes(LENGTH_SIZE, "big") + value).ljust(LENGTH_SIZE + size, b"\0")


def unpad(padded: bytes) -> bytes:
    """The value again. Raises IntegrityError for a length that does not fit or padding that is not zeros."""
    size = len(padded)
    end: int = LENGTH_SIZE + _LENGTH.unpack_from(padded)[0] if size >= LENGTH_SIZE else size + 1
    if end > size or padded.count(0, end) != size - end:
        raise IntegrityError("padding does not fit: the bytes are not what was sealed")
    return padded[LENGTH_SIZE:end]
