"""A history page by page: no record twice, none lost, however many stand at one instant.

The next page is asked for up to the time of the last record, that instant included, and what was had is left out.
Where a service may not see a record's exact time, that time cannot lead on: then each page asks for twice as much from
the start. Refuses a page of no records.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import date, datetime

from privet.domain.answer import History, Record
from privet.domain.coarse import last_instant
from privet.errors import InvalidInput

MOST: int = 10_000
"""Records of the largest page."""
_LIMIT = 2**31 - 1
Moment = date | datetime


class Pages:
    """What to ask next, and what of the answer is new. For one walk through one history."""

    def __init__(self, until: Moment | None, page: int) -> None:
        if type(page) is not int or not 1 <= page <= MOST:
            raise InvalidInput(f"page must be a whole number from 1 to {MOST}", field="page")
        self._first, self._page = until, page
        self._had: set[str] = set()
        self._last: Record | None = None
        self._at_last = 0
        self._timed = True
        self.done = False

    def question(self) -> tuple[Moment | None, int]:
        """`until` and `limit` of the next page."""
        if self._last is None:
            return self._first, self._page
        if self._timed and not self._leads_beyond():
            return self._last.time, min(_LIMIT, self._page + self._at_last)
        return self._first, min(_LIMIT, self._page + 2 * len(self._had))

    def _leads_beyond(self) -> bool:
        """Whether the last record's time covers more than was asked for: a day, when a time of that day was."""
        if self._first is None or self._last is None or self._last.time is None:
            return False
        return last_instant(self._last.time) > last_instant(self._first)

    def take(self, history: History) -> list[Record]:
        """Records of the answer that were not had yet."""
        _, limit = self.question()
        if self._timed and self._last is not None and not any(r.id == self._last.id for r in history):
            # The record that should lead this page is not in it: times are not told exactly. (Or it was just replaced.)
            self._timed = False
            return []
        new = [record for record in history if record.id not in self._had]
        self.done = len(history) < limit
        self._timed = self._timed and bool(new)
        self._had.update(record.id for record in new)
        for record in new:
            same = self._last is not None and self._last.time == record.time
            self._at_last = self._at_last + 1 if same else 1
            self._last = record
            self._timed = self._timed and record.time is not None
        return new

    def walk(self, ask: Callable[[Moment | None, int], History]) -> Iterator[Record]:
        """All records, asking as they are needed."""
        while not self.done:
            yield from self.take(ask(*self.question()))

    async def walk_async(
        self, ask: Callable[[Moment | None, int], Awaitable[History]]
    ) -> AsyncIterator[Record]:
        """As `walk`, awaiting."""
        while not self.done:
            for record in self.take(await ask(*self.question())):
                yield record
