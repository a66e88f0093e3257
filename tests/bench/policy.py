"""What a decision costs: remembered, and asked of the engine in the process, in microseconds."""

import tempfile
from itertools import count
from pathlib import Path

from privet.bootstrap.parts import Parts
from privet.decide.embedded import EmbeddedEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.verdict import Question
from privet.domain.ports import VaultState
from tests.bench.figures import Figure, micro
from tests.bench.people import FIELDS, PURPOSE, SERVICE, filled_vault


def run(*, quick: bool) -> list[Figure]:
    """On the rules and the catalogue of the other benches."""
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as home, filled_vault(Path(home), 1) as filled:
        parts = filled.vault.parts
        asked = Asked(SERVICE, "read", PURPOSE, FIELDS, SERVICE)
        question = Question(asked, PHANTOM, parts.controls.bearing_on(_state(parts), SERVICE, PURPOSE))
        text = canonical_input(asked, PHANTOM)
        numbers = count()
        bare = EmbeddedEngine(parts.bundle)

        def anew() -> object:
            """No question twice: a purpose nobody has heard of costs the engine no less."""
            return parts.engine.decide(
                [canonical_input(asked._replace(purpose=f"p{next(numbers)}"), PHANTOM)]
            )

        return [
            micro(
                "verdict of a batch of 100 equal questions",
                lambda: parts.judge.judge([question] * 100),
                quick=quick,
            ),
            micro("verdict of one question asked before", lambda: parts.judge.judge([question]), quick=quick),
            micro("decision remembered", lambda: parts.engine.decide([text]), quick=quick),
            micro("decision by the engine in the process", lambda: bare.decide([text]), quick=True),
            micro("decision by the engine, a new question each time", anew, quick=True),
        ]


def _state(parts: Parts) -> VaultState:
    with parts.store.read() as unit:
        return unit.state()
