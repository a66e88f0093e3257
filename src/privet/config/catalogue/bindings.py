"""Which credentials stand for a service or an officer: tokens by issuer and subject, certificates, SPIFFE ids.

Refuses forms that no credential has, and one credential for two: whoever holds it could choose who to be.
"""

import re
from collections.abc import Mapping

from privet.config.catalogue.problems import Path, Problems, quoted
from privet.config.catalogue.shapes import OidcShape, ServiceShape

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
# A trust domain, then segments (SPIFFE-ID §2).
_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)+")
_ISSUER = re.compile(r"https?://[^\s?#]+")
_MOST_SPIFFE = 2_048


def read_oidc(shape: OidcShape | None, what: str, path: Path, problems: Problems) -> dict[str, str]:
    """`issuer` and `subject`; empty without. `what` is whose they are: "an officer"."""
    claims: dict[str, str] = {}
    if shape is None:
        return claims
    for key, value in (("issuer", shape.issuer), ("subject", shape.subject)):
        if value is None:
            problems.error((*path, "oidc"), f'"{key}" is missing; {what} needs both issuer and subject')
        else:
            claims[key] = value
    return claims


def read_certificates(shape: ServiceShape, path: Path, problems: Problems) -> frozenset[str]:
    """Fingerprints, as hex digits in lower case. Colons, as `openssl x509 -fingerprint` prints them, are taken."""
    found = set()
    for at, text in enumerate(shape.certificates or []):
        bare = text.replace(":", "").lower()
        if _FINGERPRINT.fullmatch(bare):
            found.add(bare)
        else:
            problems.error(
                (*path, "certificates", at),
                f"{quoted(text)} is no SHA-256 fingerprint: 64 hexadecimal digits, as "
                "`openssl x509 -noout -fingerprint -sha256` prints them",
            )
    return frozenset(found)


def read_spiffe(shape: ServiceShape, path: Path, problems: Problems) -> frozenset[str]:
    """SPIFFE ids of workloads."""
    found = set()
    for at, text in enumerate(shape.spiffe or []):
        if len(text) <= _MOST_SPIFFE and _SPIFFE.fullmatch(text):
            found.add(text)
        else:
            problems.error(
                (*path, "spiffe", at),
                f"{quoted(text)} is no SPIFFE id of a workload; write it as spiffe://example.org/front-desk",
            )
    return frozenset(found)


def check_apart(bound: Mapping[Path, object], problems: Problems) -> None:
    """Notes each credential that stands at two places. `bound` maps a place in the file to what it binds."""
    first: dict[object, Path] = {}
    for path, credential in bound.items():
        before = first.setdefault(credential, path)
        if before[:2] != path[:2]:
            problems.error(
                path,
                f"stands for {quoted(before[1])} already (line {problems.line(before)}); "
                "a credential stands for one only: give each its own",
            )
