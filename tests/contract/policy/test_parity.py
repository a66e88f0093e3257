"""The embedded engine and a real OPA give the same answer to everything, byte for byte."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from privet.decide.answer import canonical_decision
from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.rego import DECISION, EXPLANATION, EngineFailure, RegoEngine
from privet.decide.regopy_engine import RegopyEngine
from privet.domain.catalogue import Catalogue
from tests.contract.policy.catalogues import drawn, inn
from tests.contract.policy.conftest import Start
from tests.contract.policy.questions import WRONG, canonical, questions
from tests.contract.policy.straight import straight

HOTEL = Path(__file__).parents[3] / "cli" / "privet_cli" / "demo" / "hotel" / "catalogue.yaml"
A_CATALOGUE = 250
SEEDS = range(8)


def raw(engine: RegoEngine, entrypoint: str, asked: Any) -> bytes:
    """What the engine itself says, before anything of ours has looked at it."""
    question = canonical(asked)
    try:
        return orjson.dumps(engine._evaluate(entrypoint, question, asked), option=orjson.OPT_SORT_KEYS)
    except EngineFailure as failure:
        return failure.reason.value.encode()


def compare(catalogue: Catalogue, seed: int, judge: RegoEngine, tried: RegoEngine) -> None:
    """Asks both the same questions and compares the bytes of decisions and of some explanations."""
    for index, asked in enumerate(questions(catalogue, seed, A_CATALOGUE)):
        expected = raw(judge, DECISION, asked)
        assert raw(tried, DECISION, asked) == expected, asked
        decision = tried.decide([canonical(asked)])[0]
        assert canonical_decision(decision) == expected, asked
        said = {path: f.reason if f.effect == "deny" else f.effect for path, f in decision.fields.items()}
        assert said == straight(catalogue, asked), asked
        if index % 10 == 0:
            assert raw(tried, EXPLANATION, asked) == raw(judge, EXPLANATION, asked), asked


@pytest.mark.opa
@pytest.mark.parametrize("seed", SEEDS)
def test_embedded_is_opa_on_drawn_catalogues(seed: int, opa_engine: Start) -> None:
    """Over 2,000 questions on catalogues drawn at random: the embedded engine, OPA and the straight reading agree."""
    catalogue = drawn(seed)
    bundle = build_bundle(catalogue)
    judge = opa_engine(bundle)
    assert isinstance(judge, RegoEngine)
    compare(catalogue, seed, judge, EmbeddedEngine(bundle))


@pytest.mark.opa
@pytest.mark.parametrize("tried", [EmbeddedEngine, RegopyEngine])
def test_both_engines_are_opa_on_the_inn(tried: type[RegoEngine], opa_engine: Start) -> None:
    """On the inn's catalogue the second engine agrees too."""
    bundle = build_bundle(inn())
    judge = opa_engine(bundle)
    assert isinstance(judge, RegoEngine)
    compare(inn(), 99, judge, tried(bundle))


@pytest.mark.opa
def test_embedded_is_opa_on_the_hotel(opa_engine: Start) -> None:
    """On the catalogue of the demo, as its YAML stands, the engines agree."""
    if not HOTEL.exists():
        pytest.skip("no hotel catalogue in this tree")
    from privet.config.catalogue import load_catalogue

    catalogue = load_catalogue(HOTEL.parent)
    bundle = build_bundle(catalogue)
    judge = opa_engine(bundle)
    assert isinstance(judge, RegoEngine)
    compare(catalogue, 2026, judge, EmbeddedEngine(bundle))


@pytest.mark.opa
def test_engines_agree_on_inputs_that_are_no_question(opa_engine: Start) -> None:
    """Any JSON at all, as the whole input: defined, equal, and nothing released."""
    bundle = build_bundle(inn())
    judge = opa_engine(bundle)
    embedded = EmbeddedEngine(bundle)
    assert isinstance(judge, RegoEngine)
    for asked in [
        {},
        {"fields": ["email"]},
        {"fields": {"email": True}},
        *({"fields": w, "subject": w} for w in WRONG),
    ]:
        expected = raw(judge, DECISION, asked)
        assert raw(embedded, DECISION, asked) == expected
        assert b'"allow"' not in expected
