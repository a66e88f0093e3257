"""Ed25519 (RFC 8032) over bytes, for checkpoints and receipts. The C2SP note format stands in audit, not here.

Refuses, by raising, a signature that is not by the key over exactly these bytes; there is no boolean to
forget.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privet.crypto.secrecy import Secret
from privet.errors import IntegrityError, InvalidInput

SEED_SIZE = 32
PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64


class Verifier:
    """Checks signatures by one public key (32 bytes). Raises InvalidInput for bytes that are no public key."""

    __slots__ = ("_key", "public")

    def __init__(self, public: bytes) -> None:
        try:
            self._key = Ed25519PublicKey.from_public_bytes(public)
        except ValueError:
            raise InvalidInput("an Ed25519 public key has 32 bytes") from None
        self.public = public

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises IntegrityError unless `signature` (64 bytes) is by this key over `message`."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise IntegrityError("the signature is not by this key over these bytes") from None

    def __repr__(self) -> str:
        return f"Verifier({self.public.hex()})"


class Signer(Secret):
    """Signs with one private key, made from its 32-byte seed. `public` is what verifiers need."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise InvalidInput("an Ed25519 seed has 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes, deterministic."""
        return self._key.sign(message)

    def verifier(self) -> Verifier:
        return Verifier(self.public)
