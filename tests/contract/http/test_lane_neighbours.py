"""The lane on real vaults: nobody is harmed by a neighbour, refused, spoilt, late or gone."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from privet.decide.verdict import Undecided
from privet.domain.ports import VaultState
from privet.errors import Unauthenticated, Unavailable
from privet.release import pipeline as release_pipeline
from privet.store import sqlite_file
from tests.contract.http.shop import Shop, run


def test_a_revoked_caller_is_refused_with_the_state_of_the_batch_and_neighbours_go_on(shop: Shop) -> None:
    """Exactly the reads of that caller, before anything of them is read: no leaf, no value."""
    before = shop.leaves()
    states = []

    def still_valid(caller: str, state: VaultState) -> bool:
        states.append(state)
        return caller != "revoked"

    async def work() -> None:
        lane = shop.lane(still_valid)
        callers = ["good", "revoked", "good", "revoked", "good"]
        answers = await asyncio.gather(*(lane.read(shop.ask(n), who) for n, who in enumerate(callers)))
        bulk = await lane.read_many([shop.ask(n) for n in range(4)], "revoked")
        for who, answer in zip(callers, answers, strict=True):
            assert (answer.view is None) == (who == "revoked")
        for answer in [*answers[1:4:2], *bulk]:
            assert isinstance(answer.failure, Unauthenticated)
            assert answer.audit_id == ""
        await lane.drain()

    run(work())
    assert all(isinstance(state.controls_rev, int) for state in states)
    assert len(states) == 3, "once for each distinct caller of a batch"
    assert shop.leaves() == before + 3


def test_a_row_that_does_not_open_harms_nobody_else(sqlite_shop: Shop, tmp_path: Path) -> None:
    """One person's row is spoilt on disk: that read is refused, its neighbours are answered."""
    parts = sqlite_shop.vault.parts
    spoilt = parts.pairwise.parse("desk", sqlite_shop.ids[3])
    path = next((tmp_path / "shop.privet").glob("*.db"))
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE subject SET fields = zeroblob(100) WHERE subject = ?", (spoilt,))
    plain.close()

    async def work() -> None:
        lane = sqlite_shop.lane()
        answers = await asyncio.gather(*(lane.read(sqlite_shop.ask(n), 0) for n in range(8)))
        assert [answer.view is not None for answer in answers] == [n != 3 for n in range(8)]
        await lane.drain()

    run(work())


def test_a_batch_that_fails_as_a_whole_is_read_one_by_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes one statement fail for all: who is not concerned is answered."""
    real = shop.vault.parts.pipeline._identify.identify
    bad = shop.ask(5)

    def identify(unit: Any, state: Any, requests: Any) -> Any:
        if bad in requests:
            raise Unavailable("this one")
        return real(unit, state, requests)

    monkeypatch.setattr(shop.vault.parts.pipeline._identify, "identify", identify)

    async def work() -> None:
        lane = shop.lane()
        answers = await asyncio.gather(*(lane.read(shop.ask(n), 0) for n in range(8)))
        assert [answer.failure is None for answer in answers] == [n != 5 for n in range(8)]
        await lane.drain()

    run(work())


def test_a_commit_that_took_too_long_is_not_released(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided too long ago is decided again, and given up at last."""
    monkeypatch.setattr(release_pipeline, "STALE_SECONDS", -1.0)

    async def work() -> None:
        lane = shop.lane()
        with pytest.raises(Unavailable, match="nothing was released"):
            await lane.read(shop.ask(0), 0)
        await lane.drain()

    run(work())


def test_a_waiter_that_went_away_is_not_read_for(sqlite_shop: Shop) -> None:
    """Cancelled before its batch: no leaf. The others have theirs."""
    before = sqlite_shop.leaves()

    async def work() -> None:
        lane = sqlite_shop.lane()
        tasks = [asyncio.ensure_future(lane.read(sqlite_shop.ask(n), 0)) for n in range(6)]
        bulk = asyncio.ensure_future(lane.read_many([sqlite_shop.ask(n) for n in range(100)], 0))
        await asyncio.sleep(0)
        for task in (*tasks[::2], bulk):
            task.cancel()
        answers = await asyncio.gather(*tasks, bulk, return_exceptions=True)
        assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, False] * 3 + [
            True
        ]
        assert lane.waiting == 0
        await lane.drain()

    run(work())
    assert sqlite_shop.leaves() == before + 3


