"""HKDF-Expand with SHA-256 (RFC 5869 §2.3), the only derivation in Privet, and HMAC-SHA-256.

There is no Extract step: every input key is 32 uniform random bytes or itself an output of Expand or scrypt.
Refuses to expand a short key and to give more than 255 blocks. `info` is a join (framing), never bare.
"""

import hmac
from hashlib import sha256
from typing import Final

from privet.crypto.secrecy import Secret
from privet.errors import InvalidInput

HASH_SIZE = 32
KEY_SIZE = 32
MAX_LENGTH = 255 * HASH_SIZE

# HMAC's inner and outer key blocks (RFC 2104): the key, zeros up to 64 bytes, each byte xor 0x36 or 0x5c.
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST: Final = b"\x36" * 32
_OUTER_REST: Final = b"\x5c" * 32


def expand(key: bytes, info: bytes, length: int = KEY_SIZE) -> bytes:
    """`length` bytes from `key` (at least 32 bytes) for the use that `info` names.

    Raises InvalidInput for a key under 32 bytes or a length outside 1 to 8160.
    """
    if len(key) < KEY_SIZE:
        raise InvalidInput("a derivation key has at least 32 bytes")
    if length == HASH_SIZE:
        return mac(key, info + b"\x01")
    if not 1 <= length <= MAX_LENGTH:
        raise InvalidInput("HKDF-Expand gives 1 to 8160 bytes")
    blocks: list[bytes] = []
    block = b""
    for counter in range(1, -(-length // HASH_SIZE) + 1):
        block = hmac.digest(key, block + info + bytes((counter,)), "sha256")
        blocks.append(block)
    return b"".join(blocks)[:length]


class PreparedKey(Secret):
    """A long-lived key with HMAC's two key blocks made beforehand.

    An epoch's KEK is expanded twice on every read; what the tests compare it with is `expand` and OpenSSL's HKDF. The
    blocks are kept as bytes: hashing one more block costs less than copying a hash's state.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise InvalidInput("a prepared key has 32 bytes")
        self._inner = key.translate(_INNER) + _INNER_REST
        self._outer = key.translate(_OUTER) + _OUTER_REST

    def expand(self, info: bytes) -> bytes:
        """As the function `expand`, 32 bytes."""
        return sha256(self._outer + sha256(self._inner + info + b"\x01").digest()).digest()

    def mac(self, message: bytes) -> bytes:
        """As the function `mac`."""
        return sha256(self._outer + sha256(self._inner + message).digest()).digest()


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes (RFC 2104).

    Spelt out for keys of 32 bytes, of which a read uses three new ones: OpenSSL looks its HMAC up by name each time,
    measured at 2.4 to 5 µs against 1.5 to 2.
    """
    if len(key) != KEY_SIZE:
        return hmac.digest(key, message, "sha256")
    inner = sha256(key.translate(_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).digest()
