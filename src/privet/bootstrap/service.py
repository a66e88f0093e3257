"""The SDK in process: what an internal service may call. The same methods as the remote client.

Refuses malformed requests (InvalidInput) before anything is looked up; all else is for policy to answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from privet.bootstrap.asking import ServiceRequests, found, history_of, people, view
from privet.bootstrap.parts import Parts
from privet.domain.answer import History, Record, Refusal, View
from privet.domain.paging import Pages
from privet.domain.request import SubjectRef
from privet.domain.request_ids import parse_request_id
from privet.errors import PrivetError
from privet.intake.request import WriteRequest

if TYPE_CHECKING:
    from privet.bootstrap.consenting import ServiceConsents

P = ParamSpec("P")
T = TypeVar("T")
MAX_BATCH = 1000
"""Reads that one unit of work takes; a longer fetch_many runs as several."""
_MOST_ASKED = 8_000_000
"""Bytes of names that one unit of work is asked for: its log entries hold them, and are in memory until it ends."""


def _naming(call: Callable[P, T]) -> Callable[P, T]:
    """What the call raises has the request id that it was given, as a client's errors have."""

    @wraps(call)
    def named(*args: P.args, **options: P.kwargs) -> T:
        try:
            return call(*args, **options)
        except PrivetError as error:
            given = options.get("request_id")
            error.request_id = given if isinstance(given, str) else None
            raise

    return named


