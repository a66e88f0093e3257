"""The faces of one interface: a session in process, a client of a fake, a client of a real server, and awaited ones."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from privet.bootstrap.service import ServiceSession
from privet.sdk.async_client import AsyncClient
from tests.invariants.world import World

Make = Callable[..., Any]
"""make(url, …): a client, asked from plain code."""


@dataclass(kw_only=True)
class FacedWorld(World):
    """A world whose services are asked by one of the faces."""

    face: Callable[[str], Any]
    kind: str

    def service(self, name: str) -> ServiceSession:
        """Typed as the session in process: they are one interface."""
        session: ServiceSession = self.face(name)
        return session

    def log(self) -> list[Any]:
        """Without the entries by which the service over HTTP notes a request that it refused before any policy."""
        return [row for row in super().log() if b'"act":"request"' not in row.leaf]


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Awaiting:
    """An AsyncClient, asked from plain code: each call is awaited in the loop's thread."""

    def __init__(self, client: AsyncClient, loop: Loop) -> None:
        self._client, self._loop = client, loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            given = method(*arguments, **options)
            if inspect.isawaitable(given):
                return self._loop.run(_awaited(given))
            return self._walk(given) if hasattr(given, "__anext__") else given

        return call

    def _walk(self, answers: Any) -> Iterator[Any]:
        while True:
            try:
                yield self._loop.run(answers.__anext__())
            except StopAsyncIteration:
                return


async def _awaited(given: Any) -> Any:
    return await given
