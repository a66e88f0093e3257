"""What waits in the lane and what runs together: single reads, bulk calls, batches of both.

Refuses nothing. All of it belongs to one event loop, but `admit`, which a batch's own thread may ask.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from time import perf_counter
from typing import Any

from privet.domain.ports import VaultState
from privet.domain.request import ReadRequest
from privet.release.stages import ReleasedRead

Outcome = Sequence[ReleasedRead | None] | BaseException
Done = Callable[[ReleasedRead | BaseException], None]
StillValid = Callable[[Any, VaultState], bool]
"""Whether a caller (of whatever type) may still ask, by the vault as this batch loaded it."""


class Single:
    """One read, and who is told of its answer."""

    __slots__ = ("caller", "done", "gone", "request")

    def __init__(
        self, request: ReadRequest, caller: object, done: Done, gone: Callable[[], bool] | None
    ) -> None:
        self.request = request
        self.caller = caller
        self.done = done
        self.gone = gone

    def answer(self, _start: int, released: Sequence[ReleasedRead | None]) -> None:
        """None: still to come."""
        if released[0] is not None:
            self.done(released[0])

    def fail(self, error: BaseException) -> None:
        self.done(error)


class Many:
    """One bulk call: its reads, how many were taken into batches, and the answers so far, by place."""

    __slots__ = ("answers", "caller", "future", "missing", "requests", "taken")

    def __init__(self, requests: Sequence[ReadRequest], caller: object, future: asyncio.Future[Any]) -> None:
        self.requests = requests
        self.caller = caller
        self.future = future
        self.taken = 0
        self.missing = len(requests)
        self.answers: list[ReleasedRead | None] = [None] * len(requests)

    def answer(self, start: int, released: Sequence[ReleasedRead | None]) -> None:
        """Takes in the answers from place `start` on; None is one that is still to come."""
        for at, one in enumerate(released, start):
            if one is not None:
                self.answers[at] = one
                self.missing -= 1
        if not self.missing and not self.future.done():  # the caller may have gone, or another read failed
            self.future.set_result(self.answers)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Batch:
    """What runs together. `slices` says which ask, and which of its places, each run of `requests` belongs to."""

    __slots__ = ("_still_valid", "requests", "slices", "started")

    def __init__(self, still_valid: StillValid) -> None:
        self._still_valid = still_valid
        self.requests: list[ReadRequest] = []
        self.slices: list[tuple[Single | Many, int, int]] = []
        self.started = perf_counter()

    def admit(self, state: VaultState) -> Collection[int]:
        """The places of reads whose caller's credential no longer holds."""
        holds: dict[int, bool] = {}
        refused: set[int] = set()
        at = 0
        for ask, _, many in self.slices:
            key = id(ask.caller)
            valid = holds.get(key)
            if valid is None:
                valid = holds[key] = self._still_valid(ask.caller, state)
            if not valid:
                refused.update(range(at, at + many))
            at += many
        return refused

    def only(self, places: Collection[int]) -> "Batch":
        """A batch of some of these reads, in their order."""
        part = Batch(self._still_valid)
        at = 0
        for ask, start, many in self.slices:
            for place in range(start, start + many):
                if at in places:
                    part.requests.append(self.requests[at])
                    part.slices.append((ask, place, 1))
                at += 1
        return part

    def answer(self, released: Sequence[ReleasedRead | None]) -> None:
        """Hands the answers to those who wait for them."""
        at = 0
        for ask, start, many in self.slices:
            ask.answer(start, released[at : at + many])
            at += many

    def fail(self, error: BaseException) -> None:
        """Tells all of them."""
        for ask, _, _ in self.slices:
            ask.fail(error)
