"""JSON Web Tokens (RFC 7519, 8725, 9068): taken apart as hostile bytes, then verified against one issuer and one key.

Refuses: tokens over 8 KiB, before anything of them is parsed; algorithms outside the issuer's list, so `none` and HMAC
always; headers that bring their own key or address (`jwk`, `jku`, `x5u`, `x5c`) or ask for extensions (`crit`, `b64`,
`zip`); types other than JWT and at+jwt; keys that are not of the algorithm's type; names twice in one object; tokens of
another issuer or audience, expired, issued longer ago than `issuers.max_token_hours`, not yet valid, or issued in the
future; logout tokens; and proof-of-possession tokens (`cnf`) but for those bound to a TLS certificate (RFC 8705).
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeGuard

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from privet.config.settings.serving import IssuerSettings
from privet.domain.ids import Millis
from privet.errors import Unauthenticated
from privet.http.jwks import VerificationKey

LONGEST: Final = 8_192
LEEWAY_MS: Final = 30_000
"""How far the issuer's clock and ours may be apart."""
_HOUR_MS: Final = 3_600_000
_LONGEST_HEADER: Final = 1_024
_LONGEST_NAME: Final = 512
_MOST_AUDIENCES: Final = 50
_FORM = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_FORBIDDEN = frozenset({"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"})


class KeyForm(NamedTuple):
    """What key an algorithm takes, and the name by which joserfc verifies it."""

    verifier: str
    kind: str
    curve: str | None = None


