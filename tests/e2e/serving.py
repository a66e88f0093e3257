"""A small vault to serve, a service's key, and clients that note each request that got no whole answer."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import privet
from privet.bootstrap.credentials import create_key
from privet.testing import make_vault

CATALOGUE = """
fields:
  given_name: {type: string, category: "pd:Name", allow: [care]}
  email: {type: email, category: "pd:EmailAddress", lookup: unique, allow: [care]}
purposes:
  care: {dpv: "dpv:ServicePersonalisation", basis: contract}
  enrolment: {dpv: "dpv:ServiceProvision", basis: contract}
services:
  desk: {purposes: [care], fields: ["*"], find: [email]}
  shop: {purposes: [enrolment], fields: ["*"], enrols: true, find: [email]}
"""
ADA = {"email": "ada@example.org"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A closed vault, with Ada in it."""

    directory: Path
    key: str = field(repr=False)
    """Of the service `desk`."""


def make_place(directory: Path, *, database_url: str | None = None) -> Place:
    with make_vault(directory, CATALOGUE, database_url=database_url) as vault:
        shop = vault.service("shop")
        shop.put(privet.by(**ADA), {"given_name": "Ada", **ADA}, purpose="enrolment")
        return Place(directory=directory, key=create_key(vault.parts, "desk").text)


def fetch_body(purpose: str = "care") -> bytes:
    return json.dumps({"subject": ADA, "purpose": purpose, "fields": ["given_name"]}).encode()


def raw_fetch(key: str, *headers: str) -> bytes:
    """The bytes of one fetch."""
    body = fetch_body()
    lines = [
        "POST /v1/fetch HTTP/1.1", "Host: vault", "Content-Type: application/json",
        f"Authorization: Bearer {key}", f"Content-Length: {len(body)}", *headers, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + body


class Crowd:
    """Clients that fetch over and over on kept connections, until stopped or until nobody listens any more."""

    def __init__(self, port: int, key: str, *, many: int = 8, pause_s: float = 0.0) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.cut: list[str] = []
        """Requests sent that got no whole answer."""
        self._port, self._key, self._pause = port, key, pause_s
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(many)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        self.wait()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, many: int) -> None:
        """Until so many answers have come."""
        until = time.monotonic() + 30
        while len(self.answers) < many and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.answers) >= many, self.cut

    @property
    def audit_ids(self) -> set[str]:
        return {said["audit_id"] for status, said in self.answers if status == 200}

    def _run(self) -> None:
        held: list[http.client.HTTPConnection] = []
        try:
            self._ask(held)
        finally:
            for connection in held:
                connection.close()

    def _ask(self, held: list[http.client.HTTPConnection]) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
                held[:] = [connection]
                try:
                    connection.connect()
                except OSError:
                    return  # nobody listens: told so before anything was asked
            try:
                connection.request(
                    "POST",
                    "/v1/fetch",
                    fetch_body(),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
                )
                answer = connection.getresponse()
                said = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.cut.append(f"{type(error).__name__}: {error}")
                connection.close()
                connection = None
                continue
            self.answers.append((answer.status, said))
            if answer.will_close:
                connection.close()
                connection = None
            if self._pause:
                time.sleep(self._pause)
