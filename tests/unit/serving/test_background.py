"""Chores: done, tried again, never the end of a process, and over when they are told to be."""

import threading
import time

import pytest

from privet.errors import Unavailable
from privet.serving.background import Background, Chore


class Failures(list[tuple[str, BaseException, int]]):
    def note(self, name: str, error: BaseException, count: int) -> None:
        self.append((name, error, count))


def _nothing(name: str, failures: int) -> None:
    del name, failures


def test_a_chore_is_done_again_and_again() -> None:
    """Until it is told to stop."""
    done = threading.Semaphore(0)
    background = Background([Chore(name="x", every_s=0.001, work=done.release)], Failures().note, _nothing)
    background.start()
    assert all(done.acquire(timeout=20) for _ in range(5))
    assert background.stop(20)
    time.sleep(0.01)
    left = done._value
    time.sleep(0.02)
    assert done._value == left


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), RuntimeError("x"), MemoryError()])
def test_a_failure_is_reported_and_tried_again(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was; after a success, which is reported too, the count begins anew."""
    monkeypatch.setattr(Chore, "wait", lambda self, failures, busy=False: 0.001)
    failures, over = Failures(), threading.Event()
    turns = iter([error, error, None, error])

    def work() -> None:
        turn = next(turns, None)
        if turn is not None:
            raise turn
        if len(failures) == 3:
            over.set()

    well: list[tuple[str, int]] = []
    background = Background(
        [Chore(name="x", every_s=1, work=work)], failures.note, lambda *said: well.append(said)
    )
    background.start()
    assert over.wait(20)
    assert background.stop(20)
    assert failures == [("x", error, 1), ("x", error, 2), ("x", error, 1)]
    assert well == [("x", 2), ("x", 1)]


def test_what_found_something_to_do_is_soon_done_again() -> None:
    """And else waits its usual time."""
    found, done = iter([3, 1, 0, 1]), threading.Semaphore(0)

    def work() -> int:
        done.release()
        return next(found)

    background = Background(
        [Chore(name="x", every_s=600, work=work, busy_s=0.001, first_s=0)], Failures().note, _nothing
    )
    background.start()
    assert all(done.acquire(timeout=20) for _ in range(3))
    assert not done.acquire(timeout=0.2)
    assert background.stop(20)


def test_one_failing_chore_leaves_the_others_alone() -> None:
    """Each has its thread."""
    done = threading.Semaphore(0)

    def fail() -> None:
        raise Unavailable("x")

    chores = [Chore(name="a", every_s=0.001, work=fail), Chore(name="b", every_s=0.001, work=done.release)]
    background = Background(chores, Failures().note, _nothing)
    background.start()
    assert all(done.acquire(timeout=20) for _ in range(5))
    assert background.stop(20)


def test_waits_grow_and_have_an_end() -> None:
    """After failures: longer and longer, a minute at most, or its own pace where that is slower."""
    quick, slow = (Chore(name="x", every_s=every, work=print) for every in (0.5, 3_600.0))
    waits = [quick.wait(failures) for failures in range(12)]
    assert waits[:4] == [0.5, 2, 4, 8]
    assert max(waits) == 60
    assert slow.wait(5) == 3_600


def test_jitter_keeps_processes_apart() -> None:
    """Within its bounds, and not always the same."""
    chore = Chore(name="x", every_s=100, work=print, jitter=0.3)
    waits = {chore.wait(0) for _ in range(50)}
    assert len(waits) > 10
    assert min(waits) >= 70
    assert max(waits) <= 130


def test_stopping_does_not_wait_for_ever() -> None:
    """A chore that hangs is left behind, and said to be."""
    hang = threading.Event()
    begun = threading.Event()

    def work() -> None:
        begun.set()
        hang.wait(20)

    background = Background([Chore(name="x", every_s=0.001, work=work)], Failures().note, _nothing)
    background.start()
    assert begun.wait(20)
    assert not background.stop(0.05)
    hang.set()
    assert background.stop(20)


def test_many_that_hang_are_waited_for_together() -> None:
    """All of them for as long as one, not one after the other: who stops has no time for that."""
    hang = threading.Event()
    begun = threading.Semaphore(0)

    def work() -> None:
        begun.release()
        hang.wait(60)

    background = Background(
        [Chore(name=str(n), every_s=0.001, work=work) for n in range(20)], Failures().note, _nothing
    )
    background.start()
    assert all(begun.acquire(timeout=20) for _ in range(20))
    start = time.monotonic()
    assert not background.stop(0.5)
    assert time.monotonic() - start < 6
    hang.set()
    assert background.stop(20)