def test_an_error_of_our_own_reaches_those_who_wait_and_the_lane_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only errors of Privet's: nobody waits for ever."""
    pipeline = shop.vault.parts.pipeline
    real = pipeline._identify.identify

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    async def work() -> None:
        lane = shop.lane()
        monkeypatch.setattr(pipeline._identify, "identify", broken)
        answers = await asyncio.gather(
            *(lane.read(shop.ask(n), 0) for n in range(3)),
            lane.read_many([shop.ask(0)], 0),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [ZeroDivisionError] * 4
        monkeypatch.setattr(pipeline._identify, "identify", real)
        assert (await lane.read(shop.ask(0), 0)).view is not None
        await lane.drain()

    run(work())


def test_who_waits_for_a_policy_engine_elsewhere_holds_up_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that must be asked leaves its batch; the others are answered before the engine has said a word."""
    engine = shop.vault.parts.engine
    decide, said = engine.decide, threading.Event()

    def recall(inputs: Any) -> Any:
        return [None if b'"care"' in one and not said.is_set() else decide([one])[0] for one in inputs]

    def ask(inputs: Any) -> Any:
        if any(b'"care"' in one for one in inputs):
            said.wait(20)
        return decide(inputs)

    monkeypatch.setattr(engine, "recall", recall)
    monkeypatch.setattr(engine, "decide", ask)
    unknown = shop.requests.fetch(shop.ids[0], purpose="care", fields=["allergies", "size"])

    async def work() -> None:
        lane = shop.lane()
        slow = asyncio.ensure_future(lane.read(unknown, 0))
        mixed = asyncio.ensure_future(lane.read_many([shop.ask(1), unknown, shop.ask(2)], 0))
        quick = await asyncio.gather(*(lane.read(shop.ask(n), 0) for n in range(5)))
        assert all(answer.view for answer in quick)
        assert not slow.done()
        assert not mixed.done()
        assert lane.waiting >= 2
        said.set()
        assert (await slow).refusal is not None
        first, second, third = await mixed
        assert first.view is not None
        assert second.refusal is not None
        assert third.view is not None
        assert third.view["size"] == 2
        await lane.drain()

    run(work())


def test_who_waits_for_a_policy_engine_is_read_once_though_another_takes_the_pen_meanwhile(
    sqlite_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the pen by the time the rest of the batch is loaded again: one answer, one leaf a read."""
    engine, pipeline = sqlite_shop.vault.parts.engine, sqlite_shop.vault.parts.pipeline
    decide, load, read_known, asked = engine.decide, pipeline.load, pipeline.read_known, threading.Event()
    path = next((tmp_path / "shop.privet").glob("*.db"))
    other = sqlite_file.connect(sqlite_file.get_driver(), path, read_only=False)

    def recall(inputs: Any) -> Any:
        return [None if b'"care"' in one and not asked.is_set() else decide([one])[0] for one in inputs]

    def ask(inputs: Any) -> Any:
        asked.set()
        return decide(inputs)

    def contested(*args: Any, **named: Any) -> Any:
        try:
            return load(*args, **named)
        except Undecided:
            if "wait" in named:  # on the loop
                other.execute("BEGIN IMMEDIATE")
            raise

    def waiting(*args: Any) -> Any:
        other.rollback()
        return read_known(*args)

    monkeypatch.setattr(engine, "recall", recall)
    monkeypatch.setattr(engine, "decide", ask)
    monkeypatch.setattr(pipeline, "load", contested)
    monkeypatch.setattr(pipeline, "read_known", waiting)
    unknown = sqlite_shop.requests.fetch(sqlite_shop.ids[0], purpose="care", fields=["allergies", "size"])
    before = sqlite_shop.leaves()
    told: list[object] = []

    async def work() -> None:
        lane = sqlite_shop.lane()
        lane.put(unknown, 0, told.append)
        answers = await asyncio.gather(
            lane.read_many([unknown, sqlite_shop.ask(1)], 0), lane.read(sqlite_shop.ask(2), 0)
        )
        await lane.drain()
        assert answers[0][0].refusal is not None
        assert answers[0][1].view is not None
        assert answers[1].view is not None

    run(work())
    other.close()
    assert len(told) == 1
    assert sqlite_shop.leaves() == before + 4


def test_a_batch_of_which_all_must_be_asked_elsewhere_is_none(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is begun for nobody and none is counted; who comes meanwhile is read."""
    engine, pipeline = sqlite_shop.vault.parts.engine, sqlite_shop.vault.parts.pipeline
    decide, load, asked, sizes = engine.decide, pipeline.load, threading.Event(), []

    def recall(inputs: Any) -> Any:
        return [None if b'"care"' in one and not asked.is_set() else decide([one])[0] for one in inputs]

    def ask(inputs: Any) -> Any:
        asked.set()
        return decide(inputs)

    def noting(requests: Any, *args: Any, **named: Any) -> Any:
        sizes.append(len(requests))
        return load(requests, *args, **named)

    monkeypatch.setattr(engine, "recall", recall)
    monkeypatch.setattr(engine, "decide", ask)
    monkeypatch.setattr(pipeline, "load", noting)
    unknown = sqlite_shop.requests.fetch(sqlite_shop.ids[0], purpose="care", fields=["size"])

    async def work() -> None:
        lane = sqlite_shop.lane()
        first = lane.submit(unknown, 0)
        await asyncio.sleep(0)
        second = lane.submit(sqlite_shop.ask(1), 0)
        assert (await second).view is not None
        await first
        await lane.drain()

    run(work())
    assert 0 not in sizes
    assert 0 not in sqlite_shop.noted.batches
