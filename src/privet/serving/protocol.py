"""HTTP/1.1 on one connection: uvicorn's answering side, our own asking side.

A request is handed to the application when all of it is there, so a slow client costs a buffer and never a task. What
uvicorn leaves out is done here: limits on heads, bodies, chunks and pipelines, a deadline for each phase, the client's
TLS certificate in the scope, refusals in their turn, and a close that lets them be read.
Refuses whatever two readers could understand in two ways (RFC 9112, 3.2, 6.1, 6.3 and 11.2).
"""

import asyncio
import re
from math import inf
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from privet.http.problems import EdgeError, answer_of
from privet.serving.cycle import Cycle, Direct
from privet.serving.limits import (
    GREETING_S,
    LINGER_S,
    MOST_HEAD,
    MOST_HEADERS,
    MOST_PIPELINED,
    MOST_TARGET,
    UNFINISHED_S,
    UNREAD_S,
    Gate,
)
from privet.serving.peer import extensions_of, speaks

IDLE: Final = 0
"""Between requests, or before the first."""
HEAD: Final = 1
BODY: Final = 2
DEAF: Final = 3
"""Nothing more is read; what was asked before is answered."""
LINGER: Final = 4
"""All is answered; the client is given time to read it."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_HOST = re.compile(rb"[A-Za-z0-9._~:\[\]-]{0,300}")
_WATCHED: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))


class PrivetProtocol(HttpToolsProtocol):
    """One connection. The gate is shared by all of the process."""

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
        super().__init__(config, server_state, app_state, _loop)
        self.parser = httptools.HttpRequestParser(self)  # strict, unlike uvicorn's
        self._gate = gate
        self._direct = direct
        self._limits = gate.limits
        self._phase = IDLE
        self._deadline = self.loop.time() + self._limits.header_s
        self._unread = inf
        self._closing = inf
        self._ended = False
        self._begun = False
        self._came = inf
        self._paused = 0.0
        self._since = 0.0
        self._asking = 0.0
        self._running: Cycle | None = None
        self._final: EdgeError | None = None
        self._extensions: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._raw = 0
        self._head = 0
        self._hosts: list[bytes] = []
        self._body = bytearray()
        self._length = 0
        self._announced = 0
        self._encodings: list[bytes] = []
        self._continue = False

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

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client that has said all may still read the answers under way (not over TLS: asyncio closes there)."""
        self._ended = True
        self._phase = max(self._phase, DEAF)
        return self._running is not None and self.scheme == "http"

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.time() + UNREAD_S

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = inf

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
        self._head += len(url)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase != HEAD:
            return  # trailers are no headers
        self._head += len(name) + len(value)
        name = name.lower()
        if name in _WATCHED:
            self._watch(name, value)
        self.headers.append((name, value))

    def _watch(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts.append(value)
        elif name == b"content-length":
            self._announced = int(value)
        elif name == b"transfer-encoding":
            self._encodings.append(value.strip().lower())
        elif value.lower() == b"100-continue":
            self._continue = True

    def on_headers_complete(self) -> None:
        if self._phase >= DEAF:
            return
        if len(self.url) > MOST_TARGET:
            self._refuse("uri_too_long", f"an address has at most {MOST_TARGET} bytes")
        elif self._has_large_head():
            self._refuse_head()
        elif self._announced > self._limits.body:
            self._refuse_body()
        elif not self._understood():
            self._refuse("bad_request", "the head of this request can be understood in more than one way")
        if self._phase >= DEAF:
            return
        self._keep_alive = (
            self.scope["http_version"] == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and not self._gate.draining
        )
        self._phase = BODY
        if self._announced or self._encodings:
            self._deadline = self.loop.time() + self._limits.body_s
            if self._continue and self._running is None:
                self._send_continue()

    def _has_large_head(self) -> bool:
        return self._begun and (self._head > MOST_HEAD or len(self.headers) > MOST_HEADERS)

    def _understood(self) -> bool:
        """Fills in the scope. False for what only some servers would take, and each in its own way."""
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0") or len(self._hosts) > 1 or (version == "1.1" and not self._hosts):
            return False
        if self._encodings and (self._encodings != [b"chunked"] or version != "1.1"):
            return False
        if self._hosts and not _HOST.fullmatch(self._hosts[0]):
            return False
        scope, target = self.scope, self.url
        method = self.parser.get_method()
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        if target[:1] != b"/":
            parsed = httptools.parse_url(target) if target[:4].lower() == b"http" else None
            if parsed is None or method == b"CONNECT" or not parsed.host:
                return False
            authority = parsed.host + (b":%d" % parsed.port if parsed.port else b"")
            if not self._hosts or authority.lower() != self._hosts[0].lower() or parsed.userinfo:
                return False
            path, query, fragment = parsed.path or b"/", parsed.query or b"", parsed.fragment
        else:
            target, hashed, fragment = target.partition(b"#")
            fragment = hashed or fragment
            path, _, query = target.partition(b"?")
        if fragment or not target.isascii():
            return False
        text = path.decode("ascii")
        scope["path"] = unquote(text) if "%" in text else text
        scope["raw_path"] = path
        scope["query_string"] = query
        return True

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
            keep_alive=self._keep_alive,
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
            self._refuse("rate_limited", "more requests wait on this connection than it can hold")

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
        if self._final is not None:
            self._answer(self._final)
        elif self._ended or self._phase >= DEAF:
            self.transport.close()
        elif self._phase == IDLE:
            self._since = self.loop.time()
            self._deadline = self.loop.time() + self._limits.keep_alive_s
        elif self._phase == BODY and self._continue:
            self._send_continue()

    # Refusing and ending.

    def _send_continue(self) -> None:
        self._continue = False
        self.transport.write(_CONTINUE)

    def _refuse_head(self) -> None:
        self._refuse(
            "headers_too_large", f"a head has at most {MOST_HEAD} bytes and {MOST_HEADERS} header lines"
        )

    def _refuse_body(self) -> None:
        self._refuse("body_too_large", f"a body has at most {self._limits.body} bytes")

    def _refuse(self, code: str, detail: str) -> None:
        """The last answer on this connection, in its turn. What is still on its way here is not read."""
        if self._phase >= DEAF:
            return
        self._phase = DEAF
        self._deadline = inf
        self._gate.room += self._length
        self._length, self._body = 0, bytearray()
        self._gate.on_refused(code)
        error = EdgeError(code, detail)
        if self._running is None:
            self._answer(error)
        else:
            self._final = error

    def _answer(self, error: EdgeError) -> None:
        if not self._begun:
            HttpToolsProtocol.on_message_begin(self)  # not even a first byte that begins a request
        status, headers, body = answer_of(self.scope, error)  # type: ignore[arg-type]
        lines = [STATUS_LINE[status], b"connection: close\r\n"]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n", body)
        self.transport.write(b"".join(lines))
        self._phase = LINGER
        self._deadline = self.loop.time() + LINGER_S
        if self._ended:
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    def say_last(self) -> None:
        """The next answer tells the client that this connection ends."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def drain(self) -> None:
        """Closes where nothing is under way. Who has just come may still ask; a request in the kernel was asked."""
        if self._running is not None:
            self.say_last()
        elif self._phase == IDLE and not self._has_just_come() and not speaks(self.transport):
            self.transport.close()

    shutdown = drain

    def idle_since(self) -> float:
        """When it fell silent, by the loop's clock; infinity while a request is under way.

        Who leaves a request unfinished, or an answer unread, counts as silent a little later.
        """
        if self._running is not None or self.transport.is_closing() or self._phase == DEAF:
            return inf
        if self._phase == LINGER:
            return self._deadline - LINGER_S
        return self._since if self._phase == IDLE else self._asking + UNFINISHED_S

    def make_way(self) -> None:
        """Closes for one who waits, though half a request may have come."""
        if self._phase == IDLE:
            self.drain()
        else:
            self._phase = DEAF
            self.transport.close()

    def _has_just_come(self) -> bool:
        return not self._begun and self.loop.time() < self._came + GREETING_S

    def check(self, now: float) -> None:
        """Ends what has had its time; called once or twice a second."""
        if self.transport.is_closing():
            self._closing = min(self._closing, now + LINGER_S)
            if now >= self._closing:
                self.transport.abort()  # closed by us, never read by them
        elif now >= self._unread:
            self.transport.abort()
        elif now >= self._deadline and not self.flow.read_paused:
            if self._phase == BODY or (self._phase == HEAD and self._raw):
                self._refuse("request_timeout", "the request did not come in time")
            elif self._running is None:
                self.transport.close()
