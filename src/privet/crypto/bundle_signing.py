"""Signatures over policy bundles as an OPA server verifies them: JSON Web Signatures (RFC 7515), ES256 or RS256.

Refuses keys that are neither P-256 nor RSA of 2048 bits or more, and encrypted ones: nobody is asked for a passphrase.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from privet.crypto.secrecy import Secret
from privet.errors import InvalidInput

_LEAST_RSA_BITS = 2048


class BundleSigner(Secret):
    """Holds the private key that bundles are signed with."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "BundleSigner":
        """A new P-256 key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, pem: bytes) -> "BundleSigner":
        """The key in a PEM file. Raises InvalidInput."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise InvalidInput(
                "this is no private key in PEM form without a passphrase; `privet policy key` makes one",
                field="key",
            ) from None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(key)
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS:
            return cls(key)
        raise InvalidInput(
            f"bundles are signed with a P-256 key, or RSA of {_LEAST_RSA_BITS} bits or more", field="key"
        )

    @property
    def algorithm(self) -> str:
        """As OPA's --signing-alg names it."""
        return "ES256" if isinstance(self._key, ec.EllipticCurvePrivateKey) else "RS256"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the public key (SubjectPublicKeyInfo, DER), lower-case hex."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(der).hexdigest()

    def private_pem(self) -> bytes:
        """PKCS #8, not encrypted: for a file that its owner alone may read."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """For OPA's --verification-key."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, payload: bytes) -> str:
        """A JWS in compact form over `payload`, a JSON object."""
        header = orjson.dumps({"alg": self.algorithm, "typ": "JWT"})
        signed = _base64url(header) + b"." + _base64url(payload)
        return (signed + b"." + _base64url(self._signature(signed))).decode("ascii")

    def _signature(self, message: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
