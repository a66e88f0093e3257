"""What the edge tells whoever measures it: counts and seconds, never a word that a caller could choose.

Refuses nothing and does nothing by itself. Metrics, logs and traces implement `Observer`; the default is deaf.
"""

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Called on the way of every request: must be quick, and must not raise."""

    def request(self, route: str, status: int, seconds: float) -> None:
        """One HTTP request answered. `route` is the path's template."""

    def requests(self, route: str, status: int, seconds: Sequence[float]) -> None:
        """Several that were answered alike, with the time of each."""

    def reads(self, purpose: str, outcome: str, n: int) -> None:
        """`n` reads ended alike. `purpose` is one of the catalogue's, or "" for any other; `outcome` is "released",
        "refused" or "failed"."""

    def batch(self, size: int, seconds: float) -> None:
        """One batch of `size` reads was loaded, decided, logged and committed in that time."""


class Deaf:
    """Observes nothing."""

    def request(self, route: str, status: int, seconds: float) -> None:
        pass

    def requests(self, route: str, status: int, seconds: Sequence[float]) -> None:
        pass

    def reads(self, purpose: str, outcome: str, n: int) -> None:
        pass

    def batch(self, size: int, seconds: float) -> None:
        pass


DEAF: Observer = Deaf()
