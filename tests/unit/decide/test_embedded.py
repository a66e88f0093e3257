"""The engines in the process: proved before they serve, and a denial when they break."""

import threading
from typing import Any

import pytest

from privet.decide import embedded, known_answers, regopy_engine
from privet.decide.bundle import Bundle, build_bundle, seal_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.engines import open_engine
from privet.decide.memo import MemoEngine
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.regopy_engine import RegopyEngine
from privet.errors import InvalidInput, Unavailable
from tests.contract.policy import known_answers as generator
from tests.contract.policy.catalogues import inn

BUNDLE = build_bundle(inn())
DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name", "email")), PHANTOM)
ENGINES = [(EmbeddedEngine, embedded, "_load"), (RegopyEngine, regopy_engine, "_load")]


class Panic(BaseException):
    """What a native binding may raise."""


def with_rules(**modules: str) -> Bundle:
    return seal_bundle({}, {f"privet/{name}.rego": source for name, source in modules.items()})


@pytest.mark.parametrize("engine, module, loader", ENGINES)
def test_a_panic_denies_and_the_next_question_is_answered(
    engine: Any, module: Any, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A BaseException of the binding denies each field, and the thread makes a new evaluator."""
    running = engine(BUNDLE)
    real = getattr(module, loader)

    def broken(bundle: Bundle) -> Any:
        raise Panic("unwrap on a None value")

    running.close()
    monkeypatch.setattr(module, loader, broken)
    said = running.decide([DESK])[0]
    assert {f.reason for f in said.fields.values()} == {"engine_error"}
    assert set(said.fields) == {"given_name", "email"}
    assert running.explain(DESK)["email"] == [
        {"rule": "engine_error", "reason": "engine_error", "effect": "deny"}
    ]
    monkeypatch.setattr(module, loader, real)
    assert running.decide([DESK])[0].released


@pytest.mark.parametrize("engine, module, loader", ENGINES)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_process_passes(
    engine: Any, module: Any, loader: str, stop: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt and SystemExit are not swallowed."""
    running = engine(BUNDLE)
    running.close()

    def stopped(bundle: Bundle) -> Any:
        raise stop

    monkeypatch.setattr(module, loader, stopped)
    with pytest.raises(stop):
        running.decide([DESK])


def test_what_stops_the_process_passes_while_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KeyboardInterrupt while the Rego is compiled is not an engine that does not load."""

    def stopped() -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded, "Engine", stopped)
    with pytest.raises(KeyboardInterrupt):
        EmbeddedEngine(BUNDLE)


@pytest.mark.parametrize("engine, module, loader", ENGINES)
def test_broken_rego_does_not_start(engine: Any, module: Any, loader: str) -> None:
    """Rego that does not load is Unavailable, not an engine that denies for ever."""
    with pytest.raises(Unavailable, match="cannot load the policy"):
        engine(with_rules(x="package privet.release\n\nallow if {"))


@pytest.mark.parametrize("engine, module, loader", ENGINES)
@pytest.mark.parametrize(
    "rules",
    [
        "package privet.other",
        "package privet.release\n\ndecision := true",
        'package privet.release\n\ndecision := {"fields": {}, "obligations": [], "revision": ""}',
        (
            'package privet.release\n\ndecision := {"fields": {f: true | some f in input.fields}, "obligations": [], '
            '"revision": data.privet.catalogue.revision}'
        ),
        (
            'package privet.release\n\ndecision := {"a": 1} if input.operation == "read"\n\n'
            'decision := {"a": 2} if input.purpose == "service"'
        ),
        "package privet.release\n\nexplanation := 3",
        'package privet.release\n\nexplanation := {"email": 3}',
        'package privet.release\n\nexplanation := {"email": [3]}',
        'package privet.release\n\nexplanation := {"email": [{"rule": 1, "reason": "", "effect": ""}]}',
    ],
)
def test_a_policy_that_says_nothing_useful_denies(engine: Any, module: Any, loader: str, rules: str) -> None:
    """Undefined, mistyped or contradictory policies deny with engine_error."""
    running = engine(with_rules(x=rules))
    said = running.decide([DESK])[0]
    assert {f.reason for f in said.fields.values()} == {"engine_error"}
    assert all(e["reason"] == "engine_error" for entries in running.explain(DESK).values() for e in entries)


def test_another_revision_in_the_answer_denies() -> None:
    """A policy that speaks for another revision is not believed."""
    rules = (
        'package privet.release\n\ndecision := {"fields": {f: {"effect": "allow", "reason": "permitted", '
        '"transform": null} | some f in input.fields}, "obligations": [], "revision": "other"}'
    )
    said = EmbeddedEngine(with_rules(x=rules)).decide([DESK])[0]
    assert {f.reason for f in said.fields.values()} == {"revision_mismatch"}


@pytest.mark.parametrize("engine, module, loader", ENGINES)
def test_a_wrong_known_answer_refuses_to_start(
    engine: Any, module: Any, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that allows what a known answer denies may not serve."""
    real = known_answers.known_answers()
    _bundle, answers = real
    wrong = seal_bundle({}, {"privet/x.rego": 'package privet.release\n\ndecision := {"fields": {}}'})
    monkeypatch.setattr(known_answers, "known_answers", lambda: (wrong, answers))
    with pytest.raises(Unavailable, match="wrong answer to the known question"):
        engine(BUNDLE)


def test_known_answers_are_what_their_generator_writes(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped file is the hand-written cases, no more and no less; --check would say so."""
    assert generator.main(["--check"]) == 0
    assert len(known_answers.known_answers()[1]) == len(generator.CASES) >= 40


def test_each_thread_has_its_own_evaluator() -> None:
    """An evaluator is bound to its thread: another thread makes its own, and closing one leaves the others."""
    engine = EmbeddedEngine(BUNDLE)
    mine = engine._engine()
    theirs: list[Any] = []
    thread = threading.Thread(
        target=lambda: theirs.append((engine.decide([DESK])[0].released, id(engine._engine())))
    )
    thread.start()
    thread.join()
    assert theirs[0][0] is True
    assert theirs[0][1] != id(mine)
    assert engine._engine() is mine
    engine.close()
    engine.close()
    assert engine.decide([DESK])[0].released


def test_settings_choose_the_engine() -> None:
    """Each kind in the process opens behind a memo; another kind is refused with the three there are."""
    for kind in ("embedded", "regopy"):
        engine = open_engine(BUNDLE, kind)
        assert isinstance(engine, MemoEngine)
        assert engine.revision == BUNDLE.revision
        engine.close()
    with pytest.raises(InvalidInput, match="embedded, regopy or opa"):
        open_engine(BUNDLE, "wasm")


def test_without_regopy_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional package is missing: one sentence, not an ImportError."""
    import sys

    monkeypatch.setitem(sys.modules, "regopy", None)
    with pytest.raises(Unavailable, match="pip install regopy"):
        RegopyEngine(BUNDLE)
