"""HTTP/1.1 on one connection: uvicorn's answering side, our own asking side.

A request is handed to the application when all of it is there, so a slow client costs a buffer and never a task. What
uvicorn leaves out is done here: limits on heads, bodies, chunks and pipelines, the client's TLS certificate in the
scope; and in `head` (what a head means) and `ending` (deadlines, refusals, a close that lets them be read).
Refuses what is larger or comes in more pieces than the limits allow.
"""

import asyncio
from math import inf
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from privet.serving.cycle import Cycle, Direct
from privet.serving.ending import BODY, DEAF, HEAD, IDLE, EndingProtocol
from privet.serving.head import Head
from privet.serving.limits import MOST_HEAD, MOST_HEADERS, MOST_PIPELINED, MOST_TARGET, Gate
from privet.serving.peer import extensions_of

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class PrivetProtocol(EndingProtocol):
    """One connection. `direct` sees each request before the application does."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        gate: Gate,
        direct: Direct | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, gate=gate)
        self._direct = direct
        self._extensions: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._raw = 0
        self._head = Head()
        self._body = bytearray()
        self._length = 0

    # What the transport says.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._extensions = extensions_of(transport)
        self._gate.came(self)
        self._came = self._since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for cycle, _ in self.pipeline:
            self._gate.room += cycle.held if isinstance(cycle, Cycle) else 0
        self.pipeline.clear()
        self._gate.room += self._length + (self._running.held if self._running is not None else 0)
        self._length, self._running = 0, None
        self._phase = DEAF
        self._gate.went(self)

    def data_received(self, data: bytes) -> None:
        if self._phase >= DEAF:
            return
        if self._phase == IDLE:
            self._come_to_head()
        self._raw += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._phase = max(self._phase, DEAF)  # what follows would be another protocol
        except httptools.HttpParserError:
            self._refuse("bad_request", "this is not a request in HTTP/1.1")
        if self._phase == HEAD and (self._raw > 2 * MOST_HEAD or self._has_large_head()):
            self._refuse_head()
        elif self._phase == BODY and self._raw > self._limits.raw_body:
            self._refuse_body()

    # What the parser says.

    def on_message_begin(self) -> None:
        if self._phase >= DEAF:
            return
        super().on_message_begin()
        self._begun = True
        self.scope["extensions"] = self._extensions
        if self._phase == IDLE:  # another request in the same bytes
            self._come_to_head()
        self._begin()

    def _come_to_head(self) -> None:
        self._phase = HEAD
        self._asking = self.loop.time()
        self._deadline = self._asking + self._limits.header_s

    def on_url(self, url: bytes) -> None:
        self._head.size += len(url)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase != HEAD:
            return  # trailers are no headers
        name = name.lower()
        self._head.add(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._phase >= DEAF:
            return
        if len(self.url) > MOST_TARGET:
            self._refuse("uri_too_long", f"an address has at most {MOST_TARGET} bytes", whole=True)
        elif self._has_large_head():
            self._refuse_head(whole=True)
        elif not self._head.fill(self.scope, self.parser, self.url):
            told = "the head of this request can be understood in more than one way"
            self._refuse("bad_request", told, whole=True)
        elif self._head.announced > self._limits.body:
            self._refuse_body(whole=True)
        if self._phase >= DEAF:
            return
        self._keep_alive = (
            self.scope["http_version"] == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )
        self._phase = BODY
        if self._head.announced or self._head.encodings:
            self._deadline = self.loop.time() + self._limits.body_s
            if self._head.continues and self._running is None:
                self._send_continue()

    def _has_large_head(self) -> bool:
        return self._begun and self._head.is_large(len(self.headers))

    def on_body(self, body: bytes) -> None:
        if self._phase != BODY:
            return
        size = len(body)
        if self._length + size > self._limits.body:
            self._refuse_body()
        elif self._gate.room < size:
            self._refuse("unavailable", "the service holds as much as it can; try again")
        else:
            self._gate.room -= size
            self._length += size
            self._body += body  # not a list of pieces: they may be of one byte each

    def on_message_complete(self) -> None:
        if self._phase != BODY:
            return
        self._phase = IDLE
        self._deadline = inf
        cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self._keep_alive and not self._gate.draining,
            on_response=self.on_response_complete,
        )
        if self._length:
            cycle.body, cycle.held, self._length = self._body, self._length, 0
        cycle.more_body = False
        cycle.message_event.set()
        self.cycle = cycle
        if self._running is None:
            self._run(cycle)
        elif len(self.pipeline) < MOST_PIPELINED:
            self.pipeline.appendleft((cycle, self.app))
            if not self.flow.read_paused:
                self._paused = self.loop.time()
                self.flow.pause_reading()
        else:
            self._gate.room += cycle.held
            self._refuse("rate_limited", "more requests wait on this connection than it can hold", whole=True)

    def _run(self, cycle: Cycle, app: Any = None) -> None:
        self._running = cycle
        try:
            # An escaped address is for the edge to refuse: what it decodes to looks plain.
            if self._direct is not None and b"%" not in cycle.scope["raw_path"] and self._direct(cycle):
                return
        except Exception:  # noqa: BLE001, S110  the application meets it again, and the edge answers
            pass
        self._start_asgi_task(cycle, app or self.app)

    def on_response_complete(self) -> None:
        """One is answered: what comes next."""
        self.server_state.total_requests += 1
        if self._running is not None:
            self._gate.room += self._running.held
            self._running = None
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._run(cycle, app)  # type: ignore[arg-type]  # only Cycles are put in
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
            paused = self.loop.time() - self._paused  # it could not go on meanwhile
            self._deadline += paused
            self._asking += paused
        if self._noting is not None:
            return  # it answers
        if self._final is not None:
            self._answer(self._final)
        elif self._ended or self._phase >= DEAF:
            self.transport.close()
        elif self._phase == IDLE:
            self._since = self.loop.time()
            self._deadline = self.loop.time() + self._limits.keep_alive_s
        elif self._phase == BODY and self._head.continues:
            self._send_continue()

    # What is said without the application.

    def _send_continue(self) -> None:
        self._head.continues = False
        self.transport.write(_CONTINUE)

    def _refuse_head(self, *, whole: bool = False) -> None:
        told = f"a head has at most {MOST_HEAD} bytes and {MOST_HEADERS} header lines"
        self._refuse("headers_too_large", told, whole=whole)

    def _refuse_body(self, *, whole: bool = False) -> None:
        self._refuse("body_too_large", f"a body has at most {self._limits.body} bytes", whole=whole)
