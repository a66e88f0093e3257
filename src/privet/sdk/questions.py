"""What a client asks, as paths, JSON bodies and headers, and how each answer reads. Pure: nothing is sent here.

Refuses what JSON would change on the way (NaN, half characters, whole numbers past 64 bits) and what is no person,
purpose or list of names, so that nobody is asked in vain. The vault checks the rest, by its catalogue.
"""

import math
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from privet.domain.answer import History, Refusal, View
from privet.domain.request import MAX_FIELDS, MAX_NAME, By, SubjectRef, by, parse_pairwise
from privet.domain.request_ids import parse_request_id
from privet.errors import InvalidInput
from privet.sdk import answers

T = TypeVar("T")

MAX_BODY: Final = 8_000_000
"""Bytes of a request; a vault's own limit (serve.max_body_bytes) is lower, unless it was raised."""
MAX_CHUNK: Final = 1000
"""People in one request; a longer fetch_many is several."""
_CHUNK_BYTES, _MOST_ASKED = 400_000, 8_000_000
_REQUEST_ID: Final = "X-Request-Id"
_PATH = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_KEY = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")
_REVISION = re.compile(r"[!#-~]{1,10000}")


class Question(NamedTuple, Generic[T]):
    """One request. `read` makes the result of the decoded answer; raises Unavailable for an odd one."""

    path: str
    body: bytes
    read: Callable[[object], T]
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def writes(self) -> bool:
        """Whether it is to change something: every write has a key."""
        return any(name == "Idempotency-Key" for name, _ in self.headers)

    @property
    def request_id(self) -> str | None:
        """The id that it goes under; None: the vault makes one."""
        return next((value for name, value in self.headers if name == _REQUEST_ID), None)

    def named(self, request_id: str | None) -> "Question[T]":
        """Under the id that its caller gives it. Raises InvalidInput."""
        return self if request_id is None else self._replace(headers=self.headers + _naming(request_id))

    def __repr__(self) -> str:
        return f"Question({self.path!r}, hidden)"


class Asked(NamedTuple):
    """What every person of a fetch_many is asked."""

    purpose: str
    fields: list[str]
    step: int
    headers: tuple[tuple[str, str], ...]


def fetch(subject: SubjectRef, purpose: str, fields: Sequence[str]) -> Question[View]:
    body = {"subject": _person(subject), "purpose": _purpose(purpose), "fields": _names(fields)}
    return Question("/v1/fetch", _json(body), answers.parse_view)


def find(purpose: str, lookup: Mapping[str, str]) -> Question[str | None]:
    body = {"subject": _person(by(**lookup)), "purpose": _purpose(purpose)}
    return Question("/v1/find", _json(body), answers.parse_found)


def asked_of_each(purpose: str, fields: Sequence[str], request_id: str | None = None) -> Asked:
    names = _names(fields)
    step = _MOST_ASKED // max(1, sum(64 + len(name.encode("utf-8", "replace")) for name in names))
    headers = () if request_id is None else _naming(request_id)
    return Asked(_purpose(purpose), names, max(1, min(MAX_CHUNK, step)), headers)


class Chunks:
    """People as JSON, in lists that fit a request."""

    def __init__(self, step: int) -> None:
        self._step, self._size = step, 0
        self._chunk: list[object] = []

    def add(self, subject: SubjectRef) -> list[object] | None:
        """The list that is now full, if one is. Raises InvalidInput for what names nobody."""
        person = _person(subject)
        self._chunk.append(person)
        self._size += len(_json({"subject": person}))
        return self.rest() if len(self._chunk) >= self._step or self._size >= _CHUNK_BYTES else None

    def rest(self) -> list[object]:
        """What is not yet a full list. Starts anew."""
        chunk, self._chunk, self._size = self._chunk, [], 0
        return chunk


