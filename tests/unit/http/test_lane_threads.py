"""The lane's threads are there from the start, or it does not begin."""

import threading

import pytest

from privet.errors import Unavailable
from privet.http.lane_threads import start_threads


def test_all_threads_are_there_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done though no thread can be made any more: a pool of its own making would have kept it for good."""
    pool = start_threads(3, "lane")
    together = threading.Barrier(3)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        waiting = [pool.submit(together.wait, 30) for _ in range(3)]
        assert sorted(one.result(30) for one in waiting) == [0, 1, 2]
    pool.shutdown()


@pytest.mark.parametrize("first", [0, 2])
def test_where_they_cannot_be_made_it_is_told(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """With what to do; and those that were made end."""
    real = threading.Thread.start
    made: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if len(made) >= first:
            raise RuntimeError("can't start new thread")
        made.append(thread)
        real(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(Unavailable, match="TasksMax="):
            start_threads(3, "lane")
    for thread in made:
        thread.join(30)
        assert not thread.is_alive()
