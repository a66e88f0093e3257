"""An inn whose callers are looked for: its catalogue, its issuers' web sites, and an authenticator at its door."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson

from privet import Vault
from privet.config.settings.serving import IssuerSettings, ServeSettings, Serving
from privet.domain.ports import VaultState
from privet.http.callers import Authenticator, Caller
from privet.http.certificates import read_certificate
from privet.http.jwks import FetchFailed
from tests.unit.http.certifying import Issued, issue
from tests.unit.http.issuing import ec, jwks, rsa

DESK = issue("desk")
SPIFFE = "spiffe://inn.example/kitchen"
KITCHEN = issue("kitchen", uris=[SPIFFE])
CATALOGUE = f"""
fields:
  name: {{type: string, category: pd:Name, allow: [stay]}}
  email: {{type: email, category: pd:EmailAddress, lookup: unique}}
  phone: {{type: phone, category: pd:TelephoneNumber, lookup: shared}}
purposes: {{stay: {{dpv: dpv:ServicePersonalisation, basis: contract}}}}
services:
  desk:
    purposes: [stay]
    fields: [name]
    certificates: ["{DESK.fingerprint}"]
    oidc: {{issuer: "https://login.example", subject: desk}}
  kitchen:
    purposes: [stay]
    fields: [name]
    spiffe: ["{SPIFFE}"]
    oidc: {{issuer: "https://login.example", subject: kitchen-client}}
officers:
  ana: {{oidc: {{issuer: "https://staff.example", subject: "42"}}}}
"""
ISSUERS = (
    IssuerSettings(issuer="https://login.example", audience="privet", role="services"),
    IssuerSettings(issuer="https://staff.example", audience="privet", role="officers"),
    IssuerSettings(
        issuer="https://people.example", audience="privet", role="customers", claim="email", lookup="email"
    ),
)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class Sites:
    """Every issuer's web site: discovery and keys."""

    def __init__(self) -> None:
        self.held: list[Any] = [ec(), rsa()]
        self.down = False
        self.asked = 0

    async def fetch(self, address: str) -> bytes:
        self.asked += 1
        if self.down:
            raise FetchFailed("down")
        site, _, page = address.partition("/.well-known/")
        if page:
            return orjson.dumps({"issuer": site, "jwks_uri": f"{site}/keys"})
        return jwks(*self.held)


class Door:
    """An authenticator with these settings, and what it counted."""

    def __init__(self, vault: Vault, *, issuers: tuple[IssuerSettings, ...] = ISSUERS, **serve: Any) -> None:
        serving = Serving(serve=ServeSettings(**serve), issuers=issuers)
        settings = vault.parts.settings
        object.__setattr__(settings, "serving", serving)
        self.refused: list[str] = []
        self.it = Authenticator(vault.parts, refused=self.refused.append)

    async def ask(
        self, shown: str | bytes | None, certificate: Issued | None = None, address: str = ""
    ) -> Caller:
        bearer = shown.encode() if isinstance(shown, str) else shown
        peer = None if certificate is None else read_certificate(certificate.der)
        return await self.it.authenticate(
            None if bearer is None else b"Bearer " + bearer, peer, address=address
        )

    def known(self, shown: str | bytes, certificate: Issued | None = None) -> Caller | None:
        bearer = shown.encode() if isinstance(shown, str) else shown
        return self.it.known(
            b"Bearer " + bearer, None if certificate is None else read_certificate(certificate.der)
        )


def state(vault: Vault) -> VaultState:
    with vault.parts.store.read() as unit:
        return unit.state()
