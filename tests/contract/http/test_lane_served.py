"""A fetch by the short way (no task of its own, heads that repeat are not parsed) is a fetch like any other."""

import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from privet import Vault, by
from privet.bootstrap.credentials import create_key, revoke_key
from privet.testing import make_vault, open_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES
from tests.services.vault_server import VaultServer

PURPOSE = "service-personalisation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Connection:
    """One keep-alive connection on which exactly these bytes are sent, each request in one piece."""

    def __init__(self, port: int, key: str) -> None:
        self.key = key
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._rest = b""

    def send(
        self, body: object, *, headers: str = "", key: str | None = None, cut: int | None = None
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (
            "POST /v1/fetch HTTP/1.1\r\nHost: vault\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key or self.key}\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
        ).encode()
        whole = head + data
        for piece in (whole,) if cut is None else (whole[:cut], whole[cut:]):
            self._socket.sendall(piece)

    def receive(self) -> Answer:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header came twice"
        size = int(headers["content-length"])
        while len(self._rest) < size:
            self._more()
        body, self._rest = self._rest[:size], self._rest[size:]
        return Answer(status=int(first.split()[1]), headers=headers, body=json.loads(body))

    def ask(self, body: object, **more: Any) -> Answer:
        self.send(body, **more)
        return self.receive()

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> None:
        data = self._socket.recv(65_536)
        assert data, "the server closed the connection"
        self._rest += data


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    server: VaultServer
    vault: Vault
    ids: list[str]
    key: str
    key_id: str
    connections: list[Connection]

    def connect(self) -> Connection:
        self.connections.append(Connection(self.server.port, self.key))
        return self.connections[-1]

    def leaves(self) -> int:
        return self.vault.parts.store.log.size()

    def asking(self, number: int, **other: Any) -> dict[str, Any]:
        return {"subject": self.ids[number], "purpose": PURPOSE, "fields": ["given_name", "size"], **other}


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    with make_vault(directory, CATALOGUE, NOTICES) as vault:
        ids = []
        for number in range(3):
            who = by(email=f"p{number}@example.org")
            vault.service("register").put(
                who, {"crm_id": f"C{number}", "given_name": "Ann", "size": number}, purpose="enrolment"
            )
            known = vault.service("desk").find(email=who.value, purpose=PURPOSE)
            assert known is not None
            ids.append(known)
        key = create_key(vault.parts, "desk")
    with VaultServer(directory) as server, open_vault(directory) as beside:
        found = Served(server=server, vault=beside, ids=ids, key=key.text, key_id=key.id, connections=[])
        yield found
        for connection in found.connections:
            connection.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("lane") / "v") as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """For one test, which may revoke and stop as it likes."""
    with serve(tmp_path / "v") as found:
        yield found


def test_requests_with_the_same_head_are_answered_each_for_itself(served: Served) -> None:
    """The body decides, each has its own leaf and its own request id; nothing of one is in the next."""
    before = served.leaves()
    connection = served.connect()
    answers = [connection.ask(served.asking(number % 3)) for number in range(12)]
    for number, answer in enumerate(answers):
        assert answer.status == 200
        assert answer.body["values"] == {"given_name": "Ann", "size": number % 3}
        assert answer.body["subject"] == served.ids[number % 3]
        assert answer.headers["etag"] == f'"{answer.body["revision"]}"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len({answer.body["audit_id"] for answer in answers}) == 12
    assert len({answer.headers["x-request-id"] for answer in answers}) == 12
    assert served.leaves() == before + 12


def test_the_short_way_and_the_long_way_say_the_same(served: Served) -> None:
    """A header that the short way leaves alone: the same status, headers and body, but for what is drawn anew."""
    connection = served.connect()
    short = [connection.ask(served.asking(1)) for _ in range(2)]
    long = connection.ask(served.asking(1), headers="Content-Encoding: identity\r\n")
    for answer in short:
        assert answer.status == long.status == 200
        assert answer.headers.keys() == long.headers.keys()
        fixed = ("subject", "values", "withheld", "revision")
        assert [answer.body[name] for name in fixed] == [long.body[name] for name in fixed]
        assert answer.body.keys() == long.body.keys()


