"""One request and its answer, on uvicorn's answering side, with a way to answer that needs no task.

Refuses to write to a client that has gone, or twice.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    held = 0
    """Bytes of its body, as the gate counts them."""
    again: Any = None
    """Set by whoever took it directly: takes later requests with the same head (privet.serving.repeating)."""

    def answer(self, head: bytes, body: bytes) -> None:
        """All of the answer in one write. `head`: status line and headers, Content-Length among them."""
        if self.disconnected or self.response_started:
            return
        if self.flow.write_paused:  # the client does not read: wait as every answer does
            task = asyncio.get_running_loop().create_task(self._answer_later(head, body))
            _later.add(task)
            task.add_done_callback(_later.discard)
            return
        self.response_started = self.response_complete = True
        parts = [head]
        for name, value in self.default_headers:
            parts += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", body)
        self.transport.write(b"".join(parts))
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    async def _answer_later(self, head: bytes, body: bytes) -> None:
        await self.flow.drain()
        self.answer(head, body)


_later: set[asyncio.Task[None]] = set()
Direct = Callable[[Cycle], bool]
"""Takes a whole request and answers it by `Cycle.answer`, now or later; False leaves it to the application."""
