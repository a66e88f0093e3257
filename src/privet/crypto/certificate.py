"""What an X.509 certificate (RFC 5280) says of who holds it. Parsing only: that its chain is trusted, and that the peer
holds its key, was for TLS to check.

Refuses, with IntegrityError, what is no certificate, and extensions that do not parse.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from privet.errors import IntegrityError

MOST_BYTES = 65_536
E = TypeVar("E", bound=x509.ExtensionType)


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateFacts:
    """One certificate's own words."""

    fingerprint: str
    """SHA-256 over the DER, lower-case hex."""
    not_before: datetime
    not_after: datetime
    uris: tuple[str, ...]
    """URIs among its subject alternative names, in order."""
    for_clients: bool
    """Its extended key usage, if it has one, names TLS client authentication."""
    is_authority: bool
    """It may sign certificates: never what an end entity shows."""


def parse_certificate(der: bytes) -> CertificateFacts:
    """The facts of one DER certificate. Raises IntegrityError."""
    if len(der) > MOST_BYTES:
        raise IntegrityError("the certificate is too long")
    try:
        found = x509.load_der_x509_certificate(der)
        usage = _extension(found, x509.ExtendedKeyUsage)
        basic = _extension(found, x509.BasicConstraints)
        key_usage = _extension(found, x509.KeyUsage)
        names = _extension(found, x509.SubjectAlternativeName)
        return CertificateFacts(
            fingerprint=sha256(der).hexdigest(),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            uris=() if names is None else tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            for_clients=usage is None or ExtendedKeyUsageOID.CLIENT_AUTH in usage,
            is_authority=bool(basic and basic.ca) or bool(key_usage and key_usage.key_cert_sign),
        )
    except Exception:  # noqa: BLE001 - the parser has many errors for bad bytes, and only one meaning here
        raise IntegrityError("the certificate does not parse") from None


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
