"""The event loop of one process: accepts, looks at deadlines, and stops without cutting anybody off.

Stopping: readiness goes first, answers close their connections, then nobody is accepted, then what is under way
finishes. What was already in the kernel's queue is taken in before the listener closes.
Refuses more connections than its bound: the rest wait in the kernel's queue, and the silent make room for them.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from privet.http.edge import App
from privet.serving.closing import SETTLE_S, refuse_newcomers
from privet.serving.cycle import Direct
from privet.serving.limits import QUIET_S, UNFINISHED_S, Gate
from privet.serving.protocol import PrivetProtocol
from privet.serving.repeating import RepeatingProtocol

SWEEP_S: Final = 0.5
_HANDSHAKE_S: Final = 10.0
_ACCEPTS: Final = 8
"""Connections taken in at one go, so that the workers share them."""


class Server:
    """Serves `app` on a listening socket."""

    def __init__(
        self,
        app: App,
        listener: socket.socket,
        gate: Gate,
        *,
        tls: ssl.SSLContext | None,
        graceful_s: float,
        direct: Direct | None = None,
        owns: bool = True,
    ) -> None:
        """`direct` sees each request first (privet.serving.protocol). `owns`: no other process has the listener."""
        self._listener = listener
        self._owns = owns
        self._gate = gate
        self._tls = tls
        self._graceful = graceful_s
        self._direct = direct
        self._state = ServerState()
        self._config = Config(
            app,
            loop="none",
            http=RepeatingProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        self._accepting = False
        self._closing = False
        self._arriving: dict[asyncio.Task[None], tuple[socket.socket, float]] = {}
        """Those that shake hands, oldest first, and since when."""
        gate.on_free = self._resume

    async def serve(self, stop: asyncio.Event, *, drain_s: float, on_started: Callable[[], None]) -> None:
        """Until `stop` is set, and then until all is answered or time has run out."""
        self._loop = asyncio.get_running_loop()
        self._date()
        ticking = self._loop.create_task(self._tick())
        try:
            self._resume()
            on_started()
            await stop.wait()
            self._gate.begin_draining()
            await asyncio.sleep(drain_s)
            if self._owns:
                refuse_newcomers(self._listener)
            await asyncio.sleep(SETTLE_S)
            self._last_accept()
            await self._finish()
        finally:
            ticking.cancel()
            self._pause()
            self._listener.close()

    def _resume(self) -> None:
        """Accepts, where there is room."""
        if self._has_room():
            self._look_out()

    def _look_out(self) -> None:
        if not self._accepting and not self._listener_closed and not self._closing:
            self._accepting = True
            # By number: given the socket, uvloop would put its close off, and take in more meanwhile.
            self._loop.add_reader(self._listener.fileno(), self._accept)

    @property
    def _listener_closed(self) -> bool:
        return self._listener.fileno() < 0

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener.fileno())

    def _has_room(self) -> bool:
        return len(self._gate.open) + len(self._arriving) < self._gate.most

    def _accept(self, most: int = _ACCEPTS) -> bool:
        """Takes in what has come. False when nothing more waits."""
        for _ in range(most):
            if not self._has_room():
                if not self._hurry():
                    self._gate.make_room(self._loop.time())
                self._pause()
                return False
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError:  # no file descriptors left: the rest wait
                self._pause()
                self._loop.call_later(1.0, self._resume)
                return False
            connection.setblocking(False)
            task = self._loop.create_task(self._welcome(connection))
            self._arriving[task] = (connection, self._loop.time())
            task.add_done_callback(self._arrived)
        return True

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._arriving.pop(task, None)
        self._resume()

    def _hurry(self) -> bool:
        """Ends the handshake that has taken longest, if that is a while: somebody waits for its place."""
        for connection, since in self._arriving.values():
            if since > self._loop.time() - QUIET_S - UNFINISHED_S:
                break
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has gone
                continue
            return True
        return False

    async def _welcome(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_S if self._tls is not None else None,
            )
        except ssl.SSLCertVerificationError as error:
            self._gate.on_bad_certificate(error)
            connection.close()
        except OSError:
            connection.close()  # no TLS, or gone before it spoke

    def _protocol(self) -> PrivetProtocol:
        return RepeatingProtocol(
            self._config, self._state, {}, self._loop, gate=self._gate, direct=self._direct
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._date()
            self._gate.sweep(self._loop.time())
            self._look_out()  # though there is no room: somebody silent may go for somebody who waits

    def _date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode("ascii"))]

    def _last_accept(self) -> None:
        """Closes the listener; whoever has connected before is let in."""
        self._closing = True
        self._pause()
        while self._accept(self._gate.most):
            pass
        self._pause()
        self._listener.close()

    async def _finish(self) -> None:
        """Until everybody has had the answer."""
        until = self._loop.time() + self._graceful
        while self._gate.open or self._arriving:
            if self._loop.time() > until:
                break
            for connection in list(self._gate.open):
                connection.drain()
            await asyncio.sleep(0.02)
        for task in list(self._state.tasks):
            task.cancel()
        for connection in list(self._gate.open):
            connection.transport.abort()  # type: ignore[attr-defined]  # only PrivetProtocols come here
        await asyncio.sleep(0)
