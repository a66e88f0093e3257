"""Why policy answers as it does: for a request about nobody in particular, or about one person as she stands now.

A question about a person is logged among her accesses, since the answer tells of her consents. Refuses no request: one
that policy refuses is what there is to explain. Values are never looked at.
"""

from collections.abc import Sequence
from typing import NamedTuple

from privet.audit.leaf import Act, Decision
from privet.bootstrap.parts import Parts
from privet.bootstrap.subjects import get_subject, wire_rights
from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.explain import Explanation, explain_decision
from privet.decide.facts import encode_facts, facts_for, purposes_above
from privet.decide.question import NO_CONTROLS, Asked, Circumstances, Controls, canonical_input
from privet.domain.catalogue import Catalogue, matches
from privet.domain.decision import Operation
from privet.domain.request import By
from privet.domain.subject import NOTHING_STANDS
from privet.intake.amendment import Amendment, Held

GIVEN = Circumstances(consent="given")


def make_asked(
    catalogue: Catalogue,
    *,
    service: str,
    purpose: str,
    fields: Sequence[str],
    lookup: str = "",
    operation: str = "",
) -> Asked:
    """The request as the pipeline would ask it. A collection's fields are asked for as a history."""
    known = catalogue.services.get(service)
    of_collection = any(
        (held := catalogue.every_field.get(path)) is not None and held.collection is not None
        for path in fields
    )
    return Asked(
        service,
        operation or (Operation.HISTORY if of_collection else Operation.READ).value,
        purpose,
        tuple(fields),
        known.recipient if known else "",
        lookup,
    )


def explain_request(
    catalogue: Catalogue, asked: Asked, person: Circumstances, controls: Controls = NO_CONTROLS
) -> Explanation:
    """Decides in the process, whatever engine the vault uses: all give the same answers."""
    engine = EmbeddedEngine(build_bundle(catalogue))
    try:
        return explain_decision(engine, catalogue, canonical_input(asked, person, controls))
    finally:
        engine.close()


def explain_person(parts: Parts, asked: Asked, who: By) -> tuple[Explanation, Circumstances]:
    """The same about one person, with her facts and what officers have paused. Raises NotFound."""
    subject = get_subject(parts, who)
    above = purposes_above(parts.catalogue, asked.purpose)
    numbers = {field.number: path for path, field in parts.catalogue.every_field.items()}

    def look(held: Held) -> Amendment[tuple[Circumstances, Controls]]:
        parts.standing.refresh()
        stands = parts.standing.find(held.subject) or NOTHING_STANDS
        person = facts_for(
            encode_facts(held.facts),
            purpose=asked.purpose,
            above=above,
            numbers=numbers,
            now=held.now,
            standing=stands,
        )
        controls = parts.controls.bearing_on(held.state, asked.service, asked.purpose)
        entry = parts.scribe.act(
            Act.ACCESS,
            Decision.DONE,
            {"actor": "steward", "what": "why policy answers as it does", "asks": asked.service[:200]},
            keys=held.keys,
            subject=held.subject,
        )
        return Amendment(result=(person, controls), entry=entry)

    person, controls = wire_rights(parts).amendments.amend(subject, look)
    return explain_request(parts.catalogue, asked, person, controls), person


class Reach(NamedTuple):
    """What a service gets of one field for one purpose: "all", "masked", "with consent" or "nothing"."""

    purpose: str
    field: str
    gets: str
    reason: str


def reach(catalogue: Catalogue, service: str) -> list[Reach]:
    """For every purpose a service may claim and every field it covers, as the engine decides it."""
    known = catalogue.services[service]
    paths = [p for p in catalogue.every_field if any(matches(pattern, p) for pattern in known.fields)]
    groups: dict[str | None, list[str]] = {}
    for path in paths:
        groups.setdefault(catalogue.every_field[path].collection, []).append(path)
    engine = EmbeddedEngine(build_bundle(catalogue))
    found = []
    try:
        for purpose in sorted(known.purposes):
            for some in groups.values():
                asked = make_asked(catalogue, service=service, purpose=purpose, fields=some)
                questions = [canonical_input(asked, person) for person in (Circumstances(), GIVEN)]
                bare, given = engine.decide(questions)
                for path in some:
                    now, then = bare.fields[path], given.fields[path]
                    gets = {"allow": "all", "transform": "masked", "deny": "nothing"}[now.effect]
                    if now.effect == "deny" and then.effect != "deny":
                        gets = "with consent" if then.effect == "allow" else "masked, with consent"
                    found.append(Reach(purpose, path, gets, now.reason if now.effect == "deny" else ""))
    finally:
        engine.close()
    return found
