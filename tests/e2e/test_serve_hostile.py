"""Hostile clients at the real process: whatever they do, the others are served, and nothing is released to them."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.testing import open_vault
from tests.e2e.serving import Place, fetch_body, make_place, raw_fetch
from tests.services.vault_server import VaultServer

SERVE = {
    "header_timeout_s": 1,
    "body_timeout_s": 1,
    "keep_alive_s": 30,
    "max_body_bytes": 20_000,
    "max_connections": 40,
    "graceful_s": 2,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("hostile") / "vault")


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[VaultServer]:
    with VaultServer(place.directory, portal={"enabled": False}, serve=SERVE) as started:
        yield started


class Client:
    """Bytes out, bytes in."""

    def __init__(self, server: VaultServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=15)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self) -> bytes:
        """All until the server closes."""
        found = b""
        while True:
            try:
                data = self.socket.recv(65_536)
            except ConnectionResetError:
                return found
            if not data:
                return found
            found += data

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return  # it was refused already


def _served(server: VaultServer, place: Place) -> float:
    """Somebody else is served; the seconds it took."""
    began = time.monotonic()
    with Client(server) as client:
        client.send(raw_fetch(place.key, "Connection: close"))
        answer = client.read()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    return time.monotonic() - began


def _problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head[9:12]), json.loads(body)["code"]


def test_a_smuggled_request_is_never_run(server: VaultServer, place: Place) -> None:
    """CL.TE, TE.CL and their kin: one refusal, no second answer, no leaf for what was hidden inside."""
    hidden = raw_fetch(place.key)
    for lines in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4",
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding : chunked",
        b"Content-Length: 0\r\nContent-Length: 4",
    ):
        with Client(server) as client:
            client.send(b"POST /v1/fetch HTTP/1.1\r\nHost: vault\r\n" + lines + b"\r\n\r\n0\r\n\r\n" + hidden)
            answer = client.read()
        assert answer.count(b"HTTP/1.1 ") == 1, lines
        assert _problem(answer) == (400, "bad_request")
        assert b"Ada" not in answer


def test_slow_heads_are_ended_and_keep_nobody_out(server: VaultServer, place: Place) -> None:
    """Thirty connections that send a byte now and then: others are served, and all thirty end in their time."""
    clients = [Client(server) for _ in range(30)]
    try:
        until = time.monotonic() + 3.5
        for client in clients:
            client.send(b"POST /v1/fetch HTTP/1.1\r\nHost: vault\r\nX-Slow: ")
        assert _served(server, place) < 8
        while time.monotonic() < until:
            for client in clients:
                client.send(b"a")
            time.sleep(0.2)
        assert {_problem(client.read()) for client in clients} == {(408, "request_timeout")}
    finally:
        for client in clients:
            client.socket.close()


def test_slow_bodies_are_ended(server: VaultServer, place: Place) -> None:
    """With and without a length, and whatever the credential; nothing is logged of what never came."""
    request = raw_fetch(place.key)
    chunked = request.partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"X-Length")
    with Client(server) as one, Client(server) as two:
        one.send(request[:-1])
        two.send(chunked + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")
        assert _served(server, place) < 8
        assert _problem(one.read()) == (408, "request_timeout")
        assert _problem(two.read()) == (408, "request_timeout")


def test_a_large_body_without_a_length(server: VaultServer, place: Place) -> None:
    """A gigabyte announced by chunks is refused after twenty kilobytes."""
    head = raw_fetch(place.key).partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"X-Length")
    with Client(server) as client:
        client.send(head + b"\r\nTransfer-Encoding: chunked\r\n\r\n")

        def send() -> None:
            for _ in range(2_000):
                client.send(b"1000\r\n" + b"x" * 4_096 + b"\r\n")

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        assert _problem(client.read()) == (413, "body_too_large")
        sender.join(10)
    _served(server, place)


def test_more_connections_than_there_may_be(server: VaultServer, place: Place) -> None:
    """They wait; those that say nothing are closed in their time, so whoever asks is served at last."""
    clients = [Client(server) for _ in range(80)]
    try:
        assert _served(server, place) < 15
    finally:
        for client in clients:
            client.socket.close()


def test_idle_connections_make_room(server: VaultServer, place: Place) -> None:
    """Somebody who holds all there may be, each asked on once and then silent, shuts nobody out."""
    clients = [Client(server) for _ in range(40)]
    try:
        for client in clients:
            client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        for client in clients:
            assert client.socket.recv(4_096).startswith(b"HTTP/1.1 200")
        assert max(_served(server, place) for _ in range(3)) < 8
    finally:
        for client in clients:
            client.socket.close()


def test_unfinished_requests_make_room(tmp_path: Path) -> None:
    """Heads and bodies that never end, begun anew as often as they are closed: whoever asks does not wait for their
    time to run out."""
    place = make_place(tmp_path / "vault")
    serve = {**SERVE, "max_connections": 10, "header_timeout_s": 60, "body_timeout_s": 60}
    with VaultServer(place.directory, portal={"enabled": False}, serve=serve) as server:
        for opening in (b"POST /v1/fetch HTTP/1.1\r\nHost: a\r\nX: ", raw_fetch(place.key)[:-1]):
            clients = [Client(server) for _ in range(15)]
            try:
                for client in clients:
                    client.send(opening)
                assert _served(server, place) < 20
            finally:
                for client in clients:
                    client.socket.close()


def test_floods_do_not_fill_memory(server: VaultServer, place: Place) -> None:
    """Heads without end, pipelines without end, bodies left half: the process stays the size it was."""
    before = _resident(server.pid)

    def flood(data: bytes) -> None:
        with Client(server) as client:
            for _ in range(60):
                client.send(data)
            client.read()

    many = [
        b"X-Flood: " + b"y" * 60_000,
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 1_500,
        b"POST /v1/fetch HTTP/1.1\r\nHost: a\r\nContent-Length: 19000\r\n\r\n" + b"x" * 18_000,
    ]
    threads = [threading.Thread(target=flood, args=(data,)) for data in many * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert _resident(server.pid) - before < 60_000_000
    _served(server, place)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/%66etch", b"//v1/fetch", b"/v1/./fetch", b"/v1/x/../fetch", b"/v1/fetch/", b"/V1/fetch", b"/v1/fetch%00",
        b"/v1/fetch;a=b", b"/v1\\fetch", b"/v1/fetch%2f..%2f..%2fetc/passwd", b"/" + b"a" * 7_000,
    ],
)  # fmt: skip
def test_other_ways_to_write_an_address(server: VaultServer, place: Place, target: bytes) -> None:
    """Are not the address: 404, or 400 where it is none."""
    with Client(server) as client:
        request = raw_fetch(place.key, "Connection: close").replace(b"POST /v1/fetch", b"POST " + target)
        client.send(request)
        answer = client.read()
    assert _problem(answer)[0] in (400, 404)
    assert b"Ada" not in answer


def test_torn_requests_leave_no_trace(server: VaultServer, place: Place) -> None:
    """Cut off after each byte of a request, with nothing run until the last one."""
    request = raw_fetch(place.key, "Connection: close")
    for size in (*range(1, len(request) - 1, 23), len(request) - 1):
        with Client(server) as client:
            client.send(request[:size])
            client.socket.shutdown(socket.SHUT_WR)
            assert client.read() == b"", size
    _served(server, place)


def test_bytes_at_random(server: VaultServer, place: Place) -> None:
    """Nothing that is not a request is answered as if it were one."""
    import random

    noise = random.Random(7)
    for _ in range(60):
        with Client(server) as client:
            client.send(noise.randbytes(noise.randrange(1, 3_000)) + b"\r\n\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            answer = client.read()
        assert not answer or _problem(answer)[0] in (400, 431)
    _served(server, place)


def test_what_hostile_clients_did_is_not_in_the_log(tmp_path: Path) -> None:
    """One leaf for each request that was one, and none for the rest."""
    place = make_place(tmp_path / "vault")
    with open_vault(place.directory) as vault:
        before = vault.parts.store.log.size()
    with VaultServer(place.directory, portal={"enabled": False}, serve=SERVE) as server:
        with Client(server) as client:
            client.send(raw_fetch(place.key) + b"rubbish\r\n\r\n" + raw_fetch(place.key))
            answer = client.read()
        assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
        with Client(server) as client:
            client.send(raw_fetch("privet_abcdefgh_" + "A" * 43, "Connection: close"))
            assert _problem(client.read()) == (401, "unauthenticated")
    with open_vault(place.directory) as vault:
        log = vault.parts.store.log
        acts = [json.loads(row.leaf)["act"] for row in log.entries(before, log.size())]
    assert acts.count("read") == 1
    assert fetch_body() not in answer


def test_what_is_refused_early_is_counted(server: VaultServer) -> None:
    """By status, under no route: nobody can choose a label."""
    with Client(server) as client:
        client.send(b"rubbish\r\n\r\n")
        client.read()
    with Client(server) as client:
        client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b'privet_requests_total{route="",status="400"}' in client.read()
