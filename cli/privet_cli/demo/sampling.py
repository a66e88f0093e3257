"""Where the time of a run goes: its stack is looked at every millisecond, and the innermost frame of ours counts.

Refuses to run outside the main thread, where signals are not delivered.
"""

import signal
import threading
from collections import Counter
from collections.abc import Callable
from types import FrameType

PERIOD_S = 0.001
_PLACES = {
    "privet.crypto": "crypto",
    "privet.decide": "policy",
    "privet.release.deciding": "policy",
    "privet.store": "storage",
    "privet.audit": "audit",
    "privet.release.logging": "audit",
    "privet.": "the rest",
}
STAGES = ("crypto", "policy", "storage", "audit", "the rest")


def shares(work: Callable[[], object]) -> dict[str, float]:
    """The share of each stage in the time that `work` takes, waiting for the disk included. They sum to 1."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("sampling needs the main thread")
    seen: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        while frame is not None:
            name = str(frame.f_globals.get("__name__", ""))
            if name.startswith("privet."):
                seen[next(stage for place, stage in _PLACES.items() if name.startswith(place))] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, PERIOD_S, PERIOD_S)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    total = sum(seen.values()) or 1
    return {stage: seen[stage] / total for stage in STAGES}
