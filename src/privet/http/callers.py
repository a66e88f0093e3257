"""Who asks: the one place where a credential becomes a caller.

A service comes by API key, by token (OAuth 2 client credentials) or by client certificate; officers and customers come
by OpenID Connect token. What a caller may do is for the catalogue to say: nothing a token claims beyond who it is about
is looked at. Refuses in one sentence, whatever was wrong, and refuses two credentials that name two callers.

How to use it: `shown` gives what the request shows; `known` finds its caller without I/O, for the hot path; where that
gives None, and off the hot path, `authenticate`; then `admit`. A batch asks `still_valid` of each distinct caller with
the state that it loaded, before it reads anything.
"""

from collections.abc import Callable
from typing import Final, Literal

from privet.bootstrap.parts import Parts
from privet.bootstrap.peers import forwarded_address, place_of
from privet.domain.ports import VaultState
from privet.errors import RateLimited, Unauthenticated
from privet.http.api_keys import ApiKeys
from privet.http.caller import Caller
from privet.http.certificates import CertificateBindings, PeerCertificate, Scope, peer_certificate
from privet.http.jwks import KeySource
from privet.http.proxied import ProxySeal
from privet.http.rates import Buckets
from privet.http.token_callers import Issuer, TokenCallers

Refusal = Literal["missing", "malformed", "api_key", "token", "certificate", "contradiction", "limited"]
"""Why nobody was found, for the metrics; who asked is not told."""

_MISSING: Final = "show who asks: an API key or token as `Authorization: Bearer …`, or a client certificate"
_REFUSED: Final = "nobody known asks: the credential is wrong, has expired or was revoked"
_KEY: Final = b"privet_"
_LONGEST: Final = 16_384
"""Bytes of an Authorization header that are looked at."""


