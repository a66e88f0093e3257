"""A served inn whose doors are tried: its catalogue, and plain HTTP to knock with."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from privet import Vault

SPIFFE = "spiffe://inn.example/kitchen"
CATALOGUE = """
fields:
  name:  {type: string, category: pd:Name, allow: [stay]}
  email: {type: email, category: pd:EmailAddress, lookup: unique, allow: [stay]}
purposes: {stay: {dpv: dpv:ServicePersonalisation, basis: contract}}
services:
  desk:    {purposes: [stay], fields: [name, email], find: [email], enrols: true, DESK}
  kitchen: {purposes: [stay], fields: [name], find: [email], KITCHEN}
officers:
  ana: {OFFICER}
"""


def catalogue(*, desk: str = "", kitchen: str = "", officer: str = "") -> str:
    """The catalogue with these bindings, each in YAML's flow style."""
    return CATALOGUE.replace("DESK", desk).replace("KITCHEN", kitchen).replace("OFFICER", officer)


def bound(issuer: str, subject: str) -> str:
    return f'oidc: {{issuer: "{issuer}", subject: "{subject}"}}'


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    json: Any


class Door:
    """One server's address, and the way to knock."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._url = urlsplit(url)
        self._tls = tls

    def connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=30)
        return http.client.HTTPSConnection(host, port, timeout=30, context=self._tls)

    def ask(
        self,
        shown: str | None = None,
        *,
        path: str = "/v1/fetch",
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """One request on a connection of its own. `shown` is the bearer's."""
        connection = self.connect()
        try:
            return ask(connection, shown, path=path, body=body, headers=headers, method=method)
        finally:
            connection.close()


def ask(
    connection: http.client.HTTPConnection,
    shown: str | None = None,
    *,
    path: str = "/v1/fetch",
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """One request. Without a body: a fetch about nobody."""
    asked = {"subject": {"email": "nobody@example.org"}, "purpose": "stay", "fields": ["name"]}
    sent = dict(headers or {})
    if shown is not None:
        sent["authorization"] = f"Bearer {shown}"
    payload = None
    if method == "POST":
        sent["content-type"] = "application/json"
        payload = json.dumps(asked if body is None else body)
    connection.request(method, path, payload, sent)
    answer = connection.getresponse()
    data = answer.read()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, named, json.loads(data) if data else None)


def is_refused(answer: Answer) -> bool:
    """Whether it is the one answer for who is not known; it must then have every part of it."""
    if answer.status != 401:
        return False
    assert answer.headers["www-authenticate"].startswith('Bearer realm="privet"')
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "unauthenticated"
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "request_id"}
    return True


def last_reader(vault: Vault) -> str | None:
    """The service of the newest read in the log."""
    vault.parts.store.sequence()
    lines = vault.officer("ana").audit.query(act="read", limit=1)
    return lines[0].service if lines else None


def reads(vault: Vault) -> int:
    """How many reads the log holds."""
    vault.parts.store.sequence()
    return len(vault.officer("ana").audit.query(act="read"))
