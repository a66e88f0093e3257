"""What a service asks, checked and made into requests of the pipelines; and what it hears, made of their answers.

The session in the process and the HTTP service share this, so that both take and give the same. Refuses malformed
requests (InvalidInput) before anything is looked up; all else is for policy to answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from privet.bootstrap.parts import Parts
from privet.decide.spelling import Spellings
from privet.domain.answer import History, View
from privet.domain.catalogue import Field, matches
from privet.domain.coarse import instant, last_instant
from privet.domain.decision import Operation
from privet.domain.ids import Millis, from_millis
from privet.domain.request import (
    MAX_FIELDS,
    MAX_NAME,
    By,
    ReadRequest,
    SubjectRef,
    Window,
    by,
    parse_pairwise,
)
from privet.errors import InvalidInput
from privet.intake.request import WriteRequest, check_profile, check_record
from privet.release.stages import ReleasedRead

_REMEMBERED, _REMEMBERED_FIELDS = 256, 100
_REVISION = 10_000


class ServiceRequests:
    """Makes the requests of one service of the catalogue. `peer`: what the edge knows of the caller, for the log."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self.name = name
        self._asked_before: dict[tuple[str, ...], tuple[str, ...]] = {}
        service = parts.catalogue.services[name]
        self._usable = tuple(
            path
            for path in parts.catalogue.fields
            if any(matches(pattern, path) for pattern in service.fields)
        )

    def fetch(
        self, subject: object, *, purpose: object, fields: Sequence[str], peer: str = ""
    ) -> ReadRequest:
        """One read of a profile."""
        return self._read(Operation.READ, subject, purpose, self._paths(fields), None, peer)

    def fetch_many(
        self, subjects: object, *, purpose: object, fields: Sequence[str], peer: str = ""
    ) -> list[ReadRequest]:
        """One read a person, in their order."""
        name, paths, why = self.name, self._paths(fields), _purpose(purpose)
        made: list[ReadRequest] = []
        for item, subject in enumerate(people(subjects)):
            try:
                who = self.person(subject)
            except InvalidInput as error:
                error.item = item
                raise
            made.append(ReadRequest(name, Operation.READ, why, who, paths, None, peer))
        return made

    def find(
        self, who: By | None = None, /, *, purpose: object, peer: str = "", **lookup: str
    ) -> ReadRequest:
        """Whether somebody may be had at all: `who`, or whom the one look-up names."""
        if not self._usable:
            raise InvalidInput(f"{self.name} may use no profile field, so it can find nobody", field="find")
        return self._read(Operation.FIND, who or by(**lookup), purpose, self._usable, None, peer)

    def history(
        self,
        subject: object,
        collection: object,
        *,
        purpose: object,
        fields: Sequence[str],
        since: date | datetime | None = None,
        until: date | datetime | None = None,
        limit: int | None = None,
        peer: str = "",
    ) -> ReadRequest:
        """Records of one collection; `since` and `until` are inclusive."""
        known = self._parts.catalogue.collections
        held = known.get(collection) if isinstance(collection, str) else None
        if held is None:
            listed = ", ".join(sorted(known)) or "none"
            raise InvalidInput(f"there is no such collection; collections here: {listed}", field="collection")
        if limit is not None and (type(limit) is not int or not 1 <= limit < 2**31):
            raise InvalidInput("limit must be a whole number from 1, below 2^31", field="limit")
        window = Window(held.name, _moment("since", since), _moment("until", until, last=True), limit)
        prefix = f"{held.name}."
        paths = tuple(
            dict.fromkeys(
                path
                for name in _names(fields)
                for path in self._expand(
                    name if name.startswith(prefix) else prefix + name,
                    (f.path for f in held.fields.values()),
                )
            )
        )
        return self._read(Operation.HISTORY, subject, purpose, paths, window, peer)

    def put(
        self,
        subject: object,
        values: object,
        *,
        purpose: object,
        if_revision: object = None,
        idempotency_key: object = None,
        peer: str = "",
    ) -> WriteRequest:
        """A write of profile fields."""
        catalogue = self._parts.catalogue
        service = catalogue.services[self.name]
        blind = frozenset(
            path for path, held in catalogue.fields.items() if held.lookup and path not in service.find
        )
        checked, unknown = check_profile(catalogue, _mapping(values), same_words=blind)
        return WriteRequest(
            self.name,
            _purpose(purpose),
            self.person(subject),
            checked,
            unknown,
            peer=peer,
            if_revision=_revision(if_revision),
            once=_once(idempotency_key),
        )

    def record(
        self,
        subject: object,
        collection: str,
        values: object,
        *,
        purpose: object,
        idempotency_key: object = None,
        peer: str = "",
    ) -> WriteRequest:
        """A write of one record."""
        held, checked, unknown, key = check_record(self._parts.catalogue, collection, _mapping(values))
        return WriteRequest(
            self.name,
            _purpose(purpose),
            self.person(subject),
            checked,
            unknown,
            held.name,
            key,
            peer,
            once=_once(idempotency_key),
        )

    def purpose(self, purpose: object) -> str:
        """Checked; an empty one goes on to policy, which refuses it by name."""
        return _purpose(purpose)

    def once(self, idempotency_key: object) -> str | None:
        """An idempotency key, checked."""
        return _once(idempotency_key)

    def person(self, subject: object) -> SubjectRef:
        """Whom a caller names, checked but looked for nowhere."""
        if isinstance(subject, By):
            if not _is_string(subject.field) or not _is_string(subject.value):
                raise InvalidInput("a look-up is a field name and a value, both text", field="subject")
            # a malformed value is the caller's mistake, said before anybody is looked for
            self._parts.lookups.inner(self._lookup(subject.field), subject.value)
            return subject
        return parse_pairwise(subject)

    def _lookup(self, name: str) -> Field:
        """The look-up field. One that this service may not name people by is for policy to refuse, by name."""
        catalogue = self._parts.catalogue
        found = catalogue.fields.get(name)
        if found is not None and found.lookup is not None:
            return found
        own = sorted(catalogue.services[self.name].find)
        near = Spellings(own).near(name)
        raise InvalidInput(
            "people cannot be looked up by this field"
            + (f"; look-ups that {self.name} may use: {', '.join(own)}" if own else "")
            + (f"; do you mean {', '.join(near)}?" if near else ""),
            field="subject",
        )

    def _read(
        self,
        operation: Operation,
        subject: object,
        purpose: object,
        paths: tuple[str, ...],
        window: Window | None,
        peer: str,
    ) -> ReadRequest:
        return ReadRequest(self.name, operation, _purpose(purpose), self.person(subject), paths, window, peer)

    def _paths(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Checked and expanded. A caller asks for the same few lists all day: those are remembered."""
        key = tuple(fields) if isinstance(fields, list | tuple) else ()
        try:
            known = self._asked_before.get(key)
        except TypeError:  # something in it is not even hashable
            known = None
        if known is not None:
            return known
        names = _names(fields)
        paths = tuple(
            dict.fromkeys(path for name in names for path in self._expand(name, self._parts.catalogue.fields))
        )
        if key and len(key) <= _REMEMBERED_FIELDS:
            if len(self._asked_before) >= _REMEMBERED:
                self._asked_before.clear()
            self._asked_before[key] = paths
        return paths

    def _expand(self, name: str, paths: Iterable[str]) -> list[str]:
        """`room.*` is all that stands below `room.`; any other name is itself."""
        if not name.endswith("*"):
            return [name]
        return [path for path in paths if matches(name, path)] or [name]


def _names(fields: object) -> Sequence[str]:
    if isinstance(fields, str) or not isinstance(fields, Sequence) or not fields:
        raise InvalidInput("fields must be a list of at least one field name", field="fields")
    if len(fields) > MAX_FIELDS:
        raise InvalidInput(f"at most {MAX_FIELDS} fields in one read", field="fields")
    for name in fields:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not is_text(name):
            raise InvalidInput(f"field names are text of 1 to {MAX_NAME} characters", field="fields")
    return fields


def _purpose(purpose: object) -> str:
    """An empty purpose goes on to policy, which refuses it by name."""
    if purpose is None:
        return ""
    if not isinstance(purpose, str) or len(purpose) > MAX_NAME or not is_text(purpose):
        raise InvalidInput(f"a purpose is text of at most {MAX_NAME} characters", field="purpose")
    return purpose


def _is_string(value: object) -> bool:
    """Callers may pass anything, whatever the signature says."""
    return isinstance(value, str)


def is_text(text: str) -> bool:
    """Whether it has an encoding: a lone surrogate has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def people(subjects: object) -> Iterable[Any]:
    """Raises InvalidInput for one person, who is no list."""
    if isinstance(subjects, str | By) or not isinstance(subjects, Iterable):
        raise InvalidInput("name the people as a list of pairwise ids and by(field=value)", field="subject")
    return subjects


def _mapping(values: object) -> Mapping[str, object]:
    if not isinstance(values, Mapping):
        raise InvalidInput("values must be a mapping of field name to value", field="values")
    return values


def _moment(name: str, value: date | datetime | None, *, last: bool = False) -> Millis | None:
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidInput(f"{name} must have a time zone", field=name)
    if not isinstance(value, date):
        raise InvalidInput(f"{name} must be a date or a datetime", field=name)
    try:
        moment = last_instant(value) if last else instant(value)
        from_millis(moment)  # in UTC it may lie before the year 1 or after 9999
    except (OverflowError, ValueError):
        raise InvalidInput(f"{name} is out of range", field=name) from None
    return moment


def _revision(revision: object) -> str | None:
    if revision is None or (
        isinstance(revision, str) and 0 < len(revision) <= _REVISION and revision.isascii()
    ):
        return revision
    raise InvalidInput("a revision is what an earlier answer named as such", field="if_revision")


def _once(key: object) -> str | None:
    if key is None or (
        isinstance(key, str) and 0 < len(key) <= MAX_NAME and key.isascii() and key.isprintable()
    ):
        return key
    raise InvalidInput(
        f"an idempotency key is 1 to {MAX_NAME} printable ASCII characters", field="idempotency_key"
    )


def view(released: ReleasedRead) -> View:
    """The answer to a fetch. Raises what became of it instead: AccessDenied, IntegrityError, Unavailable."""
    if released.failure is not None:
        raise released.failure
    if released.refusal is not None:
        raise released.refusal.error()
    assert released.view is not None
    return released.view


def found(released: ReleasedRead) -> str | None:
    """The answer to a find. Raises IntegrityError, Unavailable."""
    if released.failure is not None:
        raise released.failure
    return released.view.subject if released.view is not None else None


def history_of(request: ReadRequest, released: ReleasedRead) -> History:
    """The answer to a history. Raises as `view`."""
    assert request.window is not None
    prefix = f"{request.window.collection}."
    withheld = {path.removeprefix(prefix): kept for path, kept in view(released).withheld.items()}
    return History(records=released.series, withheld=withheld, audit_id=released.audit_id)
