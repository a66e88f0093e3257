"""AES-256-SIV (RFC 5297): deterministic sealing of ids, bound to a list of contexts. Adds 16 bytes.

Equal ids in equal contexts seal equally, by purpose. Refuses anything altered or of another context, and
empty plaintexts.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from privet.crypto.secrecy import Secret
from privet.errors import IntegrityError, InvalidInput

KEY_SIZE = 64
OVERHEAD = 16


class Siv(Secret):
    """Seals and opens under one 64-byte key. Thread-safe; make it once."""

    __slots__ = ("_aessiv",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise InvalidInput("an AES-256-SIV key has 64 bytes")
        self._aessiv = AESSIV(key)

    def seal(self, plaintext: bytes, context: list[bytes]) -> bytes:
        """Tag(16) ‖ ciphertext. Raises InvalidInput for an empty plaintext."""
        if not plaintext:
            raise InvalidInput("there is nothing to seal")
        return self._aessiv.encrypt(plaintext, context)

    def open(self, sealed: bytes, context: list[bytes]) -> bytes:
        """The plaintext. Raises IntegrityError unless it was sealed under this key and these contexts."""
        if len(sealed) <= OVERHEAD:
            raise IntegrityError("sealed bytes are too short")
        try:
            return self._aessiv.decrypt(sealed, context)
        except InvalidTag:
            raise IntegrityError("sealed bytes do not open: altered, or of another place") from None
