"""From a token to whom the catalogue or the settings bind it: a service, an officer, or a customer.

What was verified is remembered by its hash until it expires, and no longer than the issuer's keys stay as they were.
Refuses tokens that two issuers of the settings could stand for, subjects that are bound to nobody, and a customer's
e-mail address or phone number that the issuer does not call verified. Scopes, roles and groups are not looked at.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from privet.config.settings.serving import IssuerSettings
from privet.domain.catalogue import Catalogue
from privet.domain.ports import Clock
from privet.domain.request import By
from privet.errors import InvalidInput, Unauthenticated
from privet.http.caller import Caller
from privet.http.certificates import PeerCertificate
from privet.http.jwks import KeySource
from privet.http.tokens import (
    ALGORITHMS,
    LONGEST,
    VerifiedToken,
    check_times,
    is_allowed,
    parse_token,
    verify_token,
)

_MOST: Final = 20_000
_SPARE: Final = 1_000
_VOUCHED: Final = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""Claims that mean little until the issuer says that it checked them (OpenID Connect Core §5.1)."""
_LONGEST_VALUE: Final = 320


@dataclass(frozen=True, kw_only=True, slots=True)
class Issuer:
    """An issuer of the settings with its keys."""

    settings: IssuerSettings
    keys: KeySource


class _Remembered(NamedTuple):
    caller: Caller
    issuer: Issuer
    generation: int
    confirmation: str | None


class TokenCallers:
    """Finds callers by token. One a process, on its event loop."""

    def __init__(self, issuers: Sequence[Issuer], catalogue: Catalogue, clock: Clock) -> None:
        """Raises InvalidInput for issuers that cannot be told apart, or that find customers by what finds nobody."""
        self._issuers = tuple(issuers)
        self._clock = clock
        self._services = {_pair(one.oidc): one.name for one in catalogue.services.values() if one.oidc}
        self._officers = {_pair(one.oidc): one.name for one in catalogue.officers.values() if one.oidc}
        self._remembered: dict[bytes, _Remembered] = {}
        _check(self._issuers, catalogue)

    def known(self, token: bytes, certificate: PeerCertificate | None) -> Caller | None:
        """Whose token it is, if it was verified before and its issuer's keys are fresh."""
        found = self._recall(token)
        if found is None or not found.issuer.keys.is_fresh:
            return None
        return found.caller if _is_confirmed(found.confirmation, certificate) else None

    def remembers(self, token: bytes) -> bool:
        """Whether it was verified before, by keys that are not known to have changed, fresh or not."""
        return self._recall(token) is not None

    async def current(self, token: bytes, certificate: PeerCertificate | None) -> Caller | None:
        """Whose token it is; None for every token that is nobody's. Raises Unavailable without the issuer's keys."""
        found = self._recall(token)
        if found is not None:
            await found.issuer.keys.tend()
            found = self._recall(token)  # the keys may be others now
        if found is None:
            try:
                found = await self._verify(token)
            except Unauthenticated:
                return None
        return found.caller if _is_confirmed(found.confirmation, certificate) else None

    def _recall(self, token: bytes) -> _Remembered | None:
        if len(token) > LONGEST:
            return None
        name = sha256(token).digest()
        found = self._remembered.get(name)
        if found is None:
            return None
        assert found.caller.until is not None
        if found.generation == found.issuer.keys.generation and self._clock() < found.caller.until:
            return found
        del self._remembered[name]
        return None

    async def _verify(self, shown: bytes) -> _Remembered:
        token = parse_token(shown)
        fit = [
            one
            for one in self._issuers
            if one.settings.issuer == token.issuer and one.settings.audience in token.audiences
        ]
        if len(fit) != 1 or not is_allowed(token.algorithm, fit[0].settings):
            raise Unauthenticated("no issuer, or two")
        issuer = fit[0]
        check_times(token.claims, issuer.settings, self._clock())  # before it makes anybody look for a key
        form = ALGORITHMS[token.algorithm]
        key = await issuer.keys.find(token.kid, token.algorithm, (form.kind, form.curve))
        if key is None:
            raise Unauthenticated("no such key")
        generation = issuer.keys.generation
        verified = verify_token(token, issuer.settings, key, self._clock())
        caller = self._bind(issuer.settings, verified)
        found = _Remembered(caller, issuer, generation, verified.confirmation)
        self._remember(sha256(shown).digest(), found)
        return found

    def _bind(self, issuer: IssuerSettings, token: VerifiedToken) -> Caller:
        name, customer = "", None
        if issuer.role == "customers":
            customer = _customer(issuer, token)
        elif issuer.role == "officers":
            name = self._officers.get((issuer.issuer, token.subject), "")
        else:
            name = self._service(issuer.issuer, token)
        if not name and customer is None:
            raise Unauthenticated("bound to nobody")
        short = sha256(f"{issuer.issuer}\0{token.subject}".encode()).hexdigest()[:12]
        return Caller(
            kind="customer" if customer else "officer" if issuer.role == "officers" else "service",
            name=name,
            credential=f"jwt:{short}",
            customer=customer,
            until=token.until,
        )

    def _service(self, issuer: str, token: VerifiedToken) -> str:
        bound = {
            self._services[issuer, who]
            for who in (token.subject, token.client)
            if who is not None and (issuer, who) in self._services
        }
        return bound.pop() if len(bound) == 1 else ""

    def _remember(self, name: bytes, found: _Remembered) -> None:
        if len(self._remembered) >= _MOST:
            for old in [name for name, _ in zip(self._remembered, range(_SPARE), strict=False)]:
                del self._remembered[old]
        self._remembered[name] = found


def _customer(issuer: IssuerSettings, token: VerifiedToken) -> By:
    assert issuer.claim is not None
    assert issuer.lookup is not None
    value = token.claims.get(issuer.claim)
    vouched = _VOUCHED.get(issuer.claim)
    if vouched is not None and token.claims.get(vouched) is not True:
        raise Unauthenticated("not verified by the issuer")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_VALUE or not value.isprintable():
        raise Unauthenticated("no such claim")
    return By(issuer.lookup, value)


def _is_confirmed(confirmation: str | None, certificate: PeerCertificate | None) -> bool:
    if confirmation is None:
        return True
    if certificate is None or not certificate.fingerprint:
        return False
    shown = base64.urlsafe_b64encode(bytes.fromhex(certificate.fingerprint)).rstrip(b"=").decode("ascii")
    return shown == confirmation


def _pair(oidc: Mapping[str, str]) -> tuple[str, str]:
    return oidc["issuer"], oidc["subject"]


def _check(issuers: Sequence[Issuer], catalogue: Catalogue) -> None:
    seen: set[tuple[str, str]] = set()
    for settings in (one.settings for one in issuers):
        if (settings.issuer, settings.audience) in seen:
            raise InvalidInput(
                "issuers in privet.toml: two with one issuer and audience cannot be told apart"
            )
        seen.add((settings.issuer, settings.audience))
        if settings.role != "customers":
            continue
        field = catalogue.fields.get(settings.lookup or "")
        if settings.claim is None or field is None or field.lookup != "unique":
            raise InvalidInput(
                "issuers in privet.toml: customers need a claim, and as lookup a field of the catalogue with "
                "lookup: unique"
            )
