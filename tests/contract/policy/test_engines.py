"""What every PDP does, whichever engine stands behind it."""

import threading

import orjson
import pytest

from privet.decide.answer import canonical_decision
from privet.decide.bundle import build_bundle
from privet.decide.known_answers import known_answers
from privet.decide.question import PHANTOM, Asked, canonical_input
from tests.contract.policy.catalogues import drawn, inn
from tests.contract.policy.conftest import Start
from tests.contract.policy.questions import canonical, questions
from tests.contract.policy.straight import straight

DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name", "email", "nonsense")), PHANTOM)


def test_known_answers(start: Start) -> None:
    """Each shipped question has its known decision, to the byte."""
    bundle, answers = known_answers()
    engine = start(bundle)
    for answer, decision in zip(answers, engine.decide([a.question for a in answers]), strict=True):
        expected = {"fields": answer.fields, "obligations": [], "revision": bundle.revision}
        assert canonical_decision(decision) == orjson.dumps(expected, option=orjson.OPT_SORT_KEYS), (
            answer.name
        )


def test_agrees_with_the_straight_reading(start: Start) -> None:
    """Questions drawn at random get the answer that the design's text gives."""
    catalogue = drawn(7)
    engine = start(build_bundle(catalogue))
    drawn_questions = list(questions(catalogue, seed=7, count=100))
    for asked, decision in zip(
        drawn_questions, engine.decide([canonical(q) for q in drawn_questions]), strict=True
    ):
        said = {path: f.reason if f.effect == "deny" else f.effect for path, f in decision.fields.items()}
        assert said == straight(catalogue, asked), asked


def test_answers_in_order_and_names_its_revision(start: Start) -> None:
    """A batch gets as many decisions, in its order, each under the bundle's revision; no question, no answer."""
    bundle = build_bundle(inn())
    engine = start(bundle)
    other = canonical_input(Asked("mailer", "read", "marketing.email", ("email",)), PHANTOM)
    first, second, third = engine.decide([DESK, other, DESK])
    assert list(first.fields) == ["email", "given_name", "nonsense"]
    assert list(second.fields) == ["email"]
    assert first == third
    assert engine.revision == first.revision == second.revision == bundle.revision
    assert list(engine.decide([])) == []


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"fields": ["email"]}',
        b'{"fields":["email"],"fields":["email"]}',
        b'{"fields":["email"],"service":"\\ud800"}',
        b'{"fields":["email"],"n":18446744073709551616}',
        b'{"fields":["email"],"n":1e400}',
        b'{"fields":["\xff"]}',
        b'{"fields":["email"]}' + b" " * (1 << 20),
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=lambda q: repr(q[:40]),
)
def test_refuses_what_is_not_canonical(start: Start, question: bytes) -> None:
    """Bytes that are not one canonical JSON object release nothing; each field that can be read is denied."""
    decision = start(build_bundle(inn())).decide([question])[0]
    assert not decision.released
    assert {said.reason for said in decision.fields.values()} <= {"invalid_request"}


def test_explains_every_rule_that_spoke(start: Start) -> None:
    """The explanation names what is against a field, strongest first, and what permits it."""
    said = start(build_bundle(inn())).explain(DESK)
    assert said["given_name"] == [{"rule": "clear", "reason": "permitted", "effect": "allow"}]
    assert said["email"] == [{"rule": "masked", "reason": "permitted", "effect": "transform"}]
    assert said["nonsense"] == [{"rule": "unknown_field", "reason": "unknown_field", "effect": "deny"}]


def test_serves_many_threads(start: Start) -> None:
    """Threads share one engine and all get the right answer."""
    engine = start(build_bundle(inn()))
    right = canonical_decision(engine.decide([DESK])[0])
    wrong: list[bytes] = []

    def ask(number: int) -> None:
        fields = ("given_name", "email", "nonsense")
        for turn in range(5):
            other = Asked("front-desk", "read", "service", (f"f{number}-{turn}",))
            both = engine.decide([canonical_input(other, PHANTOM), DESK])
            wrong.extend(c for c in (canonical_decision(both[1]),) if c != right)
            assert set(both[1].fields) == set(fields)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
