"""The lane: reads that arrive while a batch commits are the next batch. No timer, and no delay when idle.

On SQLite all of a batch but its commit runs on the event loop, if the pen is free, and the commit, which waits for the
disk, in a thread; on PostgreSQL all of it runs in threads, two batches at a time if they mostly wait. Reads that a
policy engine elsewhere must be asked about leave their batch and wait apart. So neither a slow disk, a locked database
nor a slow engine makes the process deaf, or holds up those who do not need it.
A long list of reads is cut into slices that share each batch with what else waits, so one bulk caller does not set
everybody's latency. Refuses, as Overloaded, what would make the queue longer than its bound, and callers whose
credential no longer holds when their batch is loaded. Checkpoints are signed beside it (privet.serving.background).
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import perf_counter, thread_time
from typing import Literal

from privet.bootstrap.parts import Parts
from privet.decide.answer import ENGINE_FAILURES
from privet.decide.verdict import Undecided
from privet.domain.request import ReadRequest
from privet.errors import PrivetError, Unavailable
from privet.http.lane_batch import Batch, Done, Many, Outcome, Single, StillValid
from privet.http.lane_threads import start_threads
from privet.http.observing import DEAF, Observer
from privet.release.pipeline import LoadedBatch
from privet.release.stages import ReleasedRead

Mode = Literal["loop", "threads"]
MOST_WAITING = 20_000
"""Reads in the queue; one call of fetch-many counts as its people."""
MOST_IN_BATCH = 256
_MOST_FIELDS = 25_600
"""Names of fields in a batch, all reads together: its log entries hold them, in memory until it commits."""
_LEAST_SLICE = 32
_LEAST_FIELDS = 3_200
"""Of both, what singles leave to bulk calls."""
_MOSTLY = 0.7
"""Of a batch's time, spent waiting: beyond it the next batch need not wait for its end."""
_APART = 4
"""Threads for reads that wait for a policy engine."""


class Overloaded(Unavailable):
    """Too much waits already. `retry_after` is in seconds."""

    retry_after = 1.0


