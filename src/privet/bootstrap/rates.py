"""How often something was asked for, counted in the store: the same count for all workers, kept by keyed hashes only.

Windows are fixed: they begin with the first of a count. Refuses (RateLimited, with the time to wait) once one is full.
"""

import struct
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple, NoReturn

from privet.bootstrap.parts import Parts
from privet.crypto.tickets import TicketBox
from privet.domain.ids import Millis
from privet.domain.ports import TicketRow, WriteUnit
from privet.errors import IntegrityError, RateLimited

QUARTER_HOUR = 15 * 60_000
DAY = 24 * 60 * 60_000
_COUNT = struct.Struct(">I")


class Limit(NamedTuple):
    """At most so many of one name in a window of milliseconds."""

    name: bytes
    most: int
    window: int = QUARTER_HOUR


class Rates:
    """The counts of one vault."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._clock = parts.clock
        self._randomness = parts.randomness
        self._box = TicketBox(parts.keyring, parts.vault, "rate")
        self._swept = Millis(0)

    def check(self, limits: Sequence[Limit]) -> None:
        """Raises RateLimited when one of these is full. Counts nothing, and keeps nobody from writing."""
        with self._store.read() as unit:
            for name, most, _ in limits:
                row = unit.find_ticket(self._box.id(name))
                if row is not None and row.until > self._clock() and self._count(row) >= most:
                    self._refuse(row)

    def count(self, unit: WriteUnit, limits: Sequence[Limit]) -> None:
        """One more of each. Raises RateLimited, and Conflict when another was faster: try again."""
        now = self._clock()
        if now - self._swept > 60_000:
            unit.delete_tickets_before(now)
            self._swept = now
        for name, most, window in limits:
            ticket = self._box.id(name)
            before = unit.find_ticket(ticket)
            if before is None:
                unit.insert_ticket(self._row(ticket, Millis(now + window), 1))
                continue
            if before.until <= now:
                unit.swap_ticket(before, self._row(ticket, Millis(now + window), 1))
                continue
            count = self._count(before)
            if count >= most:
                self._refuse(before)
            unit.swap_ticket(before, self._row(ticket, before.until, count + 1))

    def _refuse(self, row: TicketRow) -> NoReturn:
        wait = max(1, ceil((row.until - self._clock()) / 1000))
        raise RateLimited("too many codes were asked for; wait a little", retry_after=wait)

    def _count(self, row: TicketRow) -> int:
        """Raises IntegrityError for a count that is not ours: no reason to begin anew."""
        try:
            count: int = _COUNT.unpack(self._box.open(row.id, row.sealed))[0]
        except struct.error:
            raise IntegrityError("a count in the store has an unknown form") from None
        return count

    def _row(self, ticket: bytes, until: Millis, count: int) -> TicketRow:
        sealed = self._box.seal(ticket, _COUNT.pack(count), self._randomness)
        return TicketRow(ticket, until, sealed)
