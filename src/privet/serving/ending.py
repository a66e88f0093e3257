"""How a connection ends: a refusal in its turn, a deadline for each phase, a close that lets the client read why.

Refuses to cut off what is under way: who drains waits for the answer.
"""

import asyncio
from collections.abc import Coroutine
from math import inf
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from privet.errors import PrivetError
from privet.http.problems import EdgeError, answer_of
from privet.serving.cycle import Cycle
from privet.serving.limits import GREETING_S, LINGER_S, UNFINISHED_S, UNREAD_S, Gate
from privet.serving.peer import speaks

IDLE: Final = 0
"""Between requests, or before the first."""
HEAD: Final = 1
BODY: Final = 2
DEAF: Final = 3
"""Nothing more is read; what was asked before is answered."""
LINGER: Final = 4
"""All is answered; the client is given time to read it."""


class EndingProtocol(HttpToolsProtocol):
    """One connection, as the gate sees it (privet.serving.limits). The gate is shared by all of the process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        gate: Gate,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.parser = httptools.HttpRequestParser(self)  # strict, unlike uvicorn's
        self._gate = gate
        self._limits = gate.limits
        self._phase = IDLE
        self._deadline = self.loop.time() + self._limits.header_s
        self._unread = inf
        self._closing = inf
        self._ended = False
        """The client has said all that it will."""
        self._begun = False
        self._came = inf
        self._paused = 0.0
        self._since = 0.0
        self._asking = 0.0
        self._raw = 0
        """Bytes of this request on the wire…"""
        self._body = bytearray()
        self._length = 0
        """…and of its body, which the gate counts."""
        self._running: Cycle | None = None
        self._final: BaseException | None = None
        self._noting: asyncio.Task[None] | None = None
        """Writes the leaf of what is refused; the answer waits for it."""

    # What the transport says.

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client that has said all may still read the answers under way (not over TLS: asyncio closes there)."""
        self._ended = True
        self._phase = max(self._phase, DEAF)
        return (self._running is not None or self._noting is not None) and self.scheme == "http"

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.time() + UNREAD_S

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = inf

    # What is refused.

    def _refuse(self, code: str, detail: str, *, whole: bool = False) -> None:
        """The last answer on this connection, in its turn. What is still on its way here is not read.

        `whole`: the head is all there, so that it may say who asked: that is logged first.
        """
        if self._phase >= DEAF:
            return
        whole = whole or self._phase == BODY
        self._phase = DEAF
        self._deadline = inf
        self._gate.room += self._length
        self._length, self._body = 0, bytearray()
        self._gate.on_refused(code)
        error = EdgeError(code, detail)
        noting = self._gate.note(self.scope, error) if whole else None  # type: ignore[arg-type]  # uvicorn's own dict
        if noting is not None:
            self._noting = self.loop.create_task(self._log(noting, error))
            self._noting.add_done_callback(self._logged)
            self.server_state.tasks.add(self._noting)
        elif self._running is None:
            self._answer(error)
        else:
            self._final = error

    async def _log(self, noting: Coroutine[Any, Any, None], error: EdgeError) -> None:
        try:
            await noting
        except PrivetError as unlogged:
            self._final = unlogged
        else:
            self._final = error

    def _logged(self, noting: "asyncio.Task[None]") -> None:
        self.server_state.tasks.discard(noting)
        self._noting = None
        if noting.cancelled() or noting.exception() is not None:
            self.transport.abort()
        elif self._running is None and self._final is not None and not self.transport.is_closing():
            self._answer(self._final)

    def _answer(self, error: BaseException) -> None:
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

    # What the gate asks.

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
            if self._phase in (HEAD, BODY):
                self._refuse("request_timeout", "the request did not come in time")
            elif self._running is None:
                self.transport.close()
