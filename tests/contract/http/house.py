"""A served hotel: a real `privet serve`, an issuer with real keys, and plain HTTP to ask with."""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from privet.audit.leaf import Leaf, parse_leaf
from privet.audit.query import AuditLine
from privet.bootstrap.credentials import create_key
from privet.bootstrap.vault import Vault
from privet.domain.request import By, by
from privet.testing import make_vault
from tests.services.vault_server import VaultServer, set_settings
from tests.unit.http.issuing import ec, jwks, token

CATALOGUE = """
organisation: {name: Hotel Hedge, contact: privacy@hedge.example}
fields:
  guest:   {type: string, category: pd:UID, lookup: unique}
  email:   {type: email, category: pd:EmailAddress, lookup: unique, allow: [marketing.email], allow_masked: [stay]}
  phone:   {type: phone, category: pd:TelephoneNumber, lookup: shared, allow: [stay]}
  name:    {type: string, category: pd:Name, allow: [stay, marketing.email], max_length: 100}
  story:   {type: text, category: pd:Communication, allow: [stay]}
  born:    {type: date, category: pd:BirthDate, allow: [stay], min: 1900-01-01}
  spent:   {type: number, category: pd:Transaction, allow: [stay]}
  nights:  {type: integer, category: pd:Preference, allow: [stay], min: 0, max: 400}
  vip:     {type: boolean, category: pd:Preference, allow: [stay]}
  home:    {type: country, category: pd:Country, allow: [stay]}
  room.bed: {type: "enum[king, twin]", category: pd:Preference, allow: [stay]}
  words:   {type: "list[string]", category: pd:Preference, allow: [stay]}
  seen:    {type: datetime, category: pd:Preference, allow: [stay]}
  allergies: {type: "list[string]", category: pd:Health, special: true, allow: [meals]}
collections:
  stays:
    time: arrived
    coarse_time: month
    key: booking
    category: pd:ServiceConsumptionBehaviour
    allow: [stay]
    fields:
      arrived: {type: date}
      booking: {type: string, max_length: 40}
      rate:    {type: number, min: 0, max: 100000}
purposes:
  stay: {dpv: dpv:ServicePersonalisation, basis: contract}
  meals: {dpv: dpv:RequestedServiceProvision, basis: consent, article9: explicit_consent}
  marketing: {dpv: dpv:Marketing, basis: legitimate_interest}
  marketing.email: {dpv: dpv:DirectMarketing, parents: [marketing], basis: consent, notice: marketing}
  resale: {dpv: dpv:SellDataToThirdParties, prohibited: true}
services:
  desk:
    purposes: [stay]
    fields: ["*"]
    find: [guest, email, phone]
    enrols: true
    collects: [marketing.email, meals]
  reader:  {purposes: [stay], fields: ["*"], find: [guest, email]}
  mailer:  {purposes: [marketing.email], fields: [email, name], find: [email], collects: [marketing.email]}
officers:
  ana: {oidc: {issuer: ISSUER, subject: ana}}
"""
NOTICES = {"marketing": "# Offers\nWe write once a month.\n"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


@contextmanager
def issuer() -> Iterator[str]:
    """An OpenID Connect issuer's published keys, on loopback; gives its address."""
    published = jwks(ec())

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(published)))
            self.end_headers()
            self.wfile.write(published)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(kw_only=True)
class House:
    """The served vault, opened in this process too; `keys` by service."""

    vault: Vault
    url: str
    issuer: str
    keys: dict[str, str]
    _people: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def bearer(self, who: str) -> str:
        """A credential: a service's key, `officer`, or a customer by her address."""
        if who in self.keys:
            return self.keys[who]
        now = int(time.time())
        claims = {"iss": self.issuer, "iat": now - 5, "exp": now + 3_600}
        if who == "officer":
            return token({**claims, "aud": "officers", "sub": "ana"}).decode()
        return token(
            {**claims, "aud": "customers", "sub": who, "email": who, "email_verified": True}
        ).decode()

    def ask(
        self,
        path: str,
        body: object = None,
        *,
        who: str | None = "desk",
        method: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own. `body`: JSON; `raw`: bytes as they are."""
        sent = {} if who is None else {"authorization": f"Bearer {self.bearer(who)}"}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent["content-type"] = "application/json"
        sent.update(headers or {})
        at = urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
        try:
            connection.putrequest(
                method or ("GET" if data is None else "POST"), path, skip_accept_encoding=True
            )
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            if data is not None or method == "POST":
                connection.putheader("content-length", str(len(data or b"")))
            connection.endheaders(data)
            answer = connection.getresponse()
            return Answer(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.getheaders()},
                body=answer.read(),
            )
        finally:
            connection.close()

    def guest(self, **values: object) -> By:
        """A new guest, known by a fresh address."""
        who = by(email=f"guest{next(self._people)}@hedge.example")
        self.vault.service("desk").put(who, {"name": "Ada", "email": who.value, **values}, purpose="stay")
        return who

    def nobody(self) -> By:
        return by(email=f"nobody{next(self._people)}@hedge.example")

    def lines(self, **filters: Any) -> list[AuditLine]:
        return self.vault.officer("ana").audit.query(**filters)

    def line(self, audit_id: str) -> AuditLine:
        return self.vault.officer("ana").audit.entry(audit_id)

    def newest(self, act: str) -> tuple[Leaf, int]:
        """The newest entry of this act, and the length of its sealed part."""
        self.vault.parts.store.sequence()
        for row in self.vault.parts.store.log.entries_newest():
            leaf = parse_leaf(row.leaf)
            if leaf.act == act:
                return leaf, len(row.sealed)
        raise AssertionError(f"no entry of {act}")


@contextmanager
def serve_house(directory: Path, *, serve: dict[str, Any] | None = None, **settings: Any) -> Iterator[House]:
    """A new vault, served. `serve`: more of that section. `settings`: more sections of privet.toml."""
    with issuer() as address:
        shared = {"issuer": address, "jwks_url": f"{address}/jwks", "algorithms": ["ES256"]}
        her = {"role": "customers", "claim": "email", "lookup": "email"}
        with make_vault(directory, CATALOGUE.replace("ISSUER", address), NOTICES) as vault:
            keys = {name: create_key(vault.parts, name).text for name in vault.parts.catalogue.services}
            set_settings(
                directory,
                serve={
                    "max_body_bytes": 200_000,
                    "requests_per_second": 100_000,
                    "burst": 100_000,
                    **(serve or {}),
                },
                portal={"enabled": False},
                **settings,
                issuers=[
                    {**shared, "audience": "officers", "role": "officers"},
                    {**shared, "audience": "customers", **her},
                ],
            )
            with VaultServer(directory) as server:
                yield House(vault=vault, url=server.url, issuer=address, keys=keys)
