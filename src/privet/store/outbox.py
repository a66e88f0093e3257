"""This worker's stream of the outbox: dense, committed in order, each entry chained to the last.

Refuses to go on with a stream after a commit whose outcome is unknown: a new stream starts, so that nothing released
later can hang on an entry that may not be there. Refuses, for good, to go on on a server that lacks what was committed.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from privet.audit.chain import chain_hash, chain_start
from privet.domain.ids import WorkerId
from privet.domain.ports import EntryRow, Randomness
from privet.errors import RestoreNeeded, Unavailable
from privet.store.postgresql_statements import PUT_ONE_OUT, PUT_OUT, REACHED, REGISTER, RETIRE
from privet.store.wire import Call, Wire

_WAIT_S = 5.0
_LOST = (
    "the database server has lost log entries that were committed: a replica took over that had not received them; "
    "put back the server that has them, or run `privet restore`"
)


class Outbox:
    """One a process. `hold` before the entries are written, `settle` or `abandon` after the commit."""

    def __init__(self, worker: WorkerId, randomness: Randomness) -> None:
        self._randomness = randomness
        self._lock = threading.Lock()
        self.stream = bytes(worker)
        self._seq = 0
        self._chain = chain_start(self.stream)
        self._next = (self._seq, self._chain)
        self._promised: dict[bytes, int] = {}
        """How many entries of each of its streams are committed. Read without the lock: each change is one step."""

    def _begin(self) -> None:
        self.stream = self._randomness(16)
        self._seq = 0
        self._chain = chain_start(self.stream)

    def hold(self) -> None:
        """The stream, for this thread, until `settle` or `abandon`. Unavailable after 5 s."""
        if not self._lock.acquire(timeout=_WAIT_S):
            raise Unavailable("the log's outbox has been busy for 5 s; try again")

    def calls(self, entries: Sequence[EntryRow]) -> list[Call]:
        """That put the entries at the end of the stream. They count once `settle` says that they were committed."""
        calls = []
        if self._seq == 0:
            calls.append(Call(REGISTER, (self.stream, chain_start(self.stream))))
        rows: list[Any] = []
        seq, chain = self._seq, self._chain
        for entry, leaf, sealed, tag, ref in entries:
            chain = chain_hash(chain, seq, leaf, sealed)
            rows.append((seq, entry, leaf, sealed, tag, ref, chain))
            seq += 1
        if len(rows) == 1:
            calls.append(Call(PUT_ONE_OUT, (self.stream, *rows[0])))
        else:
            calls.append(Call(PUT_OUT, (self.stream, *zip(*rows, strict=True))))
        self._next = (seq, chain)
        return calls

    def settle(self, *, committed: bool) -> None:
        """The outcome is known."""
        if committed:
            self._seq, self._chain = self._next
            self._promised[self.stream] = self._seq
        self._lock.release()

    def abandon(self) -> None:
        """The outcome is unknown: what was written may or may not be there, and this stream ends with it."""
        self._begin()
        self._lock.release()

    @contextmanager
    def leaving(self) -> Iterator[Call | None]:
        """Holds the stream, to be taken off the list by this call once all of it is in the log; None if it never was.

        Else every start of a process would leave a row for good, which each look for what waits goes over. Whoever
        still commits after that begins another stream: into this one, it would be in no log.
        """
        self.hold()
        self._promised.pop(self.stream, None)
        try:
            yield Call(RETIRE, (self.stream, self._seq)) if self._seq else None
        finally:
            self._begin()
            self._lock.release()

    def verify_kept(self, wire: Wire) -> None:
        """RestoreNeeded unless the server behind `wire` has everything that was committed to this worker's streams."""
        promised = list(self._promised.items())
        if not promised:
            return
        answers = wire.trip([Call(REACHED, (stream,)) for stream, _ in promised])
        for (stream, seq), answer in zip(promised, answers, strict=True):
            taken, written = answer.rows[0] if answer.rows else (0, None)
            reached = max(taken, -1 if written is None else written + 1)
            if reached < seq and stream in self._promised:  # else it was taken off the list meanwhile
                raise RestoreNeeded(_LOST)
