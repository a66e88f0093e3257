"""AES-256 key wrap (RFC 3394, NIST SP 800-38F KW) of 32-byte keys: deterministic, no nonce, 40 bytes.

Refuses any other length, and unwraps nothing that was not wrapped under exactly this key.
"""

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from privet.errors import IntegrityError, InvalidInput

KEY_SIZE = 32
WRAPPED_SIZE = 40


def wrap_key(wrapping: bytes, key: bytes) -> bytes:
    """40 bytes. Raises InvalidInput unless both keys have 32."""
    if len(wrapping) != KEY_SIZE or len(key) != KEY_SIZE:
        raise InvalidInput("keys that wrap and are wrapped have 32 bytes")
    return aes_key_wrap(wrapping, key)


def unwrap_key(wrapping: bytes, wrapped: bytes) -> bytes:
    """The key, 32 bytes. Raises IntegrityError for anything but what `wrap_key` made under `wrapping`."""
    if len(wrapped) != WRAPPED_SIZE:
        raise IntegrityError("a wrapped key has 40 bytes")
    try:
        return aes_key_unwrap(wrapping, wrapped)
    except InvalidUnwrap:
        raise IntegrityError("a wrapped key does not open: altered, or of another place") from None
