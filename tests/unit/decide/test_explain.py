"""The explanation: the deciding finding first, with rule, fact, catalogue line and remedy."""

import dataclasses

import pytest

from privet.decide.bundle import build_bundle, seal_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.explain import Explanation, explain_decision
from privet.decide.question import NO_CONTROLS, PHANTOM, Asked, Circumstances, Controls, canonical_input
from tests.contract.policy import known_answers as cases
from tests.contract.policy.catalogues import inn

INN = dataclasses.replace(
    inn(),
    where={
        **{f"fields.{path}": f"catalogue.yaml:{n}" for n, path in enumerate(inn().every_field, 1)},
        "fields.email.allow": "catalogue.yaml:21",
        "fields.allergies.special": "catalogue.yaml:22",
        "purposes.marketing.email.basis": "catalogue.yaml:23",
        "purposes.resale": "catalogue.yaml:24",
        "services.front-desk.purposes": "catalogue.yaml:25",
    },
)
ENGINE = EmbeddedEngine(build_bundle(INN))


def explained(asked: Asked, person: Circumstances = PHANTOM, controls: Controls = NO_CONTROLS) -> Explanation:
    return explain_decision(ENGINE, INN, canonical_input(asked, person, controls))


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c[0])
def test_the_first_finding_is_the_decision(
    case: tuple[str, Asked, Circumstances, Controls, dict[str, str]],
) -> None:
    """For every known question the first finding's effect and reason are the decision's, and every part is said."""
    _, asked, person, controls, _ = case
    explanation = explained(asked, person, controls)
    assert set(explanation.fields) == set(explanation.decision.fields)
    for path, said in explanation.decision.fields.items():
        first, *others = explanation.fields[path]
        assert (first.effect, first.reason) == (said.effect, said.reason)
        for finding in (first, *others):
            assert finding.where.startswith("privet/release/")
            assert finding.title
            assert finding.fact
            assert finding.change
        if said.effect == "deny" and first.rule in ("consent_required", "consent_refused"):
            assert "consent to" in first.fact


def test_facts_and_lines() -> None:
    """The fact names what was found, the line is that of the catalogue."""
    mail = Asked("mailer", "read", "marketing.email", ("email", "allergies"))
    person = Circumstances("refused", objected=("marketing",), expired=("email",))
    fields = explained(mail, person, Controls(paused=("marketing", "kitchen"))).fields
    by_rule = {finding.rule: finding for finding in fields["email"]}
    assert list(by_rule) == ["paused", "objected", "consent_refused", "expired", "clear"]
    assert by_rule["paused"].fact == "paused: marketing"
    assert by_rule["objected"].fact == "she objected to marketing"
    assert by_rule["consent_refused"].fact == (
        'her consent to marketing.email is "refused", and marketing.email rests on consent'
    )
    assert by_rule["consent_refused"].catalogue == "catalogue.yaml:23"
    assert by_rule["clear"].catalogue == "catalogue.yaml:21"
    special = {finding.rule: finding for finding in fields["allergies"]}
    assert special["consent_refused"].catalogue == "catalogue.yaml:22"
    assert special["prohibited_field"].fact == "allergies prohibits marketing"


def test_prohibition_and_claim() -> None:
    """A prohibited purpose names which one is; a service's missing claim names the line of its purposes."""
    below = explained(Asked("broker", "read", "resale.insights", ("email",))).fields["email"][0]
    assert (below.fact, below.catalogue) == ("prohibited: resale", "catalogue.yaml:24")
    claim = explained(Asked("front-desk", "read", "marketing", ("email",))).fields["email"][0]
    assert claim.catalogue == "catalogue.yaml:25"


def test_what_is_no_question() -> None:
    """Bytes that are not canonical explain as an invalid request; a failed engine as no rule."""
    bad = explain_decision(ENGINE, INN, b'{"fields": ["email"]}')
    assert bad.fields["email"][0].rule == "invalid_request"
    broken = EmbeddedEngine(seal_bundle({}, {"privet/x.rego": "package privet.release"}))
    failed = explain_decision(broken, INN, canonical_input(Asked("a", "read", "b", ("email",)), PHANTOM))
    assert failed.fields["email"][0].title == "No rule"
    assert failed.fields["email"][0].reason == "engine_error"
