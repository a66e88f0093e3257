"""What a process does beside answering, each in a thread: the log sequenced and signed, what has run out swept away.

Refuses to end the process: what fails is reported and tried again, later and later up to a minute; that it works again
is reported too.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from privet.bootstrap.parts import Parts
from privet.bootstrap.steward import Steward

LOG_S: Final = 0.5
"""The log is sequenced and signed within a second of what it holds."""
BUSY_LOG_S: Final = 0.1
"""While entries keep coming: each time takes a few hundred of them, and so delays no read by what thousands cost."""
TICKETS_S: Final = 300.0
SWEEP_S: Final = 3_600.0
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chore:
    """Work to be done every so often. `jitter`: by how much of it the time varies, so that processes take turns.

    `busy_s`: how soon again after work that says it found something to do.
    """

    name: str
    every_s: float
    work: Callable[[], object]
    busy_s: float | None = None
    jitter: float = 0.0
    first_s: float | None = None

    def wait(self, failures: int, *, busy: bool = False) -> float:
        """Seconds until the next time, after so many failures in a row, or after work that found something to do."""
        if busy and self.busy_s is not None:
            return self.busy_s
        if failures:
            return min(max(self.every_s, 1.0) * 2.0 ** min(failures, 10), max(_LONGEST_S, self.every_s))
        return self.every_s * (1 + self.jitter * (random.random() * 2 - 1))  # noqa: S311  no secret


class Background:
    """The chores of one process."""

    def __init__(
        self,
        chores: list[Chore],
        on_failure: Callable[[str, BaseException, int], None],
        on_recovery: Callable[[str, int], None],
    ) -> None:
        """`on_failure` gets a chore's name, the error and how many there were in a row; `on_recovery` the name and
        how many there had been."""
        self._chores = chores
        self._on_failure = on_failure
        self._on_recovery = on_recovery
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for chore in self._chores:
            thread = threading.Thread(
                target=self._run, args=(chore,), name=f"privet-{chore.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Asks all to end; False when one is still at it after that time."""
        self._stop.set()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, chore: Chore) -> None:
        failures = 0
        wait = chore.wait(0) if chore.first_s is None else chore.first_s
        while not self._stop.wait(wait):
            busy = False
            try:
                busy = bool(chore.work())
                if failures:
                    self._on_recovery(chore.name, failures)
                failures = 0
            except Exception as error:  # noqa: BLE001  the next time may do better
                failures += 1
                self._on_failure(chore.name, error, failures)
            wait = chore.wait(failures, busy=busy)


def chores_of(parts: Parts, *, workers: int) -> list[Chore]:
    """The chores of one of `workers` processes."""
    store = parts.store

    def grow() -> int:
        try:
            return store.sequence()
        finally:
            parts.checkpointer.tick()  # a broken stream holds up its own entries, not the signature on the rest

    def sweep_tickets() -> None:
        with store.write() as unit:
            unit.delete_tickets_before(parts.clock())

    return [
        Chore(name="log", every_s=LOG_S, work=grow, busy_s=BUSY_LOG_S),
        Chore(name="tickets", every_s=TICKETS_S * workers, work=sweep_tickets, jitter=0.3),
        Chore(
            name="retention",
            every_s=SWEEP_S * workers,
            work=Steward(parts).sweep,
            jitter=0.3,
            first_s=random.uniform(30, 300) * workers,  # noqa: S311  no secret
        ),
    ]
