"""The lane on real vaults: what waits together is read together, in order, and the loop hears everything."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from privet.errors import Unavailable
from privet.http.lane import MOST_IN_BATCH, Overloaded
from privet.store import sqlite_file
from tests.contract.http.shop import PURPOSE, Shop, run


def test_reads_of_one_turn_are_one_batch_and_each_gets_its_own_answer(shop: Shop) -> None:
    """Fifty callers at once: one batch, each person to whoever asked, one leaf each."""
    before = shop.leaves()

    async def work() -> None:
        lane = shop.lane()
        answers = await asyncio.gather(*(lane.read(shop.ask(n), n) for n in range(50)))
        for number, answer in enumerate(answers):
            assert answer.view is not None
            assert answer.view["size"] == number % 8
        assert len({answer.audit_id for answer in answers}) == 50
        await lane.drain()

    run(work())
    assert shop.noted.batches == [50]
    assert shop.noted.outcomes == {(PURPOSE, "released"): 50}
    assert shop.leaves() == before + 50


def test_what_arrives_while_a_batch_commits_is_the_next_batch(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timer: the one read goes at once, and those that came meanwhile go together when it is durable."""
    writer: Any = sqlite_shop.vault.parts.store._writer  # type: ignore[attr-defined]
    commit, hold = writer.commit, threading.Event()
    monkeypatch.setattr(writer, "commit", lambda edge: (hold.wait(20), commit(edge)))

    async def work() -> None:
        lane = sqlite_shop.lane()
        first = asyncio.ensure_future(lane.read(sqlite_shop.ask(0), 0))
        await asyncio.sleep(0.1)
        rest = [asyncio.ensure_future(lane.read(sqlite_shop.ask(n), n)) for n in range(30)]
        await asyncio.sleep(0.1)
        assert not first.done()
        hold.set()
        await asyncio.gather(first, *rest)
        await lane.drain()

    run(work())
    assert sqlite_shop.noted.batches == [1, 30]


HEARING = 5
"""Turns in half a second: a loop that waited for the disk would have made one or two, a busy machine's makes twenty."""


def test_the_loop_hears_everything_while_the_disk_is_slow(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of half a second: the loop turns all the while."""
    writer: Any = sqlite_shop.vault.parts.store._writer  # type: ignore[attr-defined]
    commit = writer.commit

    def slowly(edge: Any) -> None:
        time.sleep(0.5)
        commit(edge)

    monkeypatch.setattr(writer, "commit", slowly)

    async def work() -> None:
        lane = sqlite_shop.lane()
        assert await _turns(lane.read(sqlite_shop.ask(1), 1)) > HEARING
        await lane.drain()

    run(work())


def test_the_loop_hears_everything_while_another_process_has_the_pen(
    sqlite_shop: Shop, tmp_path: Path
) -> None:
    """Another holds SQLite's write lock for half a second: reads wait, the loop does not."""
    path = next((tmp_path / "shop.privet").glob("*.db"))
    other = sqlite_file.connect(sqlite_file.get_driver(), path, read_only=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.5, other.rollback).start()

    async def work() -> None:
        lane = sqlite_shop.lane()
        assert await _turns(lane.read(sqlite_shop.ask(1), 1)) > HEARING
        answer = await lane.read(sqlite_shop.ask(2), 1)
        assert answer.view is not None
        await lane.drain()

    run(work())
    other.close()


async def _turns(waited_for: Coroutine[Any, Any, Any]) -> int:
    """How often the loop turned, 10 ms apart, until that was done."""
    task = asyncio.ensure_future(waited_for)
    turns = 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert task.result().view is not None
    return turns


def test_a_long_list_keeps_its_order_and_does_not_hold_up_single_reads(shop: Shop) -> None:
    """Three thousand people in slices: a read that comes later is answered long before the list is."""

    async def work() -> None:
        lane = shop.lane()
        bulk = asyncio.ensure_future(lane.read_many([shop.ask(n) for n in range(3_000)], "bulk"))
        await asyncio.sleep(0)
        for number in range(3):
            answer = await lane.read(shop.ask(number), "single")
            assert answer.view is not None
        assert not bulk.done()
        answers = await bulk
        assert [answer.view["size"] for answer in answers if answer.view] == [n % 8 for n in range(3_000)]
        await lane.drain()

    run(work())
    assert max(shop.noted.batches) <= MOST_IN_BATCH
    assert sum(shop.noted.batches) == 3_003


def test_two_lists_share_each_batch(sqlite_shop: Shop) -> None:
    """The short list that came second is not served after the long one."""

    async def work() -> None:
        lane = sqlite_shop.lane()
        long = asyncio.ensure_future(lane.read_many([sqlite_shop.ask(n) for n in range(2_000)], "long"))
        short = asyncio.ensure_future(lane.read_many([sqlite_shop.ask(n) for n in range(100)], "short"))
        await short
        assert not long.done()
        await long
        await lane.drain()

    run(work())


def test_a_list_goes_on_beside_callers_who_always_ask_for_much(sqlite_shop: Shop) -> None:
    """Single reads of a thousand names each fill batch after batch; the list has its share of every one."""
    wide = sqlite_shop.requests.fetch(
        sqlite_shop.ids[0], purpose=PURPOSE, fields=["size", *(f"f{n}" for n in range(900))]
    )

    async def work() -> None:
        lane = sqlite_shop.lane()
        bulk = asyncio.ensure_future(lane.read_many([sqlite_shop.ask(n) for n in range(64)], "bulk"))
        answered = 0

        async def always() -> None:
            nonlocal answered
            while not bulk.done() and answered < 600:
                assert (await lane.read(wide, "wide")).view is not None
                answered += 1

        await asyncio.gather(*(always() for _ in range(70)))
        assert bulk.done()
        assert all(answer.view for answer in await bulk)
        await lane.drain()

    run(work())


def test_beyond_its_bound_the_queue_takes_nothing_more(sqlite_shop: Shop) -> None:
    """Overloaded says when to come again; what was taken before is answered."""

    async def work() -> None:
        lane = sqlite_shop.lane(most_waiting=10)
        taken = [asyncio.ensure_future(lane.read(sqlite_shop.ask(n), 0)) for n in range(10)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await lane.read(sqlite_shop.ask(0), 0)
        assert refused.value.retry_after > 0
        with pytest.raises(Overloaded):
            await lane.read_many([sqlite_shop.ask(0)], 0)
        assert all(answer.view for answer in await asyncio.gather(*taken))
        assert (await lane.read(sqlite_shop.ask(0), 0)).view is not None
        await lane.drain()

    run(work())


def test_draining_answers_what_was_taken_and_takes_nothing_more(shop: Shop) -> None:
    """And an empty lane is drained at once; so is nothing but an empty list."""

    async def work() -> None:
        lane = shop.lane()
        assert await lane.read_many([], 0) == []
        taken = [asyncio.ensure_future(lane.read(shop.ask(n), 0)) for n in range(20)]
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(lane.drain())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="stopping"):
            await lane.read(shop.ask(0), 0)
        assert all(answer.view for answer in await asyncio.gather(*taken))
        await draining
        await shop.lane().drain()

    run(work())
