"""Why a decision is what it is: for each field every rule that spoke, where it stands, on what fact, and what would
change it.

For those who write and check policy: it names facts about a person, so it REFUSES nothing but is never shown to a
service. The engine that decides also explains; nothing is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from privet.decide.answer import NotCanonical, parse_question
from privet.decide.bundle import policy_modules
from privet.decide.grounds import GROUNDS, Case
from privet.decide.rules import Rule, read_rules
from privet.domain.catalogue import Catalogue
from privet.domain.decision import Decision, PolicyEngine


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule that spoke on one field. The first finding of a field decided it."""

    rule: str
    reason: str
    effect: str
    title: str
    description: str
    where: str
    """The rule's file and line in the policies; "" for what no rule says (an engine that failed)."""
    fact: str
    """What of the request or the person made it speak."""
    catalogue: str | None
    """The line of the catalogue it read; None where it reads none."""
    change: str
    """What would change it, and who can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    decision: Decision
    fields: Mapping[str, tuple[Finding, ...]]


def explain_decision(engine: PolicyEngine, catalogue: Catalogue, question: bytes) -> Explanation:
    """Decides a canonical question and says why, field by field, the finding that decided first."""
    rules = read_rules(policy_modules())
    decision = engine.decide([question])[0]
    spoke = engine.explain(question)
    try:
        asked = parse_question(question)
    except NotCanonical:
        asked = {}
    return Explanation(
        decision=decision,
        fields={
            field: tuple(_finding(rules, Case(catalogue, asked, field), entry) for entry in entries)
            for field, entries in spoke.items()
        },
    )


def _finding(rules: Mapping[str, Rule], case: Case, entry: Mapping[str, str]) -> Finding:
    rule = rules.get(entry["rule"])
    if rule is None:
        return Finding(
            **entry,
            title="No rule",
            description="The policy engine could not decide.",
            where="",
            fact="the engine failed, was late, or holds another revision",
            catalogue=None,
            change="a steward looks at the policy engine; until then nothing is released",
        )
    fact, line, change = GROUNDS[rule.name]
    return Finding(
        **entry,
        title=rule.title,
        description=rule.description,
        where=rule.where,
        fact=fact(case),
        catalogue=line(case),
        change=change,
    )
