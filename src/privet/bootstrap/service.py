"""The SDK in process: what an internal service may call. The same methods as the remote client.

Refuses malformed requests (InvalidInput) before anything is looked up; all else is for policy to answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from privet.bootstrap.parts import Parts
from privet.domain.answer import History, Refusal, View
from privet.domain.catalogue import matches
from privet.domain.coarse import instant, last_instant
from privet.domain.decision import Operation
from privet.domain.ids import Millis, from_millis
from privet.domain.request import MAX_FIELDS, MAX_NAME, By, ReadRequest, SubjectRef, Window, by
from privet.errors import InvalidInput
from privet.intake.request import WriteRequest, check_profile, check_record
from privet.release.stages import ReleasedRead

MAX_BATCH = 1000
"""Reads that one unit of work takes; a longer fetch_many runs as several."""
_MOST_ASKED = 8_000_000
"""Bytes of names that one unit of work is asked for: its log entries hold them, and are in memory until it ends."""
_SOURCE = 500
_REMEMBERED, _REMEMBERED_FIELDS = 256, 100


class ServiceSession:
    """One service of the catalogue, named at `Vault.service`. Threads may share it."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self.name = name
        self._asked_before: dict[tuple[str, ...], tuple[str, ...]] = {}

    def fetch(self, subject: SubjectRef, *, purpose: str, fields: Sequence[str]) -> View:
        """What of `fields` may be had of one person for `purpose`.

        Raises AccessDenied when nothing may (reasons in it), InvalidInput, IntegrityError, Unavailable.
        """
        request = self._request(Operation.READ, subject, purpose, self._paths(fields))
        released = self._parts.pipeline.read([request])[0]
        self._parts.checkpointer.tick()
        return _view(released)

    def fetch_many(
        self, subjects: Iterable[SubjectRef], *, purpose: str, fields: Sequence[str]
    ) -> list[View | Refusal]:
        """As `fetch`, for many: the same order, each a View or a Refusal; one log entry each."""
        name, paths, purpose = self.name, self._paths(fields), _purpose(purpose)
        requests = [
            ReadRequest(name, Operation.READ, purpose, self._subject(subject), paths)
            for subject in _people(subjects)
        ]
        answers: list[View | Refusal] = []
        step = max(1, min(MAX_BATCH, _MOST_ASKED // sum(64 + len(path.encode()) for path in paths)))
        for start in range(0, len(requests), step):
            for released in self._parts.pipeline.read(requests[start : start + step]):
                answer = released.view or released.refusal
                assert answer is not None
                answers.append(answer)
        if requests:
            self._parts.checkpointer.tick()
        return answers

    def find(self, *, purpose: str, **lookup: str) -> str | None:
        """The person's pairwise id if at least one field would be released now, else None. Logged either way."""
        service = self._parts.catalogue.services[self.name]
        paths = tuple(
            path
            for path in self._parts.catalogue.fields
            if any(matches(pattern, path) for pattern in service.fields)
        )
        if not paths:
            raise InvalidInput(f"{self.name} may use no profile field, so it can find nobody", field="find")
        released = self._parts.pipeline.read([self._request(Operation.FIND, by(**lookup), purpose, paths)])[0]
        self._parts.checkpointer.tick()
        if released.failure is not None:
            raise released.failure
        return released.view.subject if released.view is not None else None

    def history(
        self,
        subject: SubjectRef,
        collection: str,
        *,
        purpose: str,
        fields: Sequence[str],
        since: date | datetime | None = None,
        until: date | datetime | None = None,
        limit: int | None = None,
    ) -> History:
        """Records of one collection, newest first; `since` and `until` are inclusive.

        Raises AccessDenied when no field may be had, InvalidInput.
        """
        held = self._parts.catalogue.collections.get(collection) if _is_string(collection) else None
        if held is None:
            known = ", ".join(sorted(self._parts.catalogue.collections)) or "none"
            raise InvalidInput(f"there is no such collection; collections here: {known}", field="collection")
        if limit is not None and (type(limit) is not int or not 1 <= limit < 2**31):
            raise InvalidInput("limit must be a whole number from 1, below 2^31", field="limit")
        window = Window(collection, _moment("since", since), _moment("until", until, last=True), limit)
        names = _names(fields)
        prefix = f"{collection}."
        paths = tuple(
            dict.fromkeys(
                path
                for name in names
                for path in self._expand(
                    name if name.startswith(prefix) else prefix + name,
                    (f.path for f in held.fields.values()),
                )
            )
        )
        request = self._request(Operation.HISTORY, subject, purpose, paths, window)
        released = self._parts.pipeline.read([request])[0]
        self._parts.checkpointer.tick()
        view = _view(released)
        withheld = {path.removeprefix(prefix): kept for path, kept in view.withheld.items()}
        return History(records=released.series, withheld=withheld, audit_id=released.audit_id)

    def put(self, subject: SubjectRef, values: Mapping[str, object], *, purpose: str) -> str:
        """Writes profile fields; None clears one. `by()` that finds nobody creates, if the service enrols.

        Returns the audit id. Raises AccessDenied, InvalidInput, Conflict (a look-up value of another person, where
        this service may look people up by it), Unavailable.
        """
        catalogue = self._parts.catalogue
        service = catalogue.services[self.name]
        blind = frozenset(
            path for path, held in catalogue.fields.items() if held.lookup and path not in service.find
        )
        checked, unknown = check_profile(catalogue, _mapping(values), same_words=blind)
        return self._write(
            WriteRequest(self.name, _purpose(purpose), self._subject(subject), checked, unknown)
        )

    def record(
        self, subject: SubjectRef, collection: str, values: Mapping[str, object], *, purpose: str
    ) -> str:
        """Adds one record to a collection, or replaces the one with the same key. Returns the audit id."""
        held, checked, unknown, key = check_record(self._parts.catalogue, collection, _mapping(values))
        return self._write(
            WriteRequest(
                self.name, _purpose(purpose), self._subject(subject), checked, unknown, held.name, key
            )
        )

    def consent(
        self, subject: SubjectRef, purpose: str, *, given: bool = True, source: str | None = None
    ) -> str:
        """What a customer told this service, for a purpose that it collects. Returns the audit id.

        A yes stays *requested* until she confirms where this service itself would profit from it, the purpose opens
        special data, or she had said no before; a no counts at once. Of nobody it is taken and has no effect: the
        answer tells nothing. Raises AccessDenied (logged) for what the catalogue does not let this service record.
        """
        from privet.bootstrap.subjects import record_consent

        # Before anybody is looked for: what cannot be written of somebody must not be taken of nobody.
        if source is not None and not (_is_string(source) and len(source) <= _SOURCE and _is_text(source)):
            raise InvalidInput(
                f"the source of a consent is text of at most {_SOURCE} characters", field="source"
            )
        recorded = record_consent(
            self._parts,
            self.name,
            self._subject(subject),
            _purpose(purpose),
            given=given is True,
            source=source,
        )
        self._parts.checkpointer.tick()
        return recorded

    def _write(self, request: WriteRequest) -> str:
        written = self._parts.intake.write(request)
        self._parts.checkpointer.tick()
        return written.entry.hex()

    def _request(
        self,
        operation: Operation,
        subject: SubjectRef,
        purpose: str,
        paths: tuple[str, ...],
        window: Window | None = None,
    ) -> ReadRequest:
        return ReadRequest(self.name, operation, _purpose(purpose), self._subject(subject), paths, window)

    def _subject(self, subject: object) -> SubjectRef:
        if isinstance(subject, By):
            if not _is_string(subject.field) or not _is_string(subject.value):
                raise InvalidInput("a look-up is a field name and a value, both text", field="by")
            # a malformed value is the caller's mistake, said before anybody is looked for
            self._parts.lookups.inner(self._parts.lookups.field(subject.field), subject.value)
            return subject
        if isinstance(subject, str) and 0 < len(subject) <= MAX_NAME:
            return subject
        raise InvalidInput("name a person by a pairwise id or by(field=value)", field="subject")

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
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not _is_text(name):
            raise InvalidInput(f"field names are text of 1 to {MAX_NAME} characters", field="fields")
    return fields


def _purpose(purpose: object) -> str:
    """An empty purpose goes on to policy, which refuses it by name."""
    if purpose is None:
        return ""
    if not isinstance(purpose, str) or len(purpose) > MAX_NAME or not _is_text(purpose):
        raise InvalidInput(f"a purpose is text of at most {MAX_NAME} characters", field="purpose")
    return purpose


def _is_string(value: object) -> bool:
    """Callers may pass anything, whatever the signature says."""
    return isinstance(value, str)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _people(subjects: object) -> Iterable[object]:
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


def _view(released: ReleasedRead) -> View:
    if released.failure is not None:
        raise released.failure
    if released.refusal is not None:
        raise released.refusal.error()
    assert released.view is not None
    return released.view