class Authenticator:
    """Finds who asks. One a process, on its event loop."""

    def __init__(self, parts: Parts, *, refused: Callable[[Refusal], None] = lambda _: None) -> None:
        serve = parts.settings.serving.serve
        """Raises InvalidInput for issuers or a proxy's key in the settings that cannot be used, Unavailable."""
        self._parts = parts
        self._refused = refused
        self._keys = ApiKeys(parts)
        self._certificates = CertificateBindings(parts.catalogue, parts.clock)
        self._behind_proxy = serve.behind_proxy
        self._proxy = None if serve.proxy_key_file is None else ProxySeal(serve.proxy_key_file, parts.clock)
        issuers = [Issuer(settings=one, keys=KeySource(one)) for one in parts.settings.serving.issuers]
        self._tokens = TokenCallers(issuers, parts.catalogue, parts.clock)
        self._rates = Buckets(per_second=serve.requests_per_second, burst=serve.burst)
        per_minute = serve.unauthenticated_per_minute
        self._failures = Buckets(per_second=per_minute / 60, burst=per_minute)

    def certificate(self, scope: Scope) -> PeerCertificate | None:
        """The certificate of the peer of an ASGI request: its connection's, or the one that the proxy vouches for."""
        if self._proxy is not None:
            found = self._proxy.find_certificate(scope)
            if found is not None:
                return found
        return peer_certificate(scope)

    def address(self, scope: Scope) -> str:
        """Where the request comes from: the peer, or whom the proxy speaks for; "" when the server cannot say."""
        client = scope.get("client")
        peer = client[0] if client else ""
        return (forwarded_address(scope) if self._behind_proxy else None) or peer

    def shown(self, scope: Scope) -> tuple[bytes | None, PeerCertificate | None]:
        """What an ASGI request shows of who asks: its Authorization header, and its connection's certificate.

        Raises Unauthenticated for two Authorization headers: proxies and servers disagree about which one counts.
        """
        given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        if len(given) > 1:
            self._refused("malformed")
            raise Unauthenticated(_REFUSED)
        return given[0] if given else None, self.certificate(scope)

    def known(self, authorization: bytes | None, certificate: PeerCertificate | None) -> Caller | None:
        """Who asks, if this process knows without asking anybody; None says nothing yet.

        An API key may have been revoked since: `still_valid` has the last word.
        """
        if authorization is None:
            return None if certificate is None else self._by_certificate(certificate)
        shown = _bearer(authorization)
        if shown is None:
            return None
        caller = self._keys.known(shown) if shown.startswith(_KEY) else self._tokens.known(shown, certificate)
        if caller is None or (certificate is not None and self._contradicts(caller, certificate)):
            return None
        return caller

    async def authenticate(
        self, authorization: bytes | None, certificate: PeerCertificate | None, *, address: str = ""
    ) -> Caller:
        """Who asks, by the vault's state as it is now.

        `address` is the peer's, for its limit of failures. Raises Unauthenticated, RateLimited (too many failures from
        there), Unavailable.
        """
        if authorization is None and certificate is None:
            self._refused("missing")
            raise Unauthenticated(_MISSING)
        place = place_of(address)
        if self.known(authorization, certificate) is None and not self._remembers(authorization):
            try:
                self._failures.check(place)
            except RateLimited:
                self._refused("limited")
                raise
        found = await self._find(authorization, certificate)
        if isinstance(found, Caller):
            return found
        self._refused(found)
        self._failures.take(place)
        raise Unauthenticated(_REFUSED)

    def admit(self, caller: Caller) -> None:
        """Counts one request of hers. Raises RateLimited above `serve.requests_per_second` and `serve.burst`."""
        self._rates.take(caller.credential)

    def still_valid(self, caller: Caller, state: VaultState) -> bool:
        """Whether the caller's credential stands in the state that a batch loaded. For threads too.

        Exact: a key revoked before that load is found out, whatever this process knew. Costs a comparison while the
        controls have not changed.
        """
        if caller.until is not None and caller.until <= self._parts.clock():
            return False
        if caller.controls_rev in (-1, state.controls_rev):
            return True
        return self._keys.still_stands(caller.credential.removeprefix("key:"), caller.digest, state)

    def _remembers(self, authorization: bytes | None) -> bool:
        """A token that was verified, while its issuer's keys wait for renewal: no stranger, whatever else comes from
        its address meanwhile."""
        shown = None if authorization is None else _bearer(authorization)
        return shown is not None and self._tokens.remembers(shown)

    async def _find(
        self, authorization: bytes | None, certificate: PeerCertificate | None
    ) -> Caller | Refusal:
        if authorization is None:
            assert certificate is not None
            return self._by_certificate(certificate) or "certificate"
        shown = _bearer(authorization)
        if shown is None:
            return "malformed"
        caller: Caller | None
        if shown.startswith(_KEY):
            caller = await self._keys.current(shown)
        else:
            caller = await self._tokens.current(shown, certificate)
        if caller is None:
            return "api_key" if shown.startswith(_KEY) else "token"
        if certificate is not None and self._contradicts(caller, certificate):
            return "contradiction"
        return caller

    def _by_certificate(self, certificate: PeerCertificate) -> Caller | None:
        service = self._certificates.find_service(certificate)
        if service is None:
            return None
        return Caller(
            kind="service",
            name=service,
            credential=f"cert:{certificate.fingerprint[:12]}",
            until=certificate.not_after,
        )

    def _contradicts(self, caller: Caller, certificate: PeerCertificate) -> bool:
        """A certificate bound to nobody says nothing; one bound to another service than the bearer's does."""
        other = self._certificates.find_service(certificate)
        return other is not None and (caller.kind, caller.name) != ("service", other)


def _bearer(authorization: bytes) -> bytes | None:
    """What stands after `Bearer` (RFC 6750 §2.1), or None."""
    if len(authorization) > _LONGEST or authorization[:7].lower() != b"bearer ":
        return None
    shown = authorization[7:].strip(b" ")
    return None if not shown or b" " in shown or not shown.isascii() else shown


__all__ = ["Authenticator", "Caller", "Refusal"]
