"""Decisions remembered: a decision is a pure function of (revision, question), so equal questions share one answer.

REFUSES to remember a failure: what an engine could not decide is asked again.
"""

from collections.abc import Mapping, Sequence

from privet.decide.answer import is_failure
from privet.domain.decision import Decision, PolicyEngine, Reason

DEFAULT_SIZE = 65_536
_MOST_BYTES = 64 * 1024 * 1024
"""Of questions and answers remembered: callers choose names, how long and how many."""
_BYTES_A_FIELD = 256


class MemoEngine:
    """A PolicyEngine that puts only distinct new questions to the engine behind it.

    Two generations: a hit in the old one moves to the young one; when that is full the old one is dropped. So the
    memory is bounded by `size` answers, and by the bytes of their questions, and a hit costs one look-up.
    """

    def __init__(self, engine: PolicyEngine, size: int = DEFAULT_SIZE) -> None:
        self._engine = engine
        self._half = max(1, size // 2)
        self._young: dict[bytes, Decision] = {}
        self._old: dict[bytes, Decision] = {}
        self._young_bytes = 0
        self.hits = self.misses = 0
        """Questions answered from memory, and put to the engine; for whoever measures."""

    @property
    def revision(self) -> str:
        return self._engine.revision

    def decide(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        """Decides each canonical question, in order. Equal questions get the same object."""
        young = self._young
        try:
            found = [young[question] for question in inputs]
        except KeyError:
            return self._decide_slowly(inputs)
        self.hits += len(found)
        return found

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        """As `decide`: an engine in the process keeps nobody waiting."""
        return self.decide(inputs)

    def assure(self) -> Reason | None:
        return self._engine.assure()

    def _decide_slowly(self, inputs: Sequence[bytes]) -> Sequence[Decision]:
        found: dict[bytes, Decision] = {}
        missing: list[bytes] = []
        for question in dict.fromkeys(inputs):
            known = self._young.get(question) or self._old.get(question)
            if known is None:
                missing.append(question)
            else:
                found[question] = known
        self.hits += len(found)
        self.misses += len(missing)
        found.update(zip(missing, self._engine.decide(missing), strict=True))
        for question, decision in found.items():
            if not is_failure(decision):
                self._remember(question, decision)
        return [found[question] for question in inputs]

    def _remember(self, question: bytes, decision: Decision) -> None:
        if question in self._young:
            return
        if len(self._young) >= self._half or self._young_bytes > _MOST_BYTES // 2:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[question] = decision
        self._young_bytes += len(question) + _BYTES_A_FIELD * len(decision.fields)

    def explain(self, question: bytes) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """Never remembered: explanations are for people."""
        return self._engine.explain(question)

    def close(self) -> None:
        self._young, self._old = {}, {}
        self._engine.close()
