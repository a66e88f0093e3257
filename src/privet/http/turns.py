"""Threads whose callers take turns: whoever asks a thousand times at once waits for himself, and nobody waits for him.

Refuses, as Unavailable, work beyond what the queue holds, and beyond one caller's half of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from privet.errors import Unavailable

T = TypeVar("T")

MOST_WAITING: Final = 500
"""Calls that wait for a thread."""
MOST_OF_ONE: Final = MOST_WAITING // 2
"""Of them, one caller's."""
AT_HAND: Final = 4
"""Calls given to the pool for each thread: the next one begins though the event loop is busy."""


class Turns:
    """A pool of threads, on one event loop."""

    def __init__(self, threads: int, name: str) -> None:
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads * AT_HAND
        self._waiting = 0
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        """By caller, in the order of their turns."""

    async def run(self, caller: str, work: Callable[[], T]) -> T:
        """The work, in a thread, when it is the caller's turn. Raises Unavailable."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(caller)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        finally:
            self._next()

    async def _wait(self, caller: str) -> None:
        if self._waiting >= MOST_WAITING or len(self._queues.get(caller, ())) >= MOST_OF_ONE:
            raise Unavailable("more requests are waiting than the service takes; try again in a moment")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had come
                self._next()
            raise

    def _next(self) -> None:
        """Hands a thread that is free to the first of the next caller."""
        while self._queues:
            caller = next(iter(self._queues))
            queue = self._queues.pop(caller)
            turn = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues[caller] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