class ServiceSession:
    """One service of the catalogue, named at `Vault.service`. Threads may share it."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self._ask = ServiceRequests(parts, name)
        self.name = name

    @_naming
    def fetch(
        self, subject: SubjectRef, *, purpose: str, fields: Sequence[str], request_id: str | None = None
    ) -> View:
        """What of `fields` may be had of one person for `purpose`.

        Raises AccessDenied when nothing may (reasons in it), InvalidInput, IntegrityError, Unavailable.
        """
        request = self._ask.fetch(subject, purpose=purpose, fields=fields, peer=_peer(request_id))
        released = self._parts.pipeline.read([request])[0]
        self._parts.checkpointer.tick()
        return view(released)

    @_naming
    def fetch_many(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> list[View | Refusal]:
        """As `fetch`, for many: the same order, each a View or a Refusal; one log entry each."""
        requests = self._ask.fetch_many(subjects, purpose=purpose, fields=fields, peer=_peer(request_id))
        if not requests:
            return []
        answers: list[View | Refusal] = []
        paths = requests[0].fields
        step = max(1, min(MAX_BATCH, _MOST_ASKED // sum(64 + len(path.encode()) for path in paths)))
        for start in range(0, len(requests), step):
            for released in self._parts.pipeline.read(requests[start : start + step]):
                answer = released.view or released.refusal
                assert answer is not None
                answers.append(answer)
        self._parts.checkpointer.tick()
        return answers

    def fetch_each(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> Iterator[View | Refusal]:
        """As `fetch_many`, but answers come as they are had; people are taken from `subjects` as they are needed."""
        # what is malformed is said now
        self._ask.fetch_many((), purpose=purpose, fields=fields, peer=_peer(request_id))
        return self._each(iter(people(subjects)), purpose, fields, request_id)

    def _each(
        self, subjects: Iterator[SubjectRef], purpose: str, fields: Sequence[str], request_id: str | None
    ) -> Iterator[View | Refusal]:
        while chunk := list(islice(subjects, MAX_BATCH)):
            yield from self.fetch_many(chunk, purpose=purpose, fields=fields, request_id=request_id)

    @_naming
    def find(self, *, purpose: str, request_id: str | None = None, **lookup: str) -> str | None:
        """The person's pairwise id if at least one field would be released now, else None. Logged either way."""
        request = self._ask.find(purpose=purpose, peer=_peer(request_id), **lookup)
        released = self._parts.pipeline.read([request])[0]
        self._parts.checkpointer.tick()
        return found(released)

    @_naming
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
        request_id: str | None = None,
    ) -> History:
        """Records of one collection, newest first; `since` and `until` are inclusive.

        Raises AccessDenied when no field may be had, InvalidInput.
        """
        request = self._ask.history(
            subject,
            collection,
            purpose=purpose,
            fields=fields,
            since=since,
            until=until,
            limit=limit,
            peer=_peer(request_id),
        )
        released = self._parts.pipeline.read([request])[0]
        self._parts.checkpointer.tick()
        return history_of(request, released)

    def each_record(
        self,
        subject: SubjectRef,
        collection: str,
        *,
        purpose: str,
        fields: Sequence[str],
        since: date | datetime | None = None,
        until: date | datetime | None = None,
        page: int = 100,
        request_id: str | None = None,
    ) -> Iterator[Record]:
        """All records, newest first, asked for `page` at a time; one log entry a page."""
        pages = Pages(until, page)
        self._ask.history(
            subject,
            collection,
            purpose=purpose,
            fields=fields,
            since=since,
            until=until,
            peer=_peer(request_id),
        )
        return pages.walk(
            lambda until, limit: self.history(
                subject,
                collection,
                purpose=purpose,
                fields=fields,
                since=since,
                until=until,
                limit=limit,
                request_id=request_id,
            )
        )

    @_naming
    def put(
        self,
        subject: SubjectRef,
        values: Mapping[str, object],
        *,
        purpose: str,
        if_revision: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Writes profile fields; None clears one. `by()` that finds nobody creates, if the service enrols.

        `if_revision`: of an earlier View; PreconditionFailed when one of its fields has changed since. The same
        `idempotency_key` within a day does nothing twice and returns the first audit id; KeyReused for another request.
        Returns the audit id. Raises AccessDenied, InvalidInput, Conflict (a look-up value of another person, where
        this service may look people up by it), Unavailable.
        """
        return self._write(
            self._ask.put(
                subject,
                values,
                purpose=purpose,
                if_revision=if_revision,
                idempotency_key=idempotency_key,
                peer=_peer(request_id),
            )
        )

    @_naming
    def record(
        self,
        subject: SubjectRef,
        collection: str,
        values: Mapping[str, object],
        *,
        purpose: str,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Adds one record to a collection, or replaces the one with the same key. Returns the audit id."""
        return self._write(
            self._ask.record(
                subject,
                collection,
                values,
                purpose=purpose,
                idempotency_key=idempotency_key,
                peer=_peer(request_id),
            )
        )

    @_naming
    def consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        given: bool = True,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """What a customer told this service, for a purpose that it collects. Returns the audit id.

        A yes stays *requested* until she confirms where this service itself would profit from it, the purpose opens
        special data, or she had said no before; a no counts at once. Of nobody it is taken and has no effect: the
        answer tells nothing. Raises AccessDenied (logged) for what the catalogue does not let this service record.
        """
        return self._consents().record(
            subject,
            purpose,
            given=given is True,
            source=source,
            idempotency_key=idempotency_key,
            peer=_peer(request_id),
        )

    @_naming
    def request_consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Asks her for a consent: *requested* until she confirms with `me.consent`. Returns the audit id.

        Never weakens one that stands. As `consent` else.
        """
        return self._consents().request(
            subject, purpose, source=source, idempotency_key=idempotency_key, peer=_peer(request_id)
        )

    @_naming
    def consent_status(self, subject: SubjectRef, purpose: str, *, request_id: str | None = None) -> str:
        """How a consent stands, where this service may see the person; else, and of nobody, `unknown`.

        Only for purposes that it collects: AccessDenied (logged) for others. The look is logged. See docs/consent.md.
        """
        return self._consents().status(subject, purpose, peer=_peer(request_id)).status

    @_naming
    def consent_receipt(
        self, subject: SubjectRef, purpose: str, *, request_id: str | None = None
    ) -> dict[str, Any] | None:
        """This service's own signed copy of the newest entry on a purpose; None where the status says `unknown`."""
        return self._consents().receipt(subject, purpose, peer=_peer(request_id)).receipt

    def _consents(self) -> "ServiceConsents":
        from privet.bootstrap.consenting import ServiceConsents

        return ServiceConsents(self._parts, self._ask)

    def _write(self, request: WriteRequest) -> str:
        written = self._parts.intake.write(request)
        self._parts.checkpointer.tick()
        return written.entry.hex()


def _peer(request_id: str | None) -> str:
    """What the log's private part names of the caller: in process the id alone, for nobody showed a credential."""
    return "" if request_id is None else parse_request_id(request_id)
