"""Callers take turns at the threads: one who floods waits for himself."""

import asyncio
import threading

import pytest

from privet.errors import Unavailable
from privet.http.turns import AT_HAND, MOST_OF_ONE, MOST_WAITING, Turns


def test_a_flood_keeps_nobody_else_waiting() -> None:
    """One thread, two hundred calls of a service, then one of a customer: hers comes after those at hand."""
    done: list[str] = []

    async def ask() -> None:
        turns, gate = Turns(1, "test"), threading.Event()
        first = asyncio.create_task(turns.run("service:shop", gate.wait))
        await asyncio.sleep(0)
        flood = [
            asyncio.create_task(turns.run("service:shop", lambda: done.append("shop"))) for _ in range(200)
        ]
        await asyncio.sleep(0)
        hers = asyncio.create_task(turns.run("customer:ada", lambda: done.append("ada")))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *flood, hers)

    asyncio.run(ask())
    assert done.index("ada") <= AT_HAND
    assert done.count("shop") == 200


def test_the_queue_is_bounded_for_one_and_for_all() -> None:
    """A caller has half of it; all together have it all."""

    async def ask() -> None:
        turns, gate = Turns(1, "test"), threading.Event()
        waiting = [asyncio.create_task(turns.run("a", gate.wait)) for _ in range(MOST_OF_ONE + AT_HAND)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await turns.run("a", gate.wait)
        others = MOST_WAITING - MOST_OF_ONE
        waiting += [asyncio.create_task(turns.run(f"b{at}", gate.wait)) for at in range(others)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await turns.run("c", gate.wait)
        gate.set()
        await asyncio.gather(*waiting)
        assert await turns.run("a", lambda: 7) == 7

    asyncio.run(ask())


def test_who_gives_up_leaves_the_thread_to_others() -> None:
    """Waiting, or at the very moment of the turn; and what fails hands it on as well."""

    async def ask() -> None:
        turns, gate = Turns(1, "test"), threading.Event()
        first = asyncio.create_task(turns.run("a", gate.wait))
        second = asyncio.create_task(turns.run("a", gate.wait))
        at_hand = [asyncio.create_task(turns.run("a", gate.wait)) for _ in range(AT_HAND - 1)]
        await asyncio.sleep(0)
        third = asyncio.create_task(turns.run("b", gate.wait))
        fourth = asyncio.create_task(turns.run("b", gate.wait))
        await asyncio.sleep(0)
        second.cancel()
        third.cancel()
        gate.set()
        await first
        fourth.cancel()
        await asyncio.gather(second, third, fourth, *at_hand, return_exceptions=True)
        with pytest.raises(ZeroDivisionError):
            await turns.run("a", lambda: 1 // 0)
        again = [turns.run("c", lambda: 7) for _ in range(2 * AT_HAND)]
        assert await asyncio.wait_for(asyncio.gather(*again), 5) == [7] * (2 * AT_HAND)

    asyncio.run(ask())
