"""The question put to the policy: canonical JSON of what was asked, what is known of the person, and the controls.

It has no subject id, no clock and no value, so that equal questions are equal bytes and a decision can be kept,
shared and made again years later. The phantom's question is the same request about the person that nobody is.

REFUSES text that has no UTF-8 form (lone surrogates): InvalidInput. Engines disagree on those.
"""

from typing import NamedTuple

import orjson

from privet.errors import InvalidInput

_KEPT = 4096
_LONGEST_KEPT = 16_384
"""Callers choose names: what is very long is built anew each time, rather than held."""


class Asked(NamedTuple):
    """What a service asks: every word as the pipeline resolved it, none of them about the person."""

    service: str
    operation: str
    purpose: str
    fields: tuple[str, ...]
    recipient: str = ""
    lookup: str = ""
    """The field by which the person was named; "" for a pairwise id."""


class Circumstances(NamedTuple):
    """What the vault knows of a person now, for one purpose. Hashable: it is half of the memo's key."""

    consent: str = "unknown"
    """Status of her consent to the purpose asked for, resolved at the time of the read."""
    restricted: bool = False
    objected: tuple[str, ...] = ()
    minor: bool = False
    relationship: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    """Paths of fields whose retention has run out."""


class Controls(NamedTuple):
    """What officers and limits have set, whoever is asked about."""

    paused: tuple[str, ...] = ()
    """Names of paused purposes and services."""
    budget_spent: bool = False
    break_glass: bool = False


PHANTOM = Circumstances()
NO_CONTROLS = Controls()

_known: dict[tuple[Asked, Circumstances, Controls], bytes] = {}


def canonical_input(asked: Asked, person: Circumstances, controls: Controls = NO_CONTROLS) -> bytes:
    """Canonical JSON of the question: sorted keys, sorted distinct lists, UTF-8. Raises InvalidInput."""
    key = (asked, person, controls)
    try:
        return _known[key]
    except KeyError:
        pass
    question = _build(asked, person, controls)
    if len(question) <= _LONGEST_KEPT:
        if len(_known) >= _KEPT:
            _known.clear()
        _known[key] = question
    return question


def phantom_input(asked: Asked, controls: Controls = NO_CONTROLS) -> bytes:
    """The same request about nobody: no consent, no flags. Decides what may be told about people who may not exist."""
    return canonical_input(asked, PHANTOM, controls)


def _build(asked: Asked, person: Circumstances, controls: Controls) -> bytes:
    question = {
        "service": asked.service,
        "operation": asked.operation,
        "purpose": asked.purpose,
        "recipient": asked.recipient,
        "lookup": asked.lookup,
        "fields": sorted(set(asked.fields)),
        "consent": {asked.purpose: person.consent},
        "subject": {
            "restricted": person.restricted,
            "objected": sorted(set(person.objected)),
            "minor": person.minor,
            "relationship": sorted(set(person.relationship)),
            "expired": sorted(set(person.expired)),
        },
        "controls": {
            "paused": sorted(set(controls.paused)),
            "budget_spent": controls.budget_spent,
            "break_glass": controls.break_glass,
        },
    }
    try:
        return orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidInput("a name in the request is not text that UTF-8 can write") from error
