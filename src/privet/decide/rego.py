"""What every Rego engine has in common: one question in, one checked decision out, and a denial when anything fails.

REFUSES to raise: an engine that breaks, answers late, answers rubbish or speaks for another policy denies each field
asked for, with the reason. Only what stops the process (KeyboardInterrupt, SystemExit) passes through.
"""

import abc
from collections.abc import Mapping, Sequence

from privet.decide.answer import (
    MistypedAnswer,
    NotCanonical,
    fields_asked,
    parse_question,
    read_answer,
    read_explanation,
    refusal,
)
from privet.decide.bundle import Bundle
from privet.domain.decision import Decision, Reason

PACKAGE = "data.privet.release"
DECISION = "decision"
EXPLANATION = "explanation"


class EngineFailure(Exception):
    """The engine could not answer. Never leaves `decide`: it becomes a denial with `reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RegoEngine(abc.ABC):
    """A PolicyEngine over some evaluator of Rego. Subclasses say how one entrypoint is evaluated."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    @property
    def revision(self) -> str:
        return self._bundle.revision

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical question, in order."""
        return [self._decide(question) for question in inputs]

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        """As `decide`: an engine in the process keeps nobody waiting."""
        return self.decide(inputs)

    def assure(self) -> Reason | None:
        """None: an engine in the process that started can decide."""
        return None

    def _decide(self, question: bytes) -> Decision:
        try:
            parsed = parse_question(question)
        except NotCanonical as error:
            return refusal(error.fields, Reason.INVALID_REQUEST, self.revision)
        asked = fields_asked(parsed)
        try:
            decision = read_answer(self._evaluate(DECISION, question, parsed), asked)
        except MistypedAnswer:
            return refusal(asked, Reason.ENGINE_ERROR, self.revision)
        except EngineFailure as failure:
            return refusal(asked, failure.reason, self.revision)
        if decision.revision != self.revision:
            return refusal(asked, Reason.REVISION_MISMATCH, self.revision)
        return decision

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """Every rule that spoke, by field. An engine that fails, or a question that is none, explains with that."""
        try:
            parsed = parse_question(question)
        except NotCanonical as error:
            return {name: [spoke(Reason.INVALID_REQUEST)] for name in error.fields}
        try:
            return read_explanation(self._evaluate(EXPLANATION, question, parsed))
        except MistypedAnswer:
            return {name: [spoke(Reason.ENGINE_ERROR)] for name in fields_asked(parsed)}
        except EngineFailure as failure:
            return {name: [spoke(failure.reason)] for name in fields_asked(parsed)}

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of the evaluator. Idempotent."""

    @abc.abstractmethod
    def _evaluate(self, entrypoint: str, question: bytes, parsed: Mapping[str, object]) -> object:
        """The raw value of `data.privet.release.ENTRYPOINT`. Raises EngineFailure, never anything else."""


def spoke(reason: Reason) -> dict[str, str]:
    return {"rule": reason.value, "reason": reason.value, "effect": "deny"}
