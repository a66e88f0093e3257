"""Services by TLS client certificate: by the certificate's own fingerprint, or by the SPIFFE id that it carries.

Trusting the chain, and that the peer holds the key, is the TLS layer's work (`serve.tls_client_ca`). Here: who it is.
Refuses certificates outside their dates, those of authorities, those meant for other things than clients, and as SPIFFE
ids anything but the one URI of a certificate that has exactly one (SPIFFE X509-SVID §2).
"""

import ssl
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from privet.crypto.certificate import parse_certificate
from privet.domain.catalogue import Catalogue
from privet.domain.ids import Millis, to_millis
from privet.domain.ports import Clock
from privet.errors import IntegrityError

Scope = MutableMapping[str, Any]
SPIFFE: Final = "spiffe://"
_MOST: Final = 4_096
_READ: Final = "privet.certificate"
"""Where the certificate is kept, once read, in what the server says of its connection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerCertificate:
    """The certificate that the peer of a connection showed and proved to hold. `fingerprint` "" is a spoilt one."""

    fingerprint: str
    spiffe: str | None
    not_before: Millis
    not_after: Millis
    fit: bool
    """It is an end entity's, and may stand for a client."""


SPOILT: Final = PeerCertificate(
    fingerprint="", spiffe=None, not_before=Millis(0), not_after=Millis(0), fit=False
)
_parsed: dict[bytes, PeerCertificate] = {}


def peer_certificate(scope: Scope) -> PeerCertificate | None:
    """The certificate of an ASGI connection (the TLS extension: `client_cert_chain`, leaf first); None without one.

    Cheap when asked again. What does not parse comes back as a certificate that stands for nobody.
    """
    tls = (scope.get("extensions") or {}).get("tls")
    if not tls:
        return None
    known: PeerCertificate | None = tls.get(_READ)
    if known is None:
        chain = tls.get("client_cert_chain")
        if not chain:
            return None
        known = tls[_READ] = read_certificate(next(iter(chain)))
    return known


def read_certificate(shown: bytes | str) -> PeerCertificate:
    """A certificate in DER, or PEM as text. Never raises for bytes that are none."""
    try:
        der = ssl.PEM_cert_to_DER_cert(shown) if isinstance(shown, str) else bytes(shown)
    except ValueError:
        return SPOILT
    name = sha256(der).digest()
    found = _parsed.get(name)
    if found is None:
        found = _read(der)
        if len(_parsed) >= _MOST:
            del _parsed[next(iter(_parsed))]
        _parsed[name] = found
    return found


def _read(der: bytes) -> PeerCertificate:
    try:
        facts = parse_certificate(der)
    except IntegrityError:
        return SPOILT
    ids = facts.uris if len(facts.uris) == 1 and facts.uris[0].startswith(SPIFFE) else ()
    return PeerCertificate(
        fingerprint=facts.fingerprint,
        spiffe=ids[0] if ids else None,
        not_before=to_millis(facts.not_before),
        not_after=to_millis(facts.not_after),
        fit=facts.for_clients and not facts.is_authority,
    )


class CertificateBindings:
    """Which certificate stands for which service, as the catalogue says."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._clock = clock
        services = catalogue.services.values()
        self._by_fingerprint = _bound((one.name, one.certificates) for one in services)
        self._by_spiffe = _bound((one.name, one.spiffe) for one in services)

    def find_service(self, certificate: PeerCertificate) -> str | None:
        """The service it stands for now. None also where it stands for two."""
        if not certificate.fit or not certificate.not_before <= self._clock() <= certificate.not_after:
            return None
        pinned = self._by_fingerprint.get(certificate.fingerprint)
        named = None if certificate.spiffe is None else self._by_spiffe.get(certificate.spiffe)
        if pinned is not None and named is not None and pinned != named:
            return None
        return pinned or named


def _bound(entries: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, str]:
    return {bound: service for service, all_bound in entries for bound in all_bound}
