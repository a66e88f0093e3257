"""A leaf for each request of a known caller that was refused before policy was asked.

Bounded: a caller has so many single entries a second; what it is refused beyond them is counted by its code, and one
entry tells the counts when the second has passed. So a hostile service cannot fill the log, and cannot hide in it
either. Entries that wait while others commit go together. Refuses to let lengths talk: the private part has one size
whatever it says.
What callers chose (paths, bodies, names) is in no entry: the route is its template.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from time import monotonic
from typing import Any, Final, Literal, NamedTuple, Protocol

from privet.audit.leaf import Act, Decision
from privet.bootstrap.parts import Parts
from privet.domain.ports import EntryRow

A_SECOND: Final = 5
"""Entries of its own that a caller gets in a second."""
MOST_CALLERS: Final = 10_000
"""Callers counted apart in one second."""
_ROOM: Final = 1_024
"""Holds a count of every code at once."""
_COUNTED: Final = {"route": "", "status": 0, "code": "counted"}


class Asker(Protocol):
    """What of a caller the log names (http.callers.Caller)."""

    @property
    def kind(self) -> Literal["service", "officer", "customer"]: ...
    @property
    def name(self) -> str: ...
    @property
    def credential(self) -> str: ...


class _Count:
    __slots__ = ("asker", "dropped", "logged")

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.logged = 0
        self.dropped: Counter[str] = Counter()
        """By code."""


class _Waiting(NamedTuple):
    entry: EntryRow
    durable: asyncio.Future[None]


class Refusals:
    """Writes them. One a process, on its event loop; the commits are in `pool`."""

    def __init__(
        self,
        parts: Parts,
        pool: Executor,
        *,
        a_second: int = A_SECOND,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._parts = parts
        self._pool = pool
        self._a_second = a_second
        self._clock = clock
        self._second = clock()
        self._counts: dict[tuple[str, str], _Count] = {}
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def note(self, asker: Asker, *, route: str, status: int, code: str, request_id: str) -> None:
        """The entry is durable when this returns, or counted. Raises Unavailable when the log cannot be written."""
        self._turn()
        count = self._count(asker)
        if count.logged >= self._a_second:
            count.dropped[code] += 1
            return
        count.logged += 1
        told = {"route": route, "status": status, "code": code, "request": request_id}
        await self._write(self._entry(asker, told))

    async def flush(self) -> None:
        """Writes what is only counted so far, and waits for what is on its way: before the process ends."""
        entries = self._told()
        if entries:
            await asyncio.gather(*(self._write(entry) for entry in entries))
        while self._writing is not None:
            await asyncio.shield(self._writing)

    def _turn(self) -> None:
        """A new second: the counts of the last one are told, beside this request."""
        now = self._clock()
        if now - self._second < 1.0:
            return
        for entry in self._told():
            self._enqueue(entry).add_done_callback(_look)
        self._second = now

    def _told(self) -> list[EntryRow]:
        counts, self._counts = self._counts, {}
        return [
            self._entry(
                count.asker, {**_COUNTED, "more": count.dropped.total(), "codes": dict(count.dropped)}
            )
            for count in counts.values()
            if count.dropped
        ]

    def _count(self, asker: Asker) -> _Count:
        key = (asker.kind, asker.name or asker.credential)
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= MOST_CALLERS:
                key = (asker.kind, "")
            found = self._counts.setdefault(key, _Count(asker))
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(1.05, self._tick)
        return found

    def _tick(self) -> None:
        """So that a count is told though its caller has gone quiet."""
        self._timer = None
        self._turn()
        if self._counts:
            self._timer = asyncio.get_running_loop().call_later(1.05, self._tick)

    def _entry(self, asker: Asker, told: dict[str, Any]) -> EntryRow:
        is_service = asker.kind == "service"
        actor = asker.kind if asker.kind == "customer" else f"{asker.kind}:{asker.name}"
        return self._parts.scribe.act(
            Act.REQUEST,
            Decision.REFUSE,
            {"actor": actor, "credential": asker.credential, "nobody": True, **told},
            service=asker.name if is_service else None,
            size=_ROOM + len(asker.name),
        )

    async def _write(self, entry: EntryRow) -> None:
        await self._enqueue(entry)

    def _enqueue(self, entry: EntryRow) -> "asyncio.Future[None]":
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entry, durable))
        if self._writing is None:
            self._writing = asyncio.create_task(self._drain())
        return durable

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await loop.run_in_executor(self._pool, self._commit, [one.entry for one in batch])
                except Exception as error:  # noqa: BLE001  told to those who wait
                    for one in batch:
                        if not one.durable.done():
                            one.durable.set_exception(error)
                else:
                    for one in batch:
                        if not one.durable.done():
                            one.durable.set_result(None)
        finally:
            self._writing = None

    def _commit(self, entries: list[EntryRow]) -> None:
        with self._parts.store.write() as unit:
            unit.append(entries)
        self._parts.checkpointer.tick()


def _look(durable: "asyncio.Future[None]") -> None:
    """A count that could not be written is not told to anybody: nobody waits for it."""
    if not durable.cancelled():
        durable.exception()
