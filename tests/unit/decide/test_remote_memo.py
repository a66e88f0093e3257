"""The memo before an engine elsewhere: never asked in a unit of work, generations, and a leader that dies."""

import threading
from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from privet.decide.answer import refusal
from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.opa import OpaEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.remote_memo import RemoteMemoEngine
from privet.decide.watch import RevisionWatch
from privet.domain.decision import Decision, Reason
from tests.contract.policy.catalogues import inn

ENGINE = EmbeddedEngine(build_bundle(inn()))


def ask(number: int) -> bytes:
    return canonical_input(Asked("front-desk", "read", "service", ("given_name", f"f{number}")), PHANTOM)


class Elsewhere:
    """The real engine, as an OPA server would be asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[bytes] = []
        self.dies = False
        self.failing = False
        self.patience = 0.2
        self.watch = RevisionWatch(lambda: True, clock=lambda: self.now, background=False)

    @property
    def revision(self) -> str:
        return ENGINE.revision

    def decide_each(self, inputs: Sequence[bytes]) -> Iterator[Decision]:
        for question in inputs:
            if self.dies:
                raise KeyboardInterrupt
            self.asked.append(question)
            if self.failing:
                yield refusal(["given_name"], Reason.ENGINE_ERROR, self.revision)
            else:
                self.watch.saw(self.now, ours=True)
                yield ENGINE.decide([question])[0]

    def assure(self) -> Reason | None:
        return None if self.watch.is_fresh() else Reason.ENGINE_ERROR

    def close(self) -> None:
        pass


def made(size: int = 100) -> tuple[RemoteMemoEngine, Elsewhere]:
    elsewhere = Elsewhere()
    return RemoteMemoEngine(cast("OpaEngine", elsewhere), size), elsewhere


def test_recall_asks_nobody_and_serves_for_a_second() -> None:
    """None for what is new, the answer for what is known, and None for all once the revision was not seen lately."""
    memo, elsewhere = made()
    assert memo.recall([ask(1)]) == [None]
    assert elsewhere.asked == []
    known = memo.decide([ask(1)])[0]
    assert memo.recall([ask(1), ask(2), ask(1)]) == [known, None, known]
    elsewhere.now = 0.99
    assert memo.recall([ask(1)]) == [known]
    elsewhere.now = 1.0
    assert memo.recall([ask(1)]) == [None]
    assert elsewhere.asked == [ask(1)]


def test_a_stale_hit_is_refused_and_a_new_answer_vouches_for_it() -> None:
    """Known decisions go with the revision: refused when it is not to be had, served when a new answer brings it."""
    memo, elsewhere = made()
    known = memo.decide([ask(1)])[0]
    elsewhere.now = 5
    assert memo.decide([ask(1)])[0].fields["given_name"].reason == "engine_error"
    assert memo.decide([ask(1), ask(2)])[0] is known
    elsewhere.now = 10
    elsewhere.failing = True
    both = memo.decide([ask(1), ask(3)])
    assert [said.fields["given_name"].reason for said in both] == ["engine_error", "engine_error"]
    elsewhere.failing = False
    assert memo.decide([ask(3)])[0].released


def test_what_is_used_outlives_its_generation() -> None:
    """An answer of the old generation that is used moves to the young one, by recall and by decide."""
    memo, elsewhere = made(size=4)
    for number in (0, 1, 2):
        memo.decide([ask(number)])
    assert ask(0) in memo._old
    assert memo.recall([ask(0)])[0] is not None
    memo.decide([ask(3)])
    assert memo.decide([ask(0)])[0].released
    assert elsewhere.asked.count(ask(0)) == 1


def test_who_waits_for_a_leader_that_died_is_refused() -> None:
    """The thread that was asking is stopped: nothing stays in the air, and the next who asks is answered."""
    memo, elsewhere = made()
    elsewhere.dies = True
    with pytest.raises(KeyboardInterrupt):
        memo.decide([ask(1), ask(2)])
    assert memo._flights == {}
    elsewhere.dies = False
    assert memo.decide([ask(1)])[0].released


def test_who_waits_for_a_leader_that_hangs_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's question that does not come back: engine_timeout after the engine's patience."""
    memo, elsewhere = made()
    going, stop = threading.Event(), threading.Event()
    answer = ENGINE.decide([ask(1)])[0]  # an embedded evaluator belongs to its thread

    def hang(inputs: Sequence[bytes]) -> Iterator[Decision]:
        going.set()
        stop.wait(10)
        elsewhere.watch.saw(0.0, ours=True)
        yield from [answer] * len(inputs)

    monkeypatch.setattr(elsewhere, "decide_each", hang)
    leader = threading.Thread(target=memo.decide, args=([ask(1)],))
    leader.start()
    assert going.wait(20)
    assert memo.decide([ask(1)])[0].fields["given_name"].reason == "engine_timeout"
    stop.set()
    leader.join(10)
    assert memo.recall([ask(1)])[0] is not None
