"""The Rego itself: every rule says what it is, nothing negates but named rules, nothing impure can be called."""

import json
import re
from pathlib import Path

import pytest

from privet.decide.bundle import policy_modules
from privet.decide.grounds import GROUNDS
from privet.decide.known_answers import known_answers
from privet.decide.rules import read_rules
from privet.domain.decision import Reason
from privet.errors import Unavailable

POLICIES = Path(__file__).parents[3] / "policies" / "privet_policies"
PRECEDENCE = re.findall(
    r'\{"rule": "(\w+)", "reason": "(\w+)"\}', policy_modules()["privet/release/decision.rego"]
)
NEGATION = re.compile(r"(?<![\w.])not\b\s*(.*)")
BOOLEAN = re.compile(r"^(?:default )?([a-z_]+)(?: := false)?(?: if\b.*)?$", re.MULTILINE)


def negations(source: str) -> list[str]:
    """What stands after each `not` that is code."""
    code = [line.split("#")[0] for line in source.splitlines()]
    return [found[1].strip() for line in code for found in NEGATION.finditer(line)]


def test_only_named_boolean_rules_are_negated() -> None:
    """`not f(input.x)` differs between engines when x is missing: a bare rule name does not."""
    rules = {name for source in policy_modules().values() for name in BOOLEAN.findall(source)}
    found = [text for source in policy_modules().values() for text in negations(source)]
    assert len(found) > 10
    assert [text for text in found if text not in rules] == []


@pytest.mark.parametrize(
    "bad", ["not input.x", "not f(input.x)", "not input.x in y", "not data.a.b", "x if not y[z]"]
)
def test_the_lint_sees_other_negations(bad: str) -> None:
    """The pattern above does catch what it must."""
    (text,) = negations(f"\t{bad}  # a comment, not code")
    assert not re.fullmatch(r"[a-z_]+", text)


def test_precedence_and_metadata_name_the_same_rules() -> None:
    """Each rule of the precedence has METADATA with its reason, and an `against` of its name; nothing is left over."""
    rules = read_rules(policy_modules())
    told = {
        name: rule.reason
        for name, rule in rules.items()
        if rule.reason not in ("permitted", "invalid_request")
    }
    assert told == dict(PRECEDENCE)
    assert len(PRECEDENCE) == len(dict(PRECEDENCE))
    written = re.findall(r'^against\["(\w+)"\]', "\n".join(policy_modules().values()), re.MULTILINE)
    assert sorted(written) == sorted(told)
    assert {rule.reason for rule in rules.values()} <= set(Reason)


def test_where_points_at_the_rule() -> None:
    """File and line of each rule are those of its head."""
    for name, rule in read_rules(policy_modules()).items():
        path, line = rule.where.rsplit(":", 1)
        head = policy_modules()[path].splitlines()[int(line) - 1]
        starts = (f'against["{name}"]', name, "refused[")
        assert head.startswith(starts), rule
        assert rule.title
        assert rule.description.endswith(".")


def test_every_rule_can_be_explained() -> None:
    """Each rule has its fact, its catalogue line and its remedy."""
    assert set(GROUNDS) == set(read_rules(policy_modules()))


def test_reasons_that_depend_on_the_person_come_last() -> None:
    """In the precedence no rule on the person stands above one that does not look at her."""
    subject = policy_modules()["privet/release/subject_rules.rego"]
    of_her = [f'against["{name}"]' in subject for name, _ in PRECEDENCE]
    assert of_her == sorted(of_her, reverse=True)
    assert True in of_her
    assert False in of_her


def test_known_answers_show_every_reason_a_rule_gives() -> None:
    """The start-up vectors exercise each reason, and both ways of releasing."""
    shown = {said["reason"] for answer in known_answers()[1] for said in answer.fields.values()}
    effects = {said["effect"] for answer in known_answers()[1] for said in answer.fields.values()}
    assert shown == {reason for _, reason in PRECEDENCE} | {"permitted", "invalid_request"}
    assert effects == {"allow", "transform", "deny"}


def test_capabilities_name_no_impure_function() -> None:
    """What rules may call is a short list of pure functions; no network, clock, chance, environment or keys."""
    capabilities = json.loads((POLICIES / "capabilities.json").read_text())
    names = {builtin["name"] for builtin in capabilities["builtins"]}
    assert len(names) < 60
    assert capabilities["allow_net"] == []
    banned = r"http\.|net\.|rand\.|uuid\.|opa\.|time\.|crypto\.|io\.|providers\.|rego\.|walk|trace|json\.|regex\.|glob"
    assert [name for name in names if re.match(banned, name)] == []
    assert not any(builtin.get("nondeterministic") for builtin in capabilities["builtins"])


@pytest.mark.parametrize(
    "notes",
    [
        "# title: [",
        "# - a",
        "# custom: {rule: x}",
        "# custom: {rule: x, reason: y}\n# title: z",
        "# custom: 3",
    ],
)
def test_broken_metadata_is_refused(notes: str) -> None:
    """METADATA that does not parse or lacks a part is named by file and line."""
    with pytest.raises(Unavailable, match=r"privet/x\.rego:2"):
        read_rules({"privet/x.rego": f"\n# METADATA\n{notes}\nrule if true\n"})


def test_metadata_without_a_rule_is_left_out() -> None:
    """Annotations on packages and helpers are no rules."""
    assert read_rules({"privet/x.rego": "# METADATA\n# title: a\nx := 1\n# METADATA\n# title: b\n"}) == {}