def chunks(subjects: Iterable[SubjectRef], step: int) -> Iterator[list[object]]:
    """Lists that fit a request. Takes from `subjects` no more than one of them needs."""
    gathering = Chunks(step)
    for subject in subjects:
        full = gathering.add(subject)
        if full is not None:
            yield full
    rest = gathering.rest()
    if rest:
        yield rest


def people(subjects: Iterable[SubjectRef]) -> Iterable[SubjectRef]:
    """Raises InvalidInput for one person, who is not a list."""
    if isinstance(subjects, str | By) or not isinstance(subjects, Iterable):
        raise InvalidInput("name the people as a list of pairwise ids and by(field=value)", field="subject")
    return subjects


def fetch_many(chunk: list[object], asked: Asked) -> Question[list[View | Refusal]]:
    body = {"subjects": chunk, "purpose": asked.purpose, "fields": asked.fields}
    return Question("/v1/fetch-many", _json(body), answers.parse_many(len(chunk)), asked.headers)


def history(
    subject: SubjectRef,
    collection: str,
    purpose: str,
    fields: Sequence[str],
    since: date | datetime | None,
    until: date | datetime | None,
    limit: int | None,
) -> Question[History]:
    if limit is not None and (type(limit) is not int or not 1 <= limit < 2**31):
        raise InvalidInput("limit must be a whole number from 1, below 2^31", field="limit")
    body: dict[str, object] = {
        "subject": _person(subject),
        "collection": _name("collection", collection),
        "purpose": _purpose(purpose),
        "fields": _names(fields),
    }
    window = {"since": _moment("since", since), "until": _moment("until", until), "limit": limit}
    body |= {name: value for name, value in window.items() if value is not None}
    return Question("/v1/history", _json(body), answers.parse_history)


def put(
    subject: SubjectRef,
    values: Mapping[str, object],
    purpose: str,
    idempotency_key: str | None,
    if_revision: str | None,
) -> Question[str]:
    body = {"subject": _person(subject), "values": _values(values), "purpose": _purpose(purpose)}
    headers = _writing(idempotency_key)
    if if_revision is not None:
        if not _fits(_REVISION, if_revision):
            raise InvalidInput("a revision is what an earlier answer named as such", field="if_revision")
        headers += (("If-Match", f'"{if_revision}"'),)
    return Question("/v1/put", _json(body), answers.parse_written, headers)


def record(
    subject: SubjectRef,
    collection: str,
    values: Mapping[str, object],
    purpose: str,
    idempotency_key: str | None,
) -> Question[str]:
    body = {
        "subject": _person(subject),
        "collection": _name("collection", collection),
        "values": _values(values),
        "purpose": _purpose(purpose),
    }
    return Question("/v1/record", _json(body), answers.parse_written, _writing(idempotency_key))


def consent(
    subject: SubjectRef, purpose: str, given: object, source: str | None, idempotency_key: str | None
) -> Question[str]:
    body = {"subject": _person(subject), "purpose": _purpose(purpose), "given": given is True}
    body |= {} if source is None else {"source": _text("source", source)}
    return Question("/v1/consent/record", _json(body), answers.parse_written, _writing(idempotency_key))


def request_consent(
    subject: SubjectRef, purpose: str, source: str | None, idempotency_key: str | None
) -> Question[str]:
    body = {"subject": _person(subject), "purpose": _purpose(purpose)}
    body |= {} if source is None else {"source": _text("source", source)}
    return Question("/v1/consent/request", _json(body), answers.parse_written, _writing(idempotency_key))


def consent_status(subject: SubjectRef, purpose: str) -> Question[str]:
    body = {"subject": _person(subject), "purpose": _purpose(purpose)}
    return Question("/v1/consent/status", _json(body), answers.parse_status)


def consent_receipt(subject: SubjectRef, purpose: str) -> Question[dict[str, Any] | None]:
    body = {"subject": _person(subject), "purpose": _purpose(purpose)}
    return Question("/v1/consent/receipt", _json(body), answers.parse_receipt)


def _naming(request_id: str) -> tuple[tuple[str, str], ...]:
    return ((_REQUEST_ID, parse_request_id(request_id)),)


