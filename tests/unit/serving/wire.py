"""A client that writes bytes to a PrivetProtocol over a socket pair, and an application that says what it was asked."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from privet.http.edge import App, Edge, Receive, Send
from privet.http.problems import Scope
from privet.serving.limits import Gate, Limits
from privet.serving.protocol import PrivetProtocol

PATIENCE_S = 20
LIMITS = Limits(header_s=10, body_s=10, keep_alive_s=10, body=10_000)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what came."""
    message = await receive()
    assert not message["more_body"]
    said = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": message["body"].decode("latin-1"),
        "extensions": sorted(scope["extensions"]),
    }
    body = json.dumps(said).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


class Wire:
    """One connection."""

    def __init__(self, client: socket.socket, gate: Gate, state: ServerState) -> None:
        self.client = client
        self.gate = gate
        self.state = state

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.client, data)

    async def read(self) -> bytes:
        """All until the server closes."""
        return await asyncio.wait_for(self._all(), PATIENCE_S)

    async def some(self, until: bytes = b"") -> bytes:
        """At least something, and up to where `until` stands."""
        loop, found = asyncio.get_running_loop(), b""
        async with asyncio.timeout(PATIENCE_S):
            while not found or until not in found:
                data = await loop.sock_recv(self.client, 65_536)
                if not data:
                    break
                found += data
        return found

    async def _all(self) -> bytes:
        loop, found = asyncio.get_running_loop(), b""
        while True:
            try:
                data = await loop.sock_recv(self.client, 65_536)
            except ConnectionResetError:
                return found
            if not data:
                return found
            found += data

    def half_close(self) -> None:
        self.client.shutdown(socket.SHUT_WR)

    def pass_time(self, seconds: float) -> None:
        """As if so much had gone by: every deadline is looked at."""
        self.gate.sweep(asyncio.get_running_loop().time() + seconds)


def talk(
    work: Callable[[Wire], Awaitable[Any]], app: App = echo, gate: Gate | None = None, **limits: Any
) -> Any:
    """Runs `work` with a connection to `app` behind the edge."""

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        made = gate or Gate(replace(LIMITS, **limits), 10)
        state = ServerState()
        config = Config(Edge(app), loop="none", ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        await loop.connect_accepted_socket(lambda: PrivetProtocol(config, state, {}, loop, gate=made), theirs)
        wire = Wire(ours, made, state)
        try:
            return await work(wire)
        finally:
            ours.close()
            for _ in range(3):
                await asyncio.sleep(0)
            for task in list(state.tasks):
                task.cancel()
            for connection in list(made.open):
                connection.transport.abort()  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)

    return asyncio.run(run())


def ask(data: bytes, app: App = echo, **limits: Any) -> bytes:
    """What comes back for these bytes, until the server closes; the client says no more after them."""

    async def work(wire: Wire) -> bytes:
        await wire.send(data)
        wire.half_close()
        return await wire.read()

    return bytes(talk(work, app, **limits))


def statuses(answer: bytes) -> list[int]:
    """The status of each answer in the bytes."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
