"""What Prometheus is told: how many, how long, how old. Names of routes, purposes and outcomes; never of anybody.

One process keeps its counts in memory. Several workers share theirs (privet.serving.counts), so that whichever is asked
tells of all.
Refuses labels that a caller could choose: a purpose that the catalogue does not know is counted as "".
"""

import os
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from privet.bootstrap.parts import Parts
from privet.errors import Unavailable
from privet.http.callers import Refusal
from privet.serving.counts import SHARED

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_NO_COUNTS: Final = (0, 0)


class Metrics:
    """An Observer of the edge. Its methods are quick; `look`, which asks the store, runs in a thread of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "privet_requests", "HTTP requests answered.", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "privet_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self._reads = Counter(
            "privet_reads", "Reads, one person each.", ("purpose", "outcome"), registry=registry
        )
        self._unknown = Counter(
            "privet_unknown_callers", "Requests of nobody known.", ("why",), registry=registry
        )
        self._batch_size = Histogram(
            "privet_batch_reads", "Reads in one durable batch.", buckets=_SIZES, registry=registry
        )
        self._batch_seconds = Histogram(
            "privet_batch_seconds", "Time of one batch, commit included.", buckets=_SECONDS, registry=registry
        )
        self._questions = Counter(
            "privet_policy_questions", "Distinct questions of batches.", ("memo",), registry=registry
        )
        self._entries = Gauge(
            "privet_log_entries", "Entries in the log.", registry=registry, multiprocess_mode="max"
        )
        self._lag = Gauge(
            "privet_log_lag_entries",
            "Durable entries not yet in the log.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._key_age = Gauge(
            "privet_key_age_seconds",
            "Age of the epoch keys that live.",
            ("epoch", "state"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._ready = Gauge(
            "privet_ready", "Workers that can serve.", registry=registry, multiprocess_mode="livesum"
        )
        self.on_batch: Callable[[], None] = _nothing
        """Told of each batch that was committed."""
        self._counted = _NO_COUNTS
        self._aged: set[tuple[str, str]] = set()
        # A label set is looked up once, not at each request.
        self._request_of: dict[tuple[str, int], Counter] = {}
        self._seconds_of: dict[str, Histogram] = {}
        self._reads_of: dict[tuple[str, str], Counter] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """One HTTP request answered."""
        counter = self._request_of.get((route, status))
        if counter is None:
            counter = self._request_of[route, status] = self._requests.labels(route, str(status))
        counter.inc()
        histogram = self._seconds_of.get(route)
        if histogram is None:
            histogram = self._seconds_of[route] = self._seconds.labels(route)
        histogram.observe(seconds)

    def requests(self, route: str, status: int, seconds: Sequence[float]) -> None:
        """Several HTTP requests answered alike: a batch of fifty costs as much as three single ones."""
        first, *rest = seconds
        self.request(route, status, first)
        if not rest:
            return
        self._request_of[route, status].inc(len(rest))
        histogram = self._seconds_of[route]
        for place, many in Counted(bisect_left(_SECONDS, one) for one in rest).items():
            histogram._buckets[place].inc(many)  # noqa: SLF001  what its `observe` does, once a bucket
        histogram._sum.inc(sum(rest))  # noqa: SLF001

    def reads(self, purpose: str, outcome: str, n: int) -> None:
        """`n` reads that ended alike."""
        counter = self._reads_of.get((purpose, outcome))
        if counter is None:
            known = purpose if purpose in self._parts.catalogue.purposes else ""
            counter = self._reads_of[purpose, outcome] = self._reads.labels(known, outcome)
            if known != purpose:
                del self._reads_of[purpose, outcome]  # callers choose such names, how long and how many
        counter.inc(n)

    def refused(self, why: Refusal) -> None:
        """One request whose caller was not found."""
        self._unknown.labels(why).inc()

    def batch(self, size: int, seconds: float) -> None:
        """One batch of reads, committed."""
        self.on_batch()
        self._batch_size.observe(size)
        self._batch_seconds.observe(seconds)
        engine = self._parts.engine
        now = (engine.hits, engine.misses)
        for label, before, after in zip(("hit", "miss"), self._counted, now, strict=True):
            if after > before:
                self._questions.labels(label).inc(after - before)
        self._counted = now

    def look(self) -> None:
        """What only the store knows. Raises what the store raises."""
        store = self._parts.store
        self._entries.set(store.log.size())
        self._lag.set(store.log.lag())
        with store.read() as unit:
            epochs = [row for row in unit.epochs() if row.state != "destroyed"]
        found: set[tuple[str, str]] = {(str(row.epoch), row.state) for row in epochs}
        for gone in self._aged - found:
            if SHARED not in os.environ:  # files of several processes forget nothing
                self._key_age.remove(*gone)
        self._aged = found
        now = self._parts.clock()
        for row in epochs:
            self._key_age.labels(str(row.epoch), row.state).set((now - row.opened) / 1000)

    def set_ready(self, ready: bool) -> None:
        """Whether this worker can serve now."""
        self._ready.set(1.0 if ready else 0.0)

    def render(self) -> tuple[bytes, bytes]:
        """Content type, and the text of all workers' counts. Raises Unavailable when they cannot be read."""
        if SHARED not in os.environ:
            return CONTENT_TYPE, generate_latest(self._registry)
        registry = CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
            return CONTENT_TYPE, generate_latest(registry)
        except (OSError, ValueError):  # its directory was taken away
            raise Unavailable("the workers' counts cannot be read; start the service again") from None


def _nothing() -> None:
    return None