class Lane:
    """Brings the reads of many callers together. One a process; all but its threads belongs to one event loop."""

    def __init__(
        self,
        parts: Parts,
        *,
        still_valid: StillValid,
        observer: Observer = DEAF,
        most_waiting: int = MOST_WAITING,
        mode: Mode | None = None,
    ) -> None:
        """`mode` None chooses: "loop" on SQLite, "threads" elsewhere (measured: docs/performance.md)."""
        self.mode: Mode = mode or ("loop" if parts.store.backend == "sqlite" else "threads")
        self._pipeline = parts.pipeline
        self._purposes = parts.catalogue.purposes
        self._still_valid = still_valid
        self._observer = observer
        self._most_waiting = most_waiting
        self._two = parts.store.backend != "sqlite"
        self._waits = 0.0
        self._threads = start_threads(2 if self._two else 1, "privet-lane")
        self._apart = start_threads(_APART, "privet-apart")
        self._single: deque[Single] = deque()
        self._bulk: deque[Many] = deque()
        self._waiting = 0
        self._flying = 0
        self._aside = 0
        self._soon = False
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """Reads in the queue, and those that wait for a policy engine."""
        return self._waiting + self._aside

    async def read(self, request: ReadRequest, caller: object) -> ReleasedRead:
        """One read, durable in the log when this returns. A caller no longer known has Unauthenticated as `failure`.

        Raises Overloaded, Unavailable and IntegrityError, as the pipeline does.
        """
        return await self.submit(request, caller)

    async def read_many(self, requests: Sequence[ReadRequest], caller: object) -> list[ReleasedRead]:
        """Many reads, in order. They may be of several batches; each is durable when this returns."""
        if not requests:
            return []
        self._make_room(len(requests))
        ask = Many(requests, caller, self._own_loop().create_future())
        self._bulk.append(ask)
        answers: list[ReleasedRead] = await ask.future
        return answers

    def submit(self, request: ReadRequest, caller: object) -> asyncio.Future[ReleasedRead]:
        """As `read`, without a coroutine of its own. A cancelled future's read, if none began it, is not done."""
        future: asyncio.Future[ReleasedRead] = self._own_loop().create_future()

        def settle(outcome: ReleasedRead | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.put(request, caller, settle, future.done)
        return future

    def put(
        self, request: ReadRequest, caller: object, done: Done, gone: Callable[[], bool] | None = None
    ) -> None:
        """As `read`, for one who is called back on the loop, with the answer or what failed. Raises Overloaded,
        Unavailable. `done` must not raise; `gone` says that nobody waits any more."""
        self._make_room(1)
        self._single.append(Single(request, caller, done, gone))

    async def drain(self) -> None:
        """Takes nothing more, and returns when all that was taken is answered."""
        self._closing = True
        self._loop = asyncio.get_running_loop()
        while self._waiting or self._flying or self._aside:
            self._ended = self._loop.create_future()
            await self._ended
        for pool in (self._threads, self._apart):
            pool.shutdown()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        return loop

    def _make_room(self, many: int) -> None:
        if self._closing:
            raise Unavailable("the service is stopping; try another")
        if self.waiting + many > self._most_waiting:
            raise Overloaded("more reads are waiting than the service takes; try again in a moment")
        self._waiting += many
        if not self._soon and self._flying < self._most_flying():
            # Soon, not now: what else arrived in the same turn of the loop belongs to the same batch.
            self._soon = True
            self._own_loop().call_soon(self._start)

    def _most_flying(self) -> int:
        """Two batches at a time where a batch mostly waits: for a database far away, or a slow disk of its own."""
        return 2 if self._two and self._waits > _MOSTLY else 1

    def _start(self) -> None:
        self._soon = False
        batch = self._take()
        if not batch.requests:
            self._ending()
            return
        self._flying += 1
        if self.mode == "threads":
            self._threads.submit(self._run, batch)
            return
        while True:
            try:
                loaded = self._pipeline.load(batch.requests, batch.admit, wait=False)
            except Undecided as undecided:
                self._put_apart(batch.only(undecided.places))
                batch = batch.only(set(range(len(batch.requests))) - undecided.places)
                if batch.requests:
                    continue  # whatever becomes of the rest: those apart are no part of it any more
                self._land()
            except PrivetError:
                # Another has the pen, or something is wrong with one of these: where waiting harms nobody.
                self._threads.submit(self._run, batch)
            except BaseException as error:  # noqa: BLE001  whatever it is, those who wait must hear of it
                self._end(batch, error)
            else:
                self._threads.submit(self._commit, batch, loaded)
            return

    def _put_apart(self, batch: Batch) -> None:
        self._aside += len(batch.requests)
        self._apart.submit(self._run_apart, batch)

    def _take(self) -> Batch:
        """The next batch: singles first, then an even share for each bulk call."""
        batch = Batch(self._still_valid)
        room, fields = MOST_IN_BATCH, _MOST_FIELDS
        single, bulk = self._single, self._bulk
        kept = 0
        if bulk and single:
            room -= _LEAST_SLICE
            kept = _LEAST_FIELDS
            fields -= kept
        while single and room > 0 and fields > 0:
            ask = single.popleft()
            self._waiting -= 1
            if ask.gone is None or not ask.gone():
                batch.requests.append(ask.request)
                batch.slices.append((ask, 0, 1))
                room -= 1
                fields -= len(ask.request.fields)
        fields += kept
        if bulk:
            # Beside singles, bulk may make a batch twice as long, not more.
            together = max(_LEAST_SLICE, len(batch.requests)) if batch.requests else MOST_IN_BATCH
            share = max(1, together // len(bulk))
            for _ in range(len(bulk)):
                if together <= 0 or fields <= 0:
                    break
                taken = self._slice(batch, bulk, min(share, together), fields)
                together -= taken[0]
                fields -= taken[1]
        return batch

    def _slice(self, batch: Batch, bulk: deque[Many], share: int, fields: int) -> tuple[int, int]:
        ask = bulk.popleft()
        rest = len(ask.requests) - ask.taken
        if ask.future.done():
            self._waiting -= rest
            return 0, 0
        each = max(1, len(ask.requests[ask.taken].fields))
        many = min(share, rest, max(1, fields // each))
        batch.requests += ask.requests[ask.taken : ask.taken + many]
        batch.slices.append((ask, ask.taken, many))
        ask.taken += many
        self._waiting -= many
        if ask.taken < len(ask.requests):
            bulk.append(ask)
        return many, many * each

    # In threads.

    def _run(self, batch: Batch) -> None:
        started, worked = perf_counter(), thread_time()
        try:
            outcome: Outcome = self._pipeline.read_known(batch.requests, batch.admit)
        except BaseException as error:  # noqa: BLE001  told to those who wait
            outcome = error
        waited = 1 - (thread_time() - worked) / max(1e-6, perf_counter() - started)
        self._waits += (waited - self._waits) / 8
        self._tell(self._end, batch, outcome)

    def _run_apart(self, batch: Batch) -> None:
        try:
            outcome: Outcome = self._pipeline.read(batch.requests, batch.admit)
        except BaseException as error:  # noqa: BLE001  told to those who wait
            outcome = error
        self._tell(self._end_apart, batch, outcome)

    def _commit(self, batch: Batch, loaded: LoadedBatch) -> None:
        try:
            outcome: Outcome | None = loaded.commit()
        except PrivetError:
            outcome = None
        except BaseException as error:  # noqa: BLE001  told to those who wait
            outcome = error
        if outcome is None:  # stale, or undone: read again, one by one if need be
            self._run(batch)
        else:
            self._tell(self._end, batch, outcome)

    def _tell(self, what: Callable[[Batch, Outcome], None], batch: Batch, outcome: Outcome) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(what, batch, outcome)

    # On the loop again.

    def _land(self) -> None:
        self._flying -= 1
        if (self._single or self._bulk) and not self._soon:
            self._soon = True
            assert self._loop is not None
            self._loop.call_soon(self._start)

    def _end(self, batch: Batch, outcome: Outcome) -> None:
        self._land()
        self._answer(batch, outcome)
        if not isinstance(outcome, BaseException):
            undecided = {at for at, read in enumerate(outcome) if read is None}
            if undecided:
                self._put_apart(batch.only(undecided))
        self._ending()

    def _end_apart(self, batch: Batch, outcome: Outcome) -> None:
        self._aside -= len(batch.requests)
        self._answer(batch, outcome)
        self._ending()

    def _answer(self, batch: Batch, outcome: Outcome) -> None:
        if isinstance(outcome, BaseException):
            batch.fail(outcome)
        else:
            batch.answer(outcome)
        self._observe(batch, outcome)

    def _observe(self, batch: Batch, outcome: Outcome) -> None:
        observer = self._observer
        if observer is DEAF:
            return
        known = self._purposes
        purposes = [request.purpose if request.purpose in known else "" for request in batch.requests]
        if isinstance(outcome, BaseException):
            counts = Counter((purpose, "failed") for purpose in purposes)
        else:
            observer.batch(len(outcome), perf_counter() - batch.started)
            counts = Counter(
                (purpose, _ending_of(read))
                for purpose, read in zip(purposes, outcome, strict=True)
                if read is not None
            )
        for (purpose, ending), many in counts.items():
            observer.reads(purpose, ending, many)

    def _ending(self) -> None:
        if self._ended is not None and not self._ended.done() and not (self._flying or self.waiting):
            self._ended.set_result(None)


def _ending_of(read: ReleasedRead) -> str:
    """A refusal because the policy engine could not be asked is none of policy's: it failed."""
    if read.failure is not None:
        return "failed"
    if read.refusal is None:
        return "released"
    return "refused" if ENGINE_FAILURES.isdisjoint(read.refusal.reasons) else "failed"
