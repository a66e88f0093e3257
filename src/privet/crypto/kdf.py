"""HKDF-Expand with SHA-256 (RFC 5869 §2.3), the only derivation in Privet, and HMAC-SHA-256.
There is no Extract step: every input key is 32 uniform random bytes or itself an output of Expand or scrypt.
Refuses to expand a short key and to give more than 255 blocks. `info` is a join (framing), never bare.
"""

import hmac

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


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes (RFC 2104)."""
    return hmac.digest(key, message, "sha256")