def test_a_revoked_key_is_refused_from_the_next_request_on(own: Served) -> None:
    """Though the head was seen a moment ago on this very connection: 401, nothing read, no leaf."""
    connection = own.connect()
    for _ in range(3):
        assert connection.ask(own.asking(0)).status == 200
    revoke_key(own.vault.parts, own.key_id)
    before = own.leaves()
    for _ in range(3):
        answer = connection.ask(own.asking(0))
        assert answer.status == 401
        assert answer.body["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == 'bearer realm="privet", error="invalid_token"'
    assert own.leaves() == before


def test_what_is_wrong_with_a_body_is_told_though_its_head_was_seen(served: Served) -> None:
    """Every fault is the long way's to tell, with its leaf; then the connection goes on."""
    connection = served.connect()
    good = json.dumps(served.asking(0)).encode()
    assert connection.ask(good).status == 200
    time.sleep(
        1.1
    )  # a second in which this caller has been refused nothing yet: five have entries of their own
    before = served.leaves()
    bad = [
        good.replace(b'"purpose"', b'"purpuse"'),
        good.replace(b'"subject"', b'"purpose"'),
        b"[" + b"1" * (len(good) - 2) + b"]",
        b"{" * len(good),
        good.replace(b'"given_name"', b'"given\\u006d"')[: len(good)],
    ]
    for body in bad:
        assert len(body) == len(good), "of the same length, so that the head is the same"
        answer = connection.ask(body)
        assert answer.status in (400, 422), body
        assert answer.headers["content-type"] == "application/problem+json"
    assert connection.ask(good).status == 200
    assert served.leaves() == before + len(bad) + 1


def test_a_refusal_comes_with_its_reasons(served: Served) -> None:
    """403 with reasons, withheld and audit id, by the short way too; the same for nobody as for somebody unseen."""
    connection = served.connect()
    refused = served.asking(0, purpose="marketing.email", fields=["email"])
    nobody = {**refused, "subject": "pw1_" + "A" * 43}
    answers = [connection.ask(body) for body in (refused, refused, nobody)]
    for answer in answers:
        assert answer.status == 403
        assert answer.body["code"] == "access_denied"
        assert answer.body["reasons"] == ["service_not_permitted"]
        assert answer.body["withheld"]["email"]["reason"] == "service_not_permitted"
        assert len(answer.body["audit_id"]) == 32


def test_requests_in_pieces_and_several_at_once_are_understood(served: Served) -> None:
    """Cut anywhere, or sent before the answer to the last one: in order, none lost."""
    connection = served.connect()
    for cut in (1, 30, 120, 200, -1):
        assert connection.ask(served.asking(0), cut=cut).body["values"]["size"] == 0
        assert connection.ask(served.asking(1)).body["values"]["size"] == 1
    for number in range(9):
        connection.send(served.asking(number % 3))
    assert [connection.receive().body["values"]["size"] for _ in range(9)] == [0, 1, 2] * 3


def test_a_callers_request_id_is_answered_and_stands_in_the_log(served: Served) -> None:
    """Each request's own, also where the rest of the head is the same."""
    connection = served.connect()
    for name in ("first-one", "other-one"):
        answer = connection.ask(served.asking(0), headers=f"X-Request-Id: {name}\r\n")
        assert answer.headers["x-request-id"] == name
    lines = list(served.vault.officer("ana").audit.query(act="read", limit=2))
    assert sorted(str(line.request) for line in lines) == ["first-one", "other-one"]


def test_a_body_is_known_again_only_where_the_person_stands(served: Served) -> None:
    """Bodies alike but for one text: it is the subject in the first, and never mistaken for it where it is a field."""
    connection = served.connect()
    ids = served.ids
    for number in (0, 1, 2, 1):
        assert connection.ask(served.asking(number)).body["subject"] == ids[number]
    for subject, field in ((ids[0], ids[0]), (ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[0])):
        body = {"fields": [field, "size"], "purpose": PURPOSE, "subject": subject}
        answer = connection.ask(body)
        assert answer.body["subject"] == subject
        assert answer.body["values"] == {"size": ids.index(subject)}
        assert answer.body["withheld"][field]["reason"] == "unknown_field"
    forged = ids[0][:-1] + ("A" if ids[0][-1] != "A" else "E")
    assert connection.ask({**served.asking(0), "subject": forged}).status == 403
    for odd in ('pw1_"', "pw1_" + "é" * 43, "pw1_" + "!" * 43):
        assert connection.ask({**served.asking(0), "subject": odd}).status in (403, 422)


def test_answers_are_counted_though_they_are_told_of_together(served: Served) -> None:
    """/metrics has each of a hundred requests, with its status and its time."""

    def counted(status: int) -> float:
        with urllib.request.urlopen(f"{served.server.url}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        found = re.search(rf'privet_requests_total{{route="/v1/fetch",status="{status}"}} (\S+)', text)
        return float(found[1]) if found else 0.0

    before = counted(200), counted(403)
    connections = [served.connect() for _ in range(10)]
    for _ in range(10):
        for connection in connections:
            connection.send(served.asking(0))
        assert [connection.receive().status for connection in connections] == [200] * 10
    assert connections[0].ask(served.asking(0, purpose="resale")).status == 403
    assert (counted(200), counted(403)) == (before[0] + 100, before[1] + 1)


def test_another_key_on_the_same_connection_is_another_caller(served: Served) -> None:
    """The credential is part of the head: a wrong one is refused, whatever came before it."""
    connection = served.connect()
    assert connection.ask(served.asking(0)).status == 200
    wrong = served.key[:-2] + ("AA" if served.key[-2:] != "AA" else "BA")
    assert connection.ask(served.asking(0), key=wrong).status == 401
    assert connection.ask(served.asking(0)).status == 200


def test_the_server_stops_while_repeated_requests_are_under_way(own: Served) -> None:
    """The answer under way is whole, and says that the connection closes or has closed."""
    connection = own.connect()
    for _ in range(3):
        assert connection.ask(own.asking(0)).status == 200
    connection.send(own.asking(1))
    own.server.signal()
    assert connection.receive().status == 200
    assert own.server.wait() == 0
