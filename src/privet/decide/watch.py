"""Whether the engine elsewhere lately held our revision, and whether it is worth asking now.

A thread of its own checks the revision again before the last check is too old, for as long as decisions are used, so
that hardly any read waits for a check; and it tries an engine that is away until it is back, so that no read has to.
REFUSES to vouch for a check older than a second, counted from when it was sent.
"""

import threading
import time
from collections.abc import Callable

from privet.decide.rego import EngineFailure
from privet.domain.decision import Reason

FRESH_S = 1.0
"""For how long a seen revision vouches for remembered decisions."""

AHEAD_S = 0.4
"""A check is repeated this long after the last: two may fail before the third would be too late."""

RETRY_S = 0.1
PROBE_S = 0.5
"""How often an engine that is away, or speaks for another revision, is tried."""

IDLE_S = 60.0
"""When nobody has used a decision for this long, the checks stop; the next use waits for one."""

_FAILURES_IN_A_ROW = 3
_FOREVER = 3600.0
_BREATH_S = 0.02
"""Between two checks, whatever happens."""


class RevisionWatch:
    """What is known of the engine elsewhere. Usable from any thread."""

    def __init__(
        self,
        check: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        background: bool = True,
    ) -> None:
        """`check` asks the engine whether it holds our revision, tells this watch of it, and raises EngineFailure."""
        self._check = check
        self._clock = clock
        self._background = background
        self._guard = threading.Lock()
        self._checking = threading.Lock()
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        self._idle = True
        self._closed = False
        self._seen_at = self._used_at = self._failed_at = float("-inf")
        self._failures = 0
        self._other_at = float("-inf")
        self._failure = Reason.ENGINE_ERROR
        self._away: Reason | None = None

    def is_fresh(self) -> bool:
        """Whether our revision was seen less than a second ago. Costs two readings of a clock at most."""
        now = self._used_at = self._clock()
        if self._idle:
            self._wake()
        return now - self._seen_at < FRESH_S

    def saw(self, sent_at: float, *, ours: bool) -> None:
        """The engine answered, to what was sent at `sent_at` of this watch's clock, under our revision or another."""
        with self._guard:
            self._failures = 0
            if ours and sent_at < self._other_at:
                return  # a late answer, from before OPA was given another policy
            if ours:
                self._seen_at = max(self._seen_at, sent_at)
                self._away = None
            else:
                self._other_at = max(self._other_at, sent_at)
                self._seen_at = float("-inf")
                self._failed_at = self._clock()
                self._failure = self._away = Reason.REVISION_MISMATCH

    def failed(self, reason: Reason) -> None:
        """The engine could not be asked, or made no sense."""
        with self._guard:
            self._failures += 1
            self._failed_at = self._clock()
            self._failure = reason
            if self._failures >= _FAILURES_IN_A_ROW and self._failed_at - self._seen_at >= PROBE_S:
                self._away = reason

    def keeps_away(self) -> Reason | None:
        """Why it is not worth asking now: it failed three times in a row, in half a second without an answer, or it
        speaks for another revision.

        None when a probe is overdue: then whoever asks is the probe.
        """
        if self._away is None or self.is_fresh() or self._clock() - self._failed_at > 2 * PROBE_S:
            return None
        return self._away

    def assure(self) -> Reason | None:
        """Why nothing can be decided now; None when the revision was seen less than a second ago.

        Waits for one check at most, and one check serves all who wait.
        """
        if self.is_fresh():
            return None
        if (reason := self.keeps_away()) is not None:
            return reason
        asked_at = self._clock()
        with self._checking:
            if self.is_fresh():
                return None
            if self._failed_at >= asked_at:
                return self._failure
            return self._look()

    def close(self) -> None:
        self._closed = True
        self._bell.set()

    def _look(self) -> Reason | None:
        try:
            return None if self._check() else Reason.REVISION_MISMATCH
        except EngineFailure as failure:
            return failure.reason
        except Exception:  # noqa: BLE001 - out of memory, say: a thread that died of it would check no more
            self.failed(Reason.ENGINE_ERROR)
            return Reason.ENGINE_ERROR

    def _wake(self) -> None:
        if self._closed or not self._background:
            return
        with self._guard:
            self._idle = False
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="privet-opa-watch", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system has no thread to give: whoever asks next tries again
                    self._idle = True
                    return
                self._thread = thread
        self._bell.set()

    def _run(self) -> None:
        while not self._closed:
            wait = self._due() - self._clock()
            if wait > 0:
                self._bell.wait(wait)
                self._bell.clear()
                continue
            with self._checking:
                if self._due() <= self._clock():
                    self._look()
            self._bell.wait(_BREATH_S)

    def _due(self) -> float:
        """When to check next, by the clock."""
        now = self._clock()
        if self._away is not None:
            return self._failed_at + PROBE_S
        if now - self._used_at > IDLE_S:
            self._idle = True
            return now + _FOREVER
        if self._failures:
            return self._failed_at + RETRY_S
        return self._seen_at + AHEAD_S
