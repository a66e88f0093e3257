"""A server that answers what a test tells it to, byte by byte: rubbish, late, in drips, or never."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self


def named(name: str) -> str:
    """A pairwise id in form, whose server tells one from another by its name."""
    return "pw1_" + name.ljust(43, "-")


HER = named("her")
VIEW: dict[str, Any] = {
    "subject": HER,
    "values": {"given_name": "Ada"},
    "withheld": {},
    "audit_id": "0123456789abcdef" * 2,
    "revision": "r.1",
}
WRITTEN = {"audit_id": "0123456789abcdef" * 2}


class Got(NamedTuple):
    """A request as it came, and on which connection."""

    connection: int
    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


Step = Callable[[socket.socket, Got], bool]
"""Answers one request. True: the connection stays open."""


def answer(body: object, status: int = 200, *, kind: str = "application/json", **headers: str) -> Step:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(payload)}\r\n{extra}\r\n"
    return raw(head.encode() + payload, stay=True)


def problem(
    status: int, code: str, detail: str = "a sentence", *, retry_after: str = "", **members: object
) -> Step:
    body = {
        "type": f"urn:privet:problem:{code}",
        "title": "t",
        "status": status,
        "detail": detail,
        "code": code,
    }
    headers = {"Retry_After": retry_after} if retry_after else {}
    return answer(
        {**body, "request_id": "abc", **members}, status, kind="application/problem+json", **headers
    )


def raw(data: bytes, *, stay: bool = False) -> Step:
    def step(peer: socket.socket, _got: Got) -> bool:
        peer.sendall(data)
        return stay

    return step


def late(seconds: float, then: Step) -> Step:
    def step(peer: socket.socket, got: Got) -> bool:
        time.sleep(seconds)
        return then(peer, got)

    return step


def drip(data: bytes, pause: float) -> Step:
    def step(peer: socket.socket, _got: Got) -> bool:
        for at in range(len(data)):
            peer.sendall(data[at : at + 1])
            time.sleep(pause)
        return False

    return step


def hang_up(_peer: socket.socket, _got: Got) -> bool:
    return False


def hold(peer: socket.socket, _got: Got) -> bool:
    """Never answers; ends when the client does."""
    peer.settimeout(30)
    peer.recv(1)
    return False


def echo(_peer: socket.socket, got: Got) -> bool:
    """A View of whoever was asked about, who is called what her id names."""
    asked = json.loads(got.body)
    view = {**VIEW, "values": {"given_name": asked["subject"].removeprefix("pw1_").rstrip("-")}}
    return answer(view)(_peer, got)


class Scripted:
    """One step a request, in the order they come; the last one again and again."""

    def __init__(self, *steps: Step, context: ssl.SSLContext | None = None) -> None:
        self.steps, self.got, self.connections = list(steps), list[Got](), 0
        self.peer_certificates: list[bytes | None] = []
        self._context = context
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://localhost:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(peer)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket, connection: int) -> None:
        try:
            if self._context is not None:
                peer = self._context.wrap_socket(peer, server_side=True)
                self._open.append(peer)
                self.peer_certificates.append(peer.getpeercert(binary_form=True))
            with peer:
                while (got := _read(peer, connection)) is not None:
                    with self._lock:
                        self.got.append(got)
                        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
                    if not step(peer, got):
                        return
        except OSError:
            pass
        finally:
            peer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


def _read(peer: socket.socket, connection: int) -> Got | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65_536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    got = Got(connection, head.decode(), b"")
    length = int(got.header("Content-Length") or 0)
    while len(body) < length:
        more = peer.recv(65_536)
        if not more:
            return None
        body += more
    return got._replace(body=body)
