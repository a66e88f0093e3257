"""This worker's stream of the outbox: dense, committed in order, each entry chained to the last.

Refuses to go on with a stream after a commit whose outcome is unknown: a new stream starts, so that nothing released
later can hang on an entry that may not be there.
"""

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from privet.audit.chain import chain_hash, chain_start
from privet.domain.ids import WorkerId
from privet.domain.ports import EntryRow, Randomness
from privet.errors import Unavailable
from privet.store import tables as t

_WAIT_S = 5.0
_INSERT = "INSERT INTO outbox (stream, seq, id, leaf, sealed, tag, ref, chain) VALUES (%b, %s, %b, %b, %b, %b, %b, %b)"
# One statement for many rows: the server takes 15 µs a row so, and 60 by executemany.
_INSERT_MANY = (
    "INSERT INTO outbox (stream, seq, id, leaf, sealed, tag, ref, chain) "
    "SELECT %b, %b::bigint + o - 1, id, leaf, sealed, tag, ref, chain "
    "FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[]) "
    "WITH ORDINALITY AS r (id, leaf, sealed, tag, ref, chain, o)"
)
_REGISTER = insert(t.stream)


class Outbox:
    """One a process. `hold` before the entries are written, `settle` or `abandon` after the commit."""

    def __init__(self, worker: WorkerId, randomness: Randomness) -> None:
        self._randomness = randomness
        self._lock = threading.Lock()
        self.stream = bytes(worker)
        self._seq = 0
        self._chain = chain_start(self.stream)
        self._next = (self._seq, self._chain)

    def hold(self) -> None:
        """The stream, for this thread, until `settle` or `abandon`. Unavailable after 5 s."""
        if not self._lock.acquire(timeout=_WAIT_S):
            raise Unavailable("the log's outbox has been busy for 5 s; try again")

    def write(self, connection: Connection, entries: Sequence[EntryRow]) -> None:
        """Inserts the entries at the end of the stream. They count once `settle` says that they were committed."""
        if self._seq == 0:
            start = chain_start(self.stream)
            connection.execute(_REGISTER, {"stream": self.stream, "seq": 0, "chain": start})
        rows: list[Any] = []
        seq, chain = self._seq, self._chain
        for entry, leaf, sealed, tag, ref in entries:
            chain = chain_hash(chain, seq, leaf, sealed)
            rows.append((entry, leaf, sealed, tag, ref, chain))
            seq += 1
        if len(rows) == 1:
            connection.exec_driver_sql(_INSERT, (self.stream, self._seq, *rows[0]))
        else:
            columns = map(list, zip(*rows, strict=True))
            connection.exec_driver_sql(_INSERT_MANY, (self.stream, self._seq, *columns))
        self._next = (seq, chain)

    def settle(self, *, committed: bool) -> None:
        """The outcome is known."""
        if committed:
            self._seq, self._chain = self._next
        self._lock.release()

    def abandon(self) -> None:
        """The outcome is unknown: what was written may or may not be there, and this stream ends with it."""
        self.stream = self._randomness(16)
        self._seq = 0
        self._chain = chain_start(self.stream)
        self._lock.release()