def _writing(idempotency_key: str | None) -> tuple[tuple[str, str], ...]:
    """Every write has a key, so that no retry writes twice."""
    if idempotency_key is None:
        return (("Idempotency-Key", secrets.token_urlsafe(24)),)
    if not _fits(_KEY, idempotency_key):
        raise InvalidInput(
            f"an idempotency key is 1 to {MAX_NAME} printable ASCII characters", field="idempotency_key"
        )
    return (("Idempotency-Key", idempotency_key),)


def _fits(form: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and form.fullmatch(text) is not None


def _json(body: Mapping[str, object]) -> bytes:
    try:
        encoded = orjson.dumps(body)
    except TypeError:
        encoded = b""
    if encoded and len(encoded) <= MAX_BODY:
        return encoded
    at = next((name for name, value in body.items() if not _is_json(value)), None)
    if at is None:
        raise InvalidInput(f"a request of more than {MAX_BODY} bytes is not sent")
    raise InvalidInput(f"{at}: must be text without half characters", field=at)


def _is_json(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _person(subject: object) -> str | dict[str, str]:
    if isinstance(subject, By):
        if not all(isinstance(part, str) for part in (subject.field, subject.value)):
            raise InvalidInput("a look-up is a field name and a value, both text", field="subject")
        return {subject.field: subject.value}
    return parse_pairwise(subject)


def _purpose(purpose: object) -> str:
    """An empty purpose goes on to policy, which refuses it by name."""
    if purpose is None:
        return ""
    if not isinstance(purpose, str) or len(purpose) > MAX_NAME:
        raise InvalidInput(f"a purpose is text of at most {MAX_NAME} characters", field="purpose")
    return purpose


def _names(fields: object) -> list[str]:
    if isinstance(fields, str) or not isinstance(fields, Sequence) or not fields:
        raise InvalidInput("fields must be a list of at least one field name", field="fields")
    if len(fields) > MAX_FIELDS:
        raise InvalidInput(f"at most {MAX_FIELDS} fields in one read", field="fields")
    for name in fields:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise InvalidInput(f"field names are text of 1 to {MAX_NAME} characters", field="fields")
    return list(fields)


def _name(what: str, name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise InvalidInput(f"a {what} is text of 1 to {MAX_NAME} characters", field=what)
    return name


def _text(what: str, text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"the {what} is text", field=what)
    return text


def _moment(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidInput(f"{name} must have a time zone", field=name)
    if not isinstance(value, date):
        raise InvalidInput(f"{name} must be a date or a datetime", field=name)
    return value.isoformat()


def _values(values: object) -> dict[str, object]:
    if not isinstance(values, Mapping):
        raise InvalidInput("values must be a mapping of field name to value", field="values")
    plain: dict[str, object] = {}
    for name, value in values.items():
        if not isinstance(name, str):
            raise InvalidInput("field names are text", field="values")
        if isinstance(value, list | tuple):
            plain[name] = [_plain(name, one) for one in value]
        else:
            plain[name] = _plain(name, value)
    return plain


def _plain(name: str, value: object) -> str | int | float | bool | None:
    """JSON of one value. A number goes as text, to its last digit; the vault knows the field's type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not _is_json(value):
            raise _refused(name, "text without half characters")
        return value
    if isinstance(value, int):
        if value.bit_length() > 63:
            raise _refused(name, "a number that JSON can carry")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(name, "a finite number")
        return float(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or not -99 <= value.adjusted() <= 99:
            raise _refused(name, "a finite number that a field can hold")
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    raise _refused(name, "text, a number, a truth value, a date, an aware datetime, or a list of them")


def _refused(name: str, rule: str) -> InvalidInput:
    """Names the field, unless it is none that a catalogue could have: then it may be anything, an address say."""
    if _PATH.fullmatch(name):
        return InvalidInput(f"{name}: must be {rule}", field=name)
    return InvalidInput(f"a value must be {rule}", field="values")
