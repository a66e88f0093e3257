"""Answers as the bytes that go over the wire (docs/api.md): View, Refusal and History to JSON.

What JSON has no type for goes as text, and `types` names it: a date, a datetime, or an exact decimal number. What was
withheld is the same for all who are asked about alike, so its JSON is made once.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from privet.domain.answer import History, Record, Refusal, View, Withheld

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_WORDS: Final[Mapping[type, str]] = {Decimal: "number", date: "date", datetime: "datetime"}
_NOTHING: Final[dict[str, object]] = {}
_KEPT: Final = 1_024


class Wire:
    """Encodes. One a process: it keeps the JSON of what was withheld."""

    def __init__(self) -> None:
        # By identity: verdicts are shared by all reads alike. The mapping is held, so its id stays its own.
        self._withheld: dict[int, tuple[Mapping[str, Withheld], orjson.Fragment]] = {}

    def view(self, view: View) -> bytes:
        """The answer to a fetch that released something."""
        values = view.values
        told: dict[str, Any] = {"subject": view.subject, "values": _values(values)}
        types = types_of(values.items())
        if types:
            told["types"] = types
        kept = view.withheld
        told["withheld"] = self._fragment(kept) if kept else _NOTHING
        told["audit_id"] = view.audit_id
        told["revision"] = view.revision
        return orjson.dumps(told)

    def refusal(self, refusal: Refusal) -> bytes:
        """One wholly refused read among the answers to a fetch-many."""
        return orjson.dumps(
            {
                "reasons": refusal.reasons,
                "withheld": self._fragment(refusal.withheld),
                "message": refusal.message,
                "audit_id": refusal.audit_id,
            }
        )

    def many(self, answers: Iterable[View | Refusal]) -> bytes:
        """The answer to a fetch-many, in order."""
        made = [self.view(one) if isinstance(one, View) else self.refusal(one) for one in answers]
        return b'{"answers":[' + b",".join(made) + b"]}"

    def history(self, history: History) -> bytes:
        """The answer to a history."""
        told: dict[str, Any] = {"records": [_record(record) for record in history.records]}
        types = types_of(pair for record in history.records for pair in record.values.items())
        if types:
            told["types"] = types
        told["withheld"] = self._fragment(history.withheld)
        told["audit_id"] = history.audit_id
        return orjson.dumps(told)

    def _fragment(self, withheld: Mapping[str, Withheld]) -> orjson.Fragment:
        kept = self._withheld.get(id(withheld))
        if kept is not None:
            return kept[1]
        made = orjson.Fragment(
            orjson.dumps({name: {"reason": w.reason, "message": w.message} for name, w in withheld.items()})
        )
        if len(self._withheld) >= _KEPT:
            self._withheld.clear()
        self._withheld[id(withheld)] = (withheld, made)
        return made


def types_of(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """By field: "date", "datetime" or "number" where JSON has text instead; of a list, what is in it."""
    found: dict[str, str] = {}
    for name, value in pairs:
        kind = type(value)
        if kind in _PLAIN:
            continue
        word = _WORDS.get(type(value[0]) if isinstance(value, list) and value else kind)
        if word is not None:
            found[name] = word
    return found


def _values(values: Mapping[str, object]) -> orjson.Fragment:
    """Whole numbers of any size, Decimals as text, dates and datetimes in ISO form."""
    try:
        made = orjson.dumps(values if type(values) is dict else dict(values), default=_text)
    except orjson.JSONEncodeError:
        # A number beyond 64 bits: orjson has none such.
        text = json.dumps(dict(values), default=_text, ensure_ascii=False, separators=(",", ":"))
        made = text.encode("utf-8")
    return orjson.Fragment(made)


def _record(record: Record) -> dict[str, Any]:
    return {"id": record.id, "time": record.time, "values": _values(record.values)}


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")  # no power of ten: it would not be taken back
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
