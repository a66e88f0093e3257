"""What a vault answers, read strictly: the same View, Refusal and History as in process, types and all.

Refuses (Unavailable) whatever is not an answer of this API: what is not JSON, has another shape, a number that is
none, a time without its zone. Members it does not know are left out: a newer vault may say more.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from privet.domain.answer import History, Record, Refusal, View, Withheld
from privet.domain.request import MAX_NAME
from privet.errors import Unavailable

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_ENTRY = re.compile(r"[0-9a-f]{32}").fullmatch
_NUMBER = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?(?:[eE][-+]?[0-9]{1,2})?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[-+][0-9]{2}:[0-9]{2})"
).fullmatch
_LONGEST_REVISION = 10_000
ODD: Final = (
    "what answers at the vault's address does not speak this API: check scheme, host, port and path, and that the "
    "versions of privet on both sides fit"
)


class Odd(Exception):
    """An answer of another shape. It never leaves the sdk."""


def parse_json(body: bytes) -> object:
    """Decoded JSON. Raises Unavailable."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    raise Unavailable(ODD)


def _strictly(read: Callable[[Any], Any]) -> Callable[[object], Any]:
    """The one place where an odd shape becomes an error, without what was in it."""

    def parse(answer: object) -> Any:
        try:
            return read(answer)
        except (Odd, KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
            pass
        raise Unavailable(ODD)

    return parse


def _view(answer: Any) -> View:
    values, revision = answer["values"], answer["revision"]
    if type(values) is not dict or type(revision) is not str or len(revision) > _LONGEST_REVISION:
        raise Odd
    types = answer.get("types")
    return View(
        subject=_subject(answer["subject"]),
        values=_restored(values, types if types is None else _types(types)),
        withheld=parse_withheld(answer["withheld"]),
        audit_id=_entry(answer["audit_id"]),
        revision=revision,
    )


def _refusal(answer: Any) -> Refusal:
    audit_id = answer["audit_id"]  # "" where the entry itself could not be written
    return Refusal(
        reasons=parse_reasons(answer["reasons"]),
        withheld=parse_withheld(answer["withheld"]),
        message=_string(answer["message"]),
        audit_id=audit_id if audit_id == "" else _entry(audit_id),
    )


def _history(answer: Any) -> History:
    records, types = answer["records"], answer.get("types")
    if type(records) is not list:
        raise Odd
    known = types if types is None else _types(types)
    return History(
        records=tuple(_record(one, known) for one in records),
        withheld=parse_withheld(answer["withheld"]),
        audit_id=_entry(answer["audit_id"]),
    )


def _record(answer: Any, types: Mapping[str, str] | None) -> Record:
    time, values = answer["time"], answer["values"]
    if type(values) is not dict:
        raise Odd
    return Record(
        id=_subject(answer["id"]),
        time=None if time is None else _moment(time),
        values=_restored(values, types),
    )


def _written(answer: Any) -> str:
    return _entry(answer["audit_id"])


def _found(answer: Any) -> str | None:
    subject = answer["subject"]
    return None if subject is None else _subject(subject)


def _status(answer: Any) -> str:
    _entry(answer["audit_id"])
    return _string(answer["status"])


def _receipt(answer: Any) -> dict[str, Any] | None:
    _entry(answer["audit_id"])
    receipt = answer["receipt"]
    if receipt is not None and type(receipt) is not dict:
        raise Odd
    return receipt


parse_view: Callable[[object], View] = _strictly(_view)
parse_history: Callable[[object], History] = _strictly(_history)
parse_written: Callable[[object], str] = _strictly(_written)
parse_found: Callable[[object], str | None] = _strictly(_found)

parse_status: Callable[[object], str] = _strictly(_status)
parse_receipt: Callable[[object], dict[str, Any] | None] = _strictly(_receipt)


def parse_many(people: int) -> Callable[[object], list[View | Refusal]]:
    """For as many answers as people were asked about, in their order."""

    def read(answer: Any) -> list[View | Refusal]:
        answers = answer["answers"]
        if type(answers) is not list or len(answers) != people:
            raise Odd
        return [_view(one) if "values" in one else _refusal(one) for one in answers]

    return _strictly(read)


def parse_withheld(withheld: Any) -> dict[str, Withheld]:
    """Raises what an odd shape raises (TypeError, KeyError …)."""
    if type(withheld) is not dict:
        raise Odd
    return {
        field: Withheld(_string(kept["reason"]), _string(kept["message"])) for field, kept in withheld.items()
    }


def parse_reasons(reasons: Any) -> tuple[str, ...]:
    """As `parse_withheld`."""
    if type(reasons) is not list:
        raise Odd
    return tuple(_string(reason) for reason in reasons)


def _restored(values: dict[str, Any], types: Mapping[str, str] | None) -> dict[str, object]:
    for value in values.values():
        if type(value) not in _PLAIN and (
            type(value) is not list or not all(type(one) in _PLAIN for one in value)
        ):
            raise Odd
    if types is None:
        return values
    for field, word in types.items():
        if field in values:
            read = _READ[word]
            value = values[field]
            if type(value) is list:
                values[field] = [read(one) for one in value]
            elif value is not None:
                values[field] = read(value)
    return values


def _types(types: Any) -> dict[str, str]:
    if type(types) is not dict:
        raise Odd
    return types


def _number(text: Any) -> Decimal:
    if type(text) is not str or not _NUMBER(text):
        raise Odd
    return Decimal(text)


def _date(text: Any) -> date:
    if type(text) is not str or not _DATE(text):
        raise Odd
    return date.fromisoformat(text)


def _datetime(text: Any) -> datetime:
    if type(text) is not str or not _DATETIME(text):
        raise Odd
    return datetime.fromisoformat(text)


def _moment(text: Any) -> date | datetime:
    return _date(text) if type(text) is str and len(text) == 10 else _datetime(text)


_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "number": _number,
    # A record's time may be a date in one record and a datetime in the next: their forms tell.
    "date": _moment,
    "datetime": _moment,
}


def _entry(text: Any) -> str:
    if type(text) is not str or not _ENTRY(text):
        raise Odd
    return text


def _subject(text: Any) -> str:
    if type(text) is not str or not 0 < len(text) <= MAX_NAME:
        raise Odd
    return text


def _string(text: Any) -> str:
    if type(text) is not str:
        raise Odd
    return text
