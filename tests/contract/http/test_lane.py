"""The lane on real vaults: what waits together is read together, and nobody is harmed by a neighbour."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from privet import Vault, by
from privet.bootstrap.asking import ServiceRequests
from privet.domain.ports import VaultState
from privet.domain.request import ReadRequest
from privet.errors import Unauthenticated, Unavailable
from privet.http.lane import MOST_IN_BATCH, Lane, Mode, Overloaded
from privet.http.observing import Deaf
from privet.release import pipeline as release_pipeline
from privet.store import sqlite_file
from privet.testing import make_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES

WAYS = [
    ("sqlite", "loop"),
    ("sqlite", "threads"),
    pytest.param(("postgresql", "threads"), marks=pytest.mark.postgres),
]
PURPOSE, FIELDS = "service-personalisation", ["given_name", "size"]


class Noted(Deaf):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.outcomes: dict[tuple[str, str], int] = {}

    def batch(self, size: int, seconds: float) -> None:
        assert seconds >= 0
        self.batches.append(size)

    def reads(self, purpose: str, outcome: str, n: int) -> None:
        self.outcomes[purpose, outcome] = self.outcomes.get((purpose, outcome), 0) + n


class Shop:
    """A vault with people, and a lane to it."""

    def __init__(self, vault: Vault, mode: Mode) -> None:
        self.vault, self.mode = vault, mode
        register, desk = vault.service("register"), vault.service("desk")
        self.ids: list[str] = []
        for number in range(8):
            register.put(
                by(email=f"p{number}@example.org"),
                {"crm_id": f"C{number}", "given_name": f"Person {number}", "size": number},
                purpose="enrolment",
            )
            found = desk.find(email=f"p{number}@example.org", purpose=PURPOSE)
            assert found is not None
            self.ids.append(found)
        self.requests = ServiceRequests(vault.parts, "desk")
        self.noted = Noted()

    def ask(self, number: int) -> ReadRequest:
        return self.requests.fetch(self.ids[number % len(self.ids)], purpose=PURPOSE, fields=FIELDS)

    def lane(self, still_valid: Callable[[Any, VaultState], bool] | None = None, **more: Any) -> Lane:
        return Lane(
            self.vault.parts,
            still_valid=still_valid or (lambda _caller, _state: True),
            observer=self.noted,
            mode=self.mode,
            **more,
        )

    def leaves(self) -> int:
        self.vault.parts.store.sequence()
        return self.vault.parts.store.log.size()


@pytest.fixture(params=WAYS, ids="-".join)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    backend, mode = request.param
    url = request.getfixturevalue("postgres_url") if backend == "postgresql" else None
    with make_vault(tmp_path / "shop.privet", CATALOGUE, NOTICES, database_url=url) as vault:
        yield Shop(vault, mode)


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Iterator[Shop]:
    with make_vault(tmp_path / "shop.privet", CATALOGUE, NOTICES) as vault:
        yield Shop(vault, "loop")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


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
        assert await _turns(lane.read(sqlite_shop.ask(1), 1)) > 20
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
        assert await _turns(lane.read(sqlite_shop.ask(1), 1)) > 20
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
