"""Unambiguous joins of byte strings: each part behind its length, so that no two lists of parts give the same bytes.

Refuses nothing: any bytes may be a part. Bare concatenation of variable parts is used nowhere in Privet.
"""

import struct

_LENGTH = struct.Struct(">I")


def join(*parts: bytes) -> bytes:
    """Each part behind its length (u32, big endian). Injective over lists of parts."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def u16(value: int) -> bytes:
    """Two bytes, big endian. For catalogue numbers."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four bytes, big endian. For epochs, hours and revisions."""
    return value.to_bytes(4, "big")
