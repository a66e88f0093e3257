"""The memo: one answer for equal questions, never a failure remembered, never stale, bounded."""

from collections.abc import Mapping, Sequence

import pytest

from privet.decide import memo as memo_module
from privet.decide.answer import refusal
from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.memo import MemoEngine
from privet.decide.question import PHANTOM, Asked, Circumstances, canonical_input
from privet.domain.decision import Decision, Reason
from tests.contract.policy.catalogues import inn

ENGINE = EmbeddedEngine(build_bundle(inn()))


def ask(number: int = 0, person: Circumstances = PHANTOM) -> bytes:
    return canonical_input(Asked("front-desk", "read", "service", ("given_name", f"f{number}")), person)


class Counting:
    """The real engine, counting what it is asked, failing on demand."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.failing: Reason | None = None
        self.closed = 0

    @property
    def revision(self) -> str:
        return ENGINE.revision

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        self.asked.extend(inputs)
        if self.failing:
            return [refusal(["given_name"], self.failing, self.revision) for _ in inputs]
        return ENGINE.decide(inputs)

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        return self.decide(inputs)

    def assure(self) -> Reason | None:
        return self.failing

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        return ENGINE.explain(question)

    def close(self) -> None:
        self.closed += 1


def test_only_distinct_new_questions_reach_the_engine() -> None:
    """In one batch and across batches, an equal question is asked once and answered by one object."""
    inner = Counting()
    memo = MemoEngine(inner)
    first = memo.decide([ask(1), ask(2), ask(1)])
    again = memo.decide([ask(2), bytes(bytearray(ask(1))), ask(3)])
    assert inner.asked == [ask(1), ask(2), ask(3)]
    assert first[0] is first[2] is again[1]
    assert first[1] is again[0]
    assert memo.revision == ENGINE.revision
    assert memo.explain(ask(1)) == ENGINE.explain(ask(1))


def test_another_circumstance_is_another_question() -> None:
    """A changed fact is never served from the memo."""
    memo = MemoEngine(Counting())
    assert memo.decide([ask(1)])[0].fields["given_name"].effect == "allow"
    assert (
        memo.decide([ask(1, Circumstances(restricted=True))])[0].fields["given_name"].reason == "restricted"
    )
    assert memo.decide([ask(1)])[0].fields["given_name"].effect == "allow"


@pytest.mark.parametrize("why", [Reason.ENGINE_ERROR, Reason.ENGINE_TIMEOUT, Reason.REVISION_MISMATCH])
def test_failures_are_not_remembered(why: Reason) -> None:
    """A failed question is asked again, and what was known before stays known."""
    inner = Counting()
    memo = MemoEngine(inner)
    memo.decide([ask(1)])
    inner.failing = why
    assert memo.decide([ask(2)])[0].fields["given_name"].reason == why
    assert memo.decide([ask(1), ask(2)])[0].released
    inner.failing = None
    assert memo.decide([ask(2)])[0].released
    assert inner.asked == [ask(1), ask(2), ask(2), ask(2)]


def test_memory_is_bounded_and_what_is_used_stays() -> None:
    """Never more than `size` answers; a question asked again and again outlives thousands of others."""
    inner = Counting()
    memo = MemoEngine(inner, size=20)
    for number in range(1, 200):
        memo.decide([ask(0), ask(number)])
        assert len(memo._young) + len(memo._old) <= 20
    assert inner.asked.count(ask(0)) == 1


def test_long_questions_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks with very long names cannot make the memo hold more than its bytes."""
    monkeypatch.setattr(memo_module, "_MOST_BYTES", 10_000)
    memo = MemoEngine(Counting())
    for number in range(50):
        memo.decide(
            [canonical_input(Asked("front-desk", "read", "x" * 1000 + str(number), ("given_name",)), PHANTOM)]
        )
        assert sum(map(len, memo._young)) + sum(map(len, memo._old)) < 10_000 + 4 * 2_500


def test_close_forgets_and_closes() -> None:
    """Closing drops what is remembered and closes the engine behind."""
    inner = Counting()
    memo = MemoEngine(inner)
    memo.decide([ask(1)])
    memo.close()
    assert inner.closed == 1
    assert memo._young == {}


def test_decisions_cannot_be_changed() -> None:
    """What is shared is frozen."""
    decision = MemoEngine(ENGINE).decide([ask(1)])[0]
    with pytest.raises(TypeError):
        decision.fields["given_name"] = decision.fields["f1"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        decision.fields["given_name"].effect = "allow"  # type: ignore[misc]