ALGORITHMS: Final[Mapping[str, KeyForm]] = {
    **{
        f"{family}{bits}": KeyForm(f"{family}{bits}", "RSA")
        for family in ("RS", "PS")
        for bits in (256, 384, 512)
    },
    "ES256": KeyForm("ES256", "EC", "P-256"),
    "ES384": KeyForm("ES384", "EC", "P-384"),
    "ES512": KeyForm("ES512", "EC", "P-521"),
    # RFC 9864 names the curve; most issuers still write EdDSA. Ed448 is taken under neither name.
    "EdDSA": KeyForm("Ed25519", "OKP", "Ed25519"),
    "Ed25519": KeyForm("Ed25519", "OKP", "Ed25519"),
}
_NEWER_NAME = {"Ed25519": "EdDSA"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedToken:
    """A token taken apart. Nothing of it is true yet: `issuer` and `audiences` only choose whom to ask."""

    algorithm: str
    kid: str | None
    issuer: str
    audiences: frozenset[str]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedToken:
    """What a verified token says, as far as anybody here listens."""

    subject: str = field(repr=False)
    client: str | None
    """The OAuth client it was issued to, where it is that client's own and no person's behind it."""
    until: Millis
    confirmation: str | None
    """Thumbprint of the one TLS certificate with which it may be shown (RFC 8705 §3.1)."""
    claims: Mapping[str, Any] = field(repr=False)


def parse_token(shown: bytes) -> ParsedToken:
    """A compact JWS. Raises Unauthenticated for everything that is none, or that no issuer could make acceptable."""
    if len(shown) > LONGEST:
        raise _no()
    parts = _FORM.fullmatch(shown)
    if parts is None or len(parts[1]) > _LONGEST_HEADER:
        raise _no()
    header, claims = _object(_decode(parts[1])), _object(_decode(parts[2]))
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or header.keys() & _FORBIDDEN:
        raise _no()
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _no()
    if kid is not None and not _is_name(kid):
        raise _no()
    issuer = claims.get("iss")
    if not _is_name(issuer):
        raise _no()
    return ParsedToken(
        algorithm=algorithm,
        kid=kid,
        issuer=issuer,
        audiences=_audiences(claims.get("aud")),
        signed=parts[1] + b"." + parts[2],
        signature=_decode(parts[3]),
        claims=claims,
    )


def is_allowed(algorithm: str, issuer: IssuerSettings) -> bool:
    return _NEWER_NAME.get(algorithm, algorithm) in issuer.algorithms


def verify_token(
    token: ParsedToken, issuer: IssuerSettings, key: VerificationKey, now: Millis
) -> VerifiedToken:
    """Checks the signature, then every claim. Raises Unauthenticated."""
    form = ALGORITHMS[token.algorithm]
    if not is_allowed(token.algorithm, issuer) or not key.serves(token.algorithm, form.kind, form.curve):
        raise _no()
    _verify_signature(token, form, key)
    claims = token.claims
    if token.issuer != issuer.issuer or issuer.audience not in token.audiences or "events" in claims:
        raise _no()
    until = check_times(claims, issuer, now)
    subject = claims.get("sub")
    if not _is_name(subject):
        raise _no()
    return VerifiedToken(
        subject=subject,
        client=_own_client(claims),
        until=Millis(until),
        confirmation=_confirmation(claims),
        claims=claims,
    )


def check_times(claims: Mapping[str, Any], issuer: IssuerSettings, now: Millis) -> int:
    """Until when it is taken, in milliseconds: to its `exp`, and `max_token_hours` after its `iat` at most.

    Raises Unauthenticated outside its time.
    """
    begun = _instant(claims.get("iat"))
    until = min(_instant(claims.get("exp")), begun + issuer.max_token_hours * _HOUR_MS) + LEEWAY_MS
    valid_from = _instant(claims["nbf"]) if "nbf" in claims else begun
    if not max(begun, valid_from) - LEEWAY_MS <= now < until:
        raise _no()
    return until


def _verify_signature(token: ParsedToken, form: KeyForm, key: VerificationKey) -> None:
    model = JWSRegistry.algorithms[form.verifier]
    try:
        model.check_key(key.key)
        good = model.verify(token.signed, token.signature, key.key)
    except (JoseError, ValueError, TypeError):
        raise _no() from None
    if good is not True:
        raise _no()


def _own_client(claims: Mapping[str, Any]) -> str | None:
    """The client of a client-credentials grant.

    A token that a person obtained through a client names that client too: it must not stand for the service. So the
    client counts only where the token says that nobody stands behind it: its subject is the client (RFC 9068 §2.2), or
    the issuer's own mark for such grants (Entra ID, Auth0).
    """
    client = claims.get("client_id", claims.get("azp"))
    if not _is_name(client):
        return None
    own = claims["sub"] in (client, f"{client}@clients") or claims.get("idtyp") == "app"
    return client if own or claims.get("gty") == "client-credentials" else None


def _confirmation(claims: Mapping[str, Any]) -> str | None:
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or bound.keys() != {"x5t#S256"} or not _is_name(bound["x5t#S256"]):
        raise _no()  # DPoP and the like: shown as a mere bearer token it would be weaker than its issuer meant
    thumbprint: str = bound["x5t#S256"]
    return thumbprint


def _audiences(raw: object) -> frozenset[str]:
    listed = raw if isinstance(raw, list) else [raw]
    if not 0 < len(listed) <= _MOST_AUDIENCES or not all(_is_name(one) for one in listed):
        raise _no()
    return frozenset(listed)


def _instant(raw: object) -> int:
    """Milliseconds of a NumericDate."""
    if type(raw) not in (int, float):
        raise _no()
    assert isinstance(raw, int | float)
    if not 0 <= raw < 1e11:  # nor NaN, nor an integer that no float can hold
        raise _no()
    return int(raw * 1000)


def _is_name(raw: object) -> TypeGuard[str]:
    return isinstance(raw, str) and 0 < len(raw) <= _LONGEST_NAME and raw.isprintable()


def _decode(part: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        raise _no() from None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise _no() from None
    if not isinstance(found, dict):
        raise _no()
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name twice")
    return made


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _no() -> Unauthenticated:
    return Unauthenticated("the token is not one that this vault takes")
