"""How often one may ask: a token bucket for each credential, and one for each address that shows unknown credentials.

Bounded: a table holds so many callers, the idle are forgotten first, and newcomers to a full table share one bucket, so
that nobody gains by asking from many addresses. Refuses with RateLimited, which says when to come again; never logs a
leaf, so that strangers cannot fill the log.
"""

from collections.abc import Callable
from itertools import islice
from time import monotonic

from privet.errors import RateLimited

_MOST = 20_000
_SWEPT = 200
"""Entries looked at when a full table needs room: a bounded piece of work."""
_OTHERS = ""
_ROUNDING = 1e-6  # seconds: sums of intervals are not exact


class Buckets:
    """Token buckets of one rate, by name. Not for several threads."""

    def __init__(
        self, *, per_second: float, burst: int, most: int = _MOST, clock: Callable[[], float] = monotonic
    ) -> None:
        self._interval = 1.0 / per_second
        self._room = self._interval * burst + _ROUNDING
        self._most = most
        self._clock = clock
        # When each bucket will be full again (the theoretical arrival time of GCRA): one number says all.
        self._full_at: dict[str, float] = {}

    def take(self, name: str) -> None:
        """Takes one token. Raises RateLimited when there is none."""
        now = self._clock()
        full_at = self._full_at.get(name)
        if full_at is None:
            name = self._enter(name, now)
            full_at = self._full_at.get(name, now)
        full_at = (max(now, full_at)) + self._interval
        if full_at - now > self._room:
            raise RateLimited("too many requests; ask again later", retry_after=full_at - now - self._room)
        self._full_at[name] = full_at

    def check(self, name: str) -> None:
        """Raises RateLimited when there is no token; takes none."""
        now = self._clock()
        if name not in self._full_at and len(self._full_at) >= self._most:
            name = _OTHERS
        wait = max(self._full_at.get(name, now), now) + self._interval - now - self._room
        if wait > 0:
            raise RateLimited("too many requests; ask again later", retry_after=wait)

    def __len__(self) -> int:
        return len(self._full_at)

    def _enter(self, name: str, now: float) -> str:
        """The name under which a newcomer is counted."""
        if len(self._full_at) < self._most:
            return name
        for old in list(islice(self._full_at, _SWEPT)):
            full_at = self._full_at.pop(old)
            if full_at > now:  # to the end, so that the next sweep looks at others
                self._full_at[old] = full_at
        return name if len(self._full_at) < self._most else _OTHERS
