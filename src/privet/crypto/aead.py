"""AES-256-GCM with 96-bit nonces (NIST SP 800-38D), one object a key.

A sealed thing is nonce(12) ‖ ciphertext ‖ tag(16). Nonces are random; under one key at most 2^32 may be
sealed, which a subject's key never nears. Refuses any other nonce length, and opens nothing whose tag,
nonce, context or length is off: every such failure is the same IntegrityError.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privet.crypto.secrecy import Secret
from privet.errors import IntegrityError, InvalidInput

NONCE_SIZE = 12
TAG_SIZE = 16
OVERHEAD = NONCE_SIZE + TAG_SIZE


class FieldCipher(Secret):
    """Seals and opens under one 32-byte key. Thread-safe; make it once and reuse it: the key schedule is kept."""

    __slots__ = ("_encrypt", "raw_decrypt")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise InvalidInput("an AES-256 key has 32 bytes")
        aesgcm = AESGCM(key)
        self._encrypt = aesgcm.encrypt
        # For the loop in fields.open_values: (nonce, ciphertext ‖ tag, aad), raises InvalidTag.
        self.raw_decrypt = aesgcm.decrypt

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """nonce ‖ ciphertext ‖ tag. `nonce` is 12 fresh random bytes, never used before under this key."""
        if len(nonce) != NONCE_SIZE:
            raise InvalidInput("a nonce has 12 bytes")
        return nonce + self._encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises IntegrityError for anything but exactly what `seal` made under this key and context."""
        if len(sealed) < OVERHEAD:
            raise IntegrityError("sealed bytes are too short")
        try:
            return self.raw_decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], aad)
        except InvalidTag:
            raise IntegrityError("sealed bytes do not open: altered, or of another place") from None
