"""Questions and answers as an engine sees them: checked on the way in and on the way out, so that no engine is trusted.

REFUSES questions that are not canonical JSON objects (engines differ on duplicate keys, huge numbers and odd text),
and answers that miss a field, name another, or use a word that is not ours. A refusal is a Decision that denies.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import cast

import orjson

from privet.domain.decision import Decision, Effect, FieldDecision, Reason

_LONGEST = 1 << 20
"""Most bytes of a question. The edges bound fields and names far below this."""

_EFFECTS: Mapping[str, str | None] = {"allow": None, "transform": "mask", "deny": None}
_REASONS = frozenset(reason.value for reason in Reason)
_NO_OBLIGATIONS: tuple[str, ...] = ()
ENGINE_FAILURES = frozenset(
    reason.value for reason in (Reason.ENGINE_ERROR, Reason.ENGINE_TIMEOUT, Reason.REVISION_MISMATCH)
)
"""Reasons that tell of the engine, and nothing of the person or the asker."""


class MistypedAnswer(Exception):
    """The engine's answer is not one of ours. Never leaves `decide`: it becomes a denial."""


class NotCanonical(Exception):
    """The question is not canonical JSON. Never leaves `decide`. `fields` are those it names, if any."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__("not canonical")
        self.fields = fields


def parse_question(question: bytes) -> dict[str, object]:
    """The question as an object. Raises NotCanonical."""
    try:
        parsed = orjson.loads(question)
    except orjson.JSONDecodeError:
        raise NotCanonical(()) from None
    if not isinstance(parsed, dict):
        raise NotCanonical(())
    if len(question) > _LONGEST or orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS) != question:
        raise NotCanonical(tuple(fields_asked(parsed)))
    return parsed


def fields_asked(question: Mapping[str, object]) -> list[str]:
    """The distinct field names of a parsed question, in its order; names that are not text are left out."""
    fields = question.get("fields")
    if not isinstance(fields, list):
        return []
    return list(dict.fromkeys(name for name in fields if isinstance(name, str)))


@cache
def field_decision(effect: Effect, reason: str, transform: str | None) -> FieldDecision:
    """One shared object for each of the few answers a field can have."""
    return FieldDecision(effect=effect, reason=reason, transform=transform)


def refusal(fields: Iterable[str], reason: Reason, revision: str) -> Decision:
    """Every field denied, for one reason."""
    denied = field_decision("deny", reason.value, None)
    return Decision(
        fields=MappingProxyType(dict.fromkeys(fields, denied)), obligations=_NO_OBLIGATIONS, revision=revision
    )


def is_failure(decision: Decision) -> bool:
    """Whether this says only that the engine could not answer. Such a decision must not be kept."""
    return any(said.reason in ENGINE_FAILURES for said in decision.fields.values())


def deny_question(question: bytes, reason: Reason, revision: str) -> Decision:
    """Each field that a question asks for, denied without asking any engine."""
    try:
        fields = fields_asked(parse_question(question))
    except NotCanonical as error:
        return refusal(error.fields, Reason.INVALID_REQUEST, revision)
    return refusal(fields, reason, revision)


def read_answer(answer: object, asked: list[str]) -> Decision:
    """The Decision that an engine's answer states about exactly the fields asked for. Raises MistypedAnswer."""
    if not isinstance(answer, dict) or answer.keys() != {"fields", "obligations", "revision"}:
        raise MistypedAnswer
    fields, obligations, revision = answer["fields"], answer["obligations"], answer["revision"]
    if not isinstance(fields, dict) or not isinstance(obligations, list) or not isinstance(revision, str):
        raise MistypedAnswer
    if fields.keys() != set(asked) or not all(isinstance(item, str) for item in obligations):
        raise MistypedAnswer
    decided = {name: _read_field(fields[name]) for name in asked}
    return Decision(fields=MappingProxyType(decided), obligations=tuple(obligations), revision=revision)


def _read_field(said: object) -> FieldDecision:
    if not isinstance(said, dict) or said.keys() != {"effect", "reason", "transform"}:
        raise MistypedAnswer
    effect, reason, transform = said["effect"], said["reason"], said["transform"]
    if not isinstance(effect, str) or not isinstance(reason, str):
        raise MistypedAnswer
    if effect not in _EFFECTS or transform != _EFFECTS[effect] or reason not in _REASONS:
        raise MistypedAnswer
    if (effect == "deny") == (reason == Reason.PERMITTED.value):
        raise MistypedAnswer
    return field_decision(cast("Effect", effect), reason, transform)


def read_explanation(answer: object) -> dict[str, list[dict[str, str]]]:
    """What an engine says of every rule that spoke, by field. Raises MistypedAnswer."""
    if not isinstance(answer, dict):
        raise MistypedAnswer
    for entries in answer.values():
        if not isinstance(entries, list):
            raise MistypedAnswer
        for entry in entries:
            if not isinstance(entry, dict) or entry.keys() != {"rule", "reason", "effect"}:
                raise MistypedAnswer
            if not all(isinstance(word, str) for word in entry.values()):
                raise MistypedAnswer
    return cast("dict[str, list[dict[str, str]]]", answer)


def canonical_decision(decision: Decision) -> bytes:
    """Canonical JSON of a decision, equal for equal decisions: what parity tests compare and replay shows."""
    fields = {
        name: {"effect": said.effect, "reason": said.reason, "transform": said.transform}
        for name, said in decision.fields.items()
    }
    whole = {"fields": fields, "obligations": decision.obligations, "revision": decision.revision}
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
