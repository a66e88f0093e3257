"""Threads for the lane, all of them there from the start.

A pool makes them as it needs them, and keeps what it was given when it cannot: a batch that nobody runs, whose callers
wait for good. Refuses, as Unavailable, to begin where they cannot be made.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from privet.errors import Unavailable

_START_S = 30.0


def start_threads(many: int, name: str) -> ThreadPoolExecutor:
    """A pool of `many`, each of which has begun. Raises Unavailable."""
    pool = ThreadPoolExecutor(many, thread_name_prefix=name)
    together = Barrier(many + 1)
    try:
        for _ in range(many):
            pool.submit(together.wait)
        together.wait(_START_S)
    except RuntimeError:  # a BrokenBarrierError is one too
        together.abort()
        pool.shutdown(wait=False, cancel_futures=True)
        raise Unavailable(
            "the service cannot start the threads that it reads in: raise the limit of tasks (TasksMax=, ulimit -u)"
        ) from None
    return pool
