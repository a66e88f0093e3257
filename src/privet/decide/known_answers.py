"""Known answers: questions whose decisions are fixed, put to an in-process engine before it may serve, once a process.

REFUSES an engine that gets one of them wrong: Unavailable, and the vault does not open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import orjson

from privet.decide.answer import canonical_decision
from privet.decide.bundle import Bundle, policy_modules, seal_bundle
from privet.domain.decision import PolicyEngine
from privet.errors import Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAnswer:
    """One vector: a canonical question and the fields of the decision it must get."""

    name: str
    question: bytes
    fields: dict[str, dict[str, str | None]]


_proved: set[tuple[Callable[[Bundle], PolicyEngine], str]] = set()


@cache
def known_answers() -> tuple[Bundle, tuple[KnownAnswer, ...]]:
    """The shipped vectors and the bundle of the shipped Rego with the vectors' own small catalogue."""
    text = (resources.files("privet_policies") / "known_answers.json").read_bytes()
    file = orjson.loads(text)
    answers = tuple(
        KnownAnswer(
            name=entry["name"],
            question=orjson.dumps(entry["input"], option=orjson.OPT_SORT_KEYS),
            fields=entry["fields"],
        )
        for entry in file["answers"]
    )
    return seal_bundle(file["catalogue"], policy_modules()), answers


def verify_known_answers(start: Callable[[Bundle], PolicyEngine]) -> None:
    """Starts an engine on the known catalogue and asks it every known question. Raises Unavailable.

    What it has proved it need not prove again in this process: the binding and the Rego are those in memory.
    """
    bundle, answers = known_answers()
    if (start, bundle.revision) in _proved:
        return
    engine = start(bundle)
    try:
        decisions = engine.decide([answer.question for answer in answers])
        for answer, decision in zip(answers, decisions, strict=True):
            expected = {"fields": answer.fields, "obligations": [], "revision": bundle.revision}
            if canonical_decision(decision) != orjson.dumps(expected, option=orjson.OPT_SORT_KEYS):
                raise Unavailable(
                    f"the policy engine gave a wrong answer to the known question {answer.name!r}: it may not serve. "
                    "Reinstall Privet with the versions of its lock file."
                )
    finally:
        engine.close()
    _proved.add((start, bundle.revision))
