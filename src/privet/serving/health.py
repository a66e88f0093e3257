"""Whether this process can serve now, looked at in threads of its own, so that asking costs nothing.

Two looks at the store take turns, each on its own connection: one that is slow on a busy machine changes nothing, nor
does a single fault that the next look does not find. Each change is logged, and how long it lasted.
Refuses to call ready what has not answered for two seconds: a store that hangs is no store.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from privet.bootstrap.parts import Parts
from privet.errors import PrivetError
from privet.serving.background import Chore
from privet.serving.limits import Gate
from privet.serving.logs import get_log

LATE_S: Final = 2.0
"""No process is ready whose database was last heard of longer ago."""
_LOOK_S: Final = 1.0
_TELL_S: Final = 0.25
_SURE: Final = 2
"""Looks in a row that must find a fault where there was none."""


class Health:
    """What was last seen of the store, the control journal and the policy engine. Threads may share it."""

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate
        self._store = _Sight()
        self._engine = _Sight()
        self._answered = time.monotonic()
        self._told: str | None = None
        self._told_at = self._answered

    def look(self) -> None:
        """At everything. Raises nothing that Privet names; may hang."""
        self.look_at_store()
        self.look_at_engine()

    def look_at_store(self) -> None:
        """And at the control journal, without which nothing is released."""

        def find() -> str | None:
            with self._parts.store.read() as unit:
                unit.state()
            self.answered()
            self._parts.standing.refresh()
            return None

        self._store.look(find)

    def look_at_engine(self) -> None:
        """Waits for it as long as a read does: `policy.timeout_ms`."""

        def find() -> str | None:
            reason = self._parts.engine.assure()
            return None if reason is None else f"the policy engine cannot decide ({reason.value})"

        self._engine.look(find)

    def answered(self) -> None:
        """The store has answered just now, whoever asked."""
        self._answered = time.monotonic()

    def find_fault(self) -> str | None:
        """Why it is not ready; None when it is."""
        if self._gate.draining:
            return "the service is stopping"
        if self._store.fault is None and time.monotonic() - self._answered > LATE_S:
            return f"the database has not answered for {LATE_S:.0f} s"
        return self._store.fault or self._engine.fault

    def tell(self) -> bool:
        """Whether it is ready; logs it when that, or why not, has changed. By one thread at a time."""
        fault = self.find_fault()
        if fault != self._told and not self._gate.draining:
            now = time.monotonic()
            if fault is None:
                get_log().info("ready again", after_s=round(now - self._told_at, 1))
            else:
                get_log().error("not ready", why=fault)
            if self._told is None:
                self._told_at = now
            self._told = fault
        return fault is None

    def chores(self, on_told: Callable[[bool], None]) -> list[Chore]:
        """`on_told` hears several times a second whether it is ready."""
        apart = _LOOK_S / 2
        return [
            Chore(name="health", every_s=_LOOK_S, work=self.look_at_store, jitter=0.2, first_s=apart),
            Chore(name="health", every_s=_LOOK_S, work=self.look_at_store, jitter=0.2),
            Chore(name="policy", every_s=apart, work=self.look_at_engine),
            Chore(name="readiness", every_s=_TELL_S, work=lambda: on_told(self.tell())),
        ]


class _Sight:
    """What looks at one thing have found."""

    def __init__(self) -> None:
        self.fault: str | None = "the service is starting"
        self._lock = threading.Lock()
        self._faults = 0
        self._newest = float("-inf")

    def look(self, find: Callable[[], str | None]) -> None:
        """`find` gives the fault, if any, or raises a PrivetError that says it."""
        began = time.monotonic()
        try:
            fault = find()
        except PrivetError as error:
            fault = error.message
        with self._lock:
            if began < self._newest:
                return  # one begun later has ended, and knows better
            self._newest = began
            self._faults = 0 if fault is None else self._faults + 1
            if fault is None or self.fault is not None or self._faults >= _SURE:
                self.fault = fault
