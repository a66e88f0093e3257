"""Requests that begin with the very bytes of the last one: a client that stays sends the same head again.

Equal heads parse equally, so the second is not parsed: only its body is looked at, by whoever took the first one
(privet.http.hot), and its credential is held against the vault's state as ever. A head is remembered for a second.
Refuses to guess: whatever is not exactly one whole request with that head, or comes while anything else is under way,
goes through the parser.
"""

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from privet.serving.cycle import Cycle
from privet.serving.ending import IDLE
from privet.serving.protocol import PrivetProtocol

REMEMBERED_S: Final = 1.0
_END: Final = b"\r\n\r\n"
Again = Callable[[Cycle, bytes], bool]
"""Takes the body of a request whose head was seen before, and answers it by `Cycle.answer`; False: parse it."""


class _Head(NamedTuple):
    bytes: bytes
    size: int
    """Of the whole request."""
    until: float
    again: Again


class _Waited:
    """In place of an asyncio.Event that nobody waits for."""

    def set(self) -> None:
        pass


_WAITED: Final = _Waited()


class RepeatedCycle(Cycle):
    """A request that was not parsed. It has what answering and ending a connection need, and no scope of its own."""

    def __init__(self, protocol: PrivetProtocol, held: int) -> None:
        self.scope = {"type": "http", "method": "POST", "headers": ()}  # type: ignore[typeddict-item]
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.message_event = _WAITED  # type: ignore[assignment]  # no task waits for more of this request
        self.disconnected = self.response_started = self.response_complete = False
        self.keep_alive = True
        self.held = held


class RepeatingProtocol(PrivetProtocol):
    """PrivetProtocol with a memory of one head."""

    _seen: _Head | None = None

    def data_received(self, data: bytes) -> None:
        seen = self._seen
        if (
            seen is not None
            and len(data) == seen.size
            and self._phase == IDLE
            and self._running is None
            and data.startswith(seen.bytes)
            and self._repeat(seen, data)
        ):
            return
        fresh = self._phase == IDLE and self._running is None
        super().data_received(data)
        if fresh and self._running is not None and self._running.again is not None:
            self._remember(data, self._running.again)

    def _repeat(self, seen: _Head, data: bytes) -> bool:
        gate = self._gate
        held = seen.size - len(seen.bytes)
        if self.loop.time() > seen.until or gate.draining or gate.room < held or self.transport.is_closing():
            self._seen = None
            return False
        cycle = RepeatedCycle(self, held)
        if not seen.again(cycle, data[len(seen.bytes) :]):
            return False
        gate.room -= held
        self._deadline = inf
        self.cycle = self._running = cycle
        return True

    def _remember(self, data: bytes, again: Again) -> None:
        """If that was one whole request, in one piece, of the plainest form."""
        end = data.find(_END) + len(_END)
        head = self._head
        whole = end >= len(_END) and end + head.announced == len(data)
        if whole and self._phase == IDLE and self._keep_alive and not head.encodings and not head.continues:
            self._seen = _Head(data[:end], len(data), self.loop.time() + REMEMBERED_S, again)
