"""HKDF-Expand with SHA-256 (RFC 5869 §2.3), the only derivation in Privet, and HMAC-SHA-256.

There is no Extract step: every input key is 32 uniform random bytes or itself an output of Expand or scrypt.
Refuses to expand a short key and to give more than 255 blocks. `info` is a join (framing), never bare.
"""

import hmac
from hashlib import sha256

from privet.crypto.secrecy import Secret
from privet.errors import InvalidInput

HASH_SIZE = 32
KEY_SIZE = 32
MAX_LENGTH = 255 * HASH_SIZE


def expand(key: bytes, info: bytes, length: int = KEY_SIZE) -> bytes:
    """`length` bytes from `key` (at least 32 bytes) for the use that `info` names.

    Raises InvalidInput for a key under 32 bytes or a length outside 1 to 8160.
    """
    if len(key) < KEY_SIZE:
        raise InvalidInput("a derivation key has at least 32 bytes")
    if length == HASH_SIZE:
        return hmac.digest(key, info + b"\x01", "sha256")
    if not 1 <= length <= MAX_LENGTH:
        raise InvalidInput("HKDF-Expand gives 1 to 8160 bytes")
    blocks: list[bytes] = []
    block = b""
    for counter in range(1, -(-length // HASH_SIZE) + 1):
        block = hmac.digest(key, block + info + bytes((counter,)), "sha256")
        blocks.append(block)
    return b"".join(blocks)[:length]


class PreparedKey(Secret):
    """A long-lived key with HMAC's two key blocks hashed beforehand: half the cost of `expand` for one block.

    An epoch's KEK is expanded twice on every read; what the tests compare it with is `expand` and OpenSSL's HKDF.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise InvalidInput("a prepared key has 32 bytes")
        block = key.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def expand(self, info: bytes) -> bytes:
        """As the function `expand`, 32 bytes."""
        inner = self._inner.copy()
        inner.update(info + b"\x01")
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes (RFC 2104)."""
    return hmac.digest(key, message, "sha256")
