"""What every route needs at hand: the open vault, who asks, threads for what waits for the disk, the log of refusals.

Refuses, as Unavailable, work beyond what its threads and their queue hold: a slow disk makes callers wait, not memory
grow. They take turns (http.turns).
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from privet.bootstrap.asking import ServiceRequests
from privet.bootstrap.consenting import ServiceConsents
from privet.bootstrap.lettering import LetterLimits
from privet.bootstrap.parts import Parts
from privet.domain.request import ReadRequest
from privet.http.callers import Authenticator, Caller
from privet.http.observing import DEAF, Observer
from privet.http.problems import Scope, request_id_of
from privet.http.refusals import Refusals
from privet.http.turns import Turns
from privet.http.unrouted import Unrouted
from privet.identify.current import on_behalf
from privet.release.stages import ReleasedRead

T = TypeVar("T")

ASKING: Final[ContextVar[Caller | None]] = ContextVar("asking", default=None)
"""Who asks, within the task of a request; set by the guard."""

QUICK_THREADS: Final = 4
SLOW_THREADS: Final = 2
_MOST_PEER: Final = 200


class Reader(Protocol):
    """The lane, as far as single reads need it (http.lane.Lane)."""

    async def read(self, request: ReadRequest, caller: object) -> ReleasedRead: ...


class Courier(Protocol):
    """Sends a customer the code that proves a corrected address."""

    def can_reach(self, field: str) -> bool:
        """Whether a code can be sent to values of this look-up field."""

    def send_code(self, field: str, address: str, code: str) -> None:
        """To the *new* address. Returns at once."""


class Desk:
    """One a process."""

    def __init__(
        self,
        parts: Parts,
        *,
        authenticator: Authenticator,
        lane: Reader,
        courier: Courier | None = None,
        observer: Observer = DEAF,
    ) -> None:
        self.parts = parts
        self.authenticator = authenticator
        self.lane = lane
        self.courier = courier
        self.observer = observer
        self._quick = Turns(QUICK_THREADS, "privet-api")
        self._slow = Turns(SLOW_THREADS, "privet-api-slow")
        self.letters = LetterLimits(parts)
        self.refusals = Refusals(parts, self._quick.executor)
        self.unrouted = Unrouted(authenticator, self.refusals)
        self._requests: dict[str, ServiceRequests] = {}
        self._consents: dict[str, ServiceConsents] = {}

    async def run(self, work: Callable[..., T], /, *args: Any, **named: Any) -> T:
        """One act that waits for the database, in a thread. It goes on only while the caller's credential stands."""
        return await self._quick.run(_who(), self._on_behalf(partial(work, *args, **named)))

    async def run_slowly(self, work: Callable[..., T], /, *args: Any, **named: Any) -> T:
        """What may take seconds: searches, proofs, exports. They do not keep writes waiting."""
        return await self._slow.run(_who(), self._on_behalf(partial(work, *args, **named)))

    def _on_behalf(self, work: Callable[[], T]) -> Callable[[], T]:
        """The work, held in each of its units against the state that the unit loads: revocation is exact for writes."""
        caller = ASKING.get()
        if caller is None:
            return work

        def held() -> T:
            with on_behalf(partial(self.authenticator.still_valid, caller)):
                return work()

        return held

    def requests(self, service: str) -> ServiceRequests:
        found = self._requests.get(service)
        if found is None:
            found = self._requests[service] = ServiceRequests(self.parts, service)
        return found

    def consents(self, service: str) -> ServiceConsents:
        found = self._consents.get(service)
        if found is None:
            found = self._consents[service] = ServiceConsents(self.parts, self.requests(service))
        return found

    async def authenticate(self, scope: Scope) -> Caller:
        """Who asks. Raises Unauthenticated, RateLimited, Unavailable."""
        authorization = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                # A second one is shown to nobody: which of them counts would depend on who looks.
                authorization = value if authorization is None else b""
        return await self.authenticator.authenticate(
            authorization, self.authenticator.certificate(scope), address=self.authenticator.address(scope)
        )

    async def close(self) -> None:
        """Finishes what is under way."""
        await self.refusals.flush()
        for pool in (self._quick, self._slow):
            await asyncio.to_thread(pool.executor.shutdown)


def _who() -> str:
    """Whose turn it is: a service or officer by name, a customer by her credential."""
    caller = ASKING.get()
    return "" if caller is None else f"{caller.kind}:{caller.name or caller.credential}"


def peer_of(scope: Scope, caller: Caller) -> str:
    """What the log's private part names of the caller: request id and credential."""
    return f"{request_id_of(scope)} {caller.credential}"[:_MOST_PEER]
