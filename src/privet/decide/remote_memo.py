"""Decisions of an engine elsewhere, remembered: each question is put to it once, however many ask at the same time.

REFUSES to serve what it remembers once the engine was not seen with our revision for a second, and to wait for the
engine where a unit of work is held (`recall`).
"""

import threading
from collections.abc import Mapping, Sequence

from privet.decide.answer import deny_question, is_failure
from privet.decide.memo import DEFAULT_SIZE, MemoEngine
from privet.decide.opa import OpaEngine
from privet.domain.decision import Decision, Reason


class _Flight:
    """A question on its way, and those who wait for its answer."""

    def __init__(self) -> None:
        self._landed = threading.Event()
        self._decision: Decision | None = None

    def land(self, decision: Decision | None) -> None:
        self._decision = decision
        self._landed.set()

    def wait(self, seconds: float) -> Decision | None:
        self._landed.wait(seconds)
        return self._decision


class RemoteMemoEngine(MemoEngine):
    """A PolicyEngine before an OPA server. Usable from any thread."""

    def __init__(self, engine: OpaEngine, size: int = DEFAULT_SIZE) -> None:
        super().__init__(engine, size)
        self._opa = engine
        self._fresh = engine.watch.is_fresh
        self._guard = threading.Lock()
        self._flights: dict[bytes, _Flight] = {}

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        """What is remembered, as long as it may be served; None for the rest. Waits for nobody."""
        if not self._fresh():
            return [None] * len(inputs)
        young = self._young
        try:
            found = [young[question] for question in inputs]
        except KeyError:
            return [self._find(question) for question in inputs]
        self.hits += len(found)
        return found

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical question, in order. Waits for the engine, never for longer than its patience."""
        known, unknown = self._split(inputs)
        answers = self._fetch(unknown) if unknown else {}
        self.hits += len(known)
        self.misses += len(unknown)
        if known:
            # A new answer vouches for the remembered as well; without one the revision is asked for.
            reason = self._opa.assure()
            for question, decision in known.items():
                answers[question] = (
                    decision if reason is None else deny_question(question, reason, self.revision)
                )
        return [answers[question] for question in inputs]

    def _split(self, inputs: Sequence[bytes]) -> tuple[dict[bytes, Decision], list[bytes]]:
        known, unknown = {}, []
        for question in dict.fromkeys(inputs):
            decision = self._find(question)
            if decision is None:
                unknown.append(question)
            else:
                known[question] = decision
        return known, unknown

    def _find(self, question: bytes) -> Decision | None:
        decision = self._young.get(question)
        if decision is None and (decision := self._old.get(question)) is not None:
            with self._guard:
                self._remember(question, decision)
        return decision

    def _fetch(self, questions: Sequence[bytes]) -> dict[bytes, Decision]:
        """Asks what nobody else is asking, then waits for what others ask."""
        mine: list[bytes] = []
        others: dict[bytes, _Flight] = {}
        answers: dict[bytes, Decision] = {}
        with self._guard:
            for question in questions:
                if (landed := self._young.get(question)) is not None:
                    answers[question] = landed
                elif (flight := self._flights.get(question)) is not None:
                    others[question] = flight
                else:
                    self._flights[question] = _Flight()
                    mine.append(question)
        if mine:
            self._ask(mine, answers)
        for question, flight in others.items():
            answers[question] = flight.wait(self._opa.patience) or deny_question(
                question, Reason.ENGINE_TIMEOUT, self.revision
            )
        return answers

    def _ask(self, questions: list[bytes], answers: dict[bytes, Decision]) -> None:
        try:
            for question, decision in zip(questions, self._opa.decide_each(questions), strict=True):
                answers[question] = decision
                self._land(question, decision)
        finally:
            for question in questions:
                if question not in answers:
                    self._land(question, None)

    def _land(self, question: bytes, decision: Decision | None) -> None:
        with self._guard:
            if decision is not None and not is_failure(decision):
                self._remember(question, decision)
            flight = self._flights.pop(question)
        flight.land(decision)

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        return self._opa.explain(question)
