"""`Client`: the vault over HTTPS, with the methods, results and errors of a session in process. Threads may share it.

Refuses redirects, proxies and credentials from the environment (but PRIVET_TOKEN), unverified TLS, and plain HTTP
beyond loopback.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

from privet.domain.answer import History, Record, Refusal, View
from privet.domain.paging import Pages
from privet.domain.request import SubjectRef
from privet.errors import PrivetError, Unauthenticated, Unavailable
from privet.sdk import questions
from privet.sdk.address import Path, make_context, parse_address
from privet.sdk.answers import ODD, parse_json
from privet.sdk.connections import Connections
from privet.sdk.credentials import Credentials
from privet.sdk.patience import (
    AGAIN,
    Deadline,
    Effort,
    NoAnswer,
    check_patience,
    check_seconds,
    parse_retry_after,
)
from privet.sdk.problems import Reply, error_of
from privet.sdk.questions import Question

T = TypeVar("T")

HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json, application/problem+json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "privet-python",
}


class Client:
    """One service's way to a vault that runs elsewhere. Close it, or use it as a context manager.

    `url`: https://…; http:// for loopback only. The credential is `token` (text, or a callable that fetches one: it is
    called again when the vault refuses it, or a JWT is about to expire), `token_file` (read again likewise), or
    `certificate`, (certificate file, key file) in PEM; without any, PRIVET_TOKEN or PRIVET_TOKEN_FILE. `ca_file`: the
    authorities that may vouch for the vault; else the system's. `timeout`: seconds for each request with its retries;
    `deadline=` of a call: seconds for all of that call. `retries`: how often what was not answered is asked again.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str] | None = None,
        token_file: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        ca_file: Path | None = None,
        timeout: float = 10.0,
        retries: int = 2,
    ) -> None:
        """Connects to nobody yet. Raises InvalidInput, Unavailable (a token_file that cannot be read)."""
        self._address = parse_address(url)
        context = make_context(self._address, certificate, ca_file)
        self._patience = check_patience(timeout, retries)
        self._credentials = Credentials(token, token_file, certified=certificate is not None)
        self._connections = Connections(self._address, context)
        self._closed = False

    def fetch(
        self,
        subject: SubjectRef,
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> View:
        """What of `fields` may be had of one person for `purpose`.

        Raises AccessDenied when nothing may (reasons in it), InvalidInput, IntegrityError, Unavailable.
        """
        return self._ask(questions.fetch(subject, purpose, fields).named(request_id), end_of(deadline))

    def fetch_many(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> list[View | Refusal]:
        """As `fetch`, for many: the same order, each a View or a Refusal; one log entry each."""
        asked, end = questions.asked_of_each(purpose, fields, request_id), end_of(deadline)
        answers: list[View | Refusal] = []
        # all are looked at before one is asked about
        for chunk in list(questions.chunks(questions.people(subjects), asked.step)):
            heard: list[View | Refusal] = self._ask(questions.fetch_many(chunk, asked), end)
            answers += heard
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
        asked = questions.asked_of_each(purpose, fields, request_id)
        people = questions.people(subjects)
        return (
            answer
            for chunk in questions.chunks(people, asked.step)
            for answer in self._ask(questions.fetch_many(chunk, asked), None)
        )

    def find(
        self, *, purpose: str, request_id: str | None = None, deadline: float | None = None, **lookup: str
    ) -> str | None:
        """The person's pairwise id if at least one field would be released now, else None. Logged either way."""
        return self._ask(questions.find(purpose, lookup).named(request_id), end_of(deadline))

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
        deadline: float | None = None,
    ) -> History:
        """Records of one collection, newest first; `since` and `until` are inclusive.

        Raises AccessDenied when no field may be had, InvalidInput.
        """
        question = questions.history(subject, collection, purpose, fields, since, until, limit)
        return self._ask(question.named(request_id), end_of(deadline))

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
        # what is malformed is said now
        questions.history(subject, collection, purpose, fields, since, until, page).named(request_id)
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

    def put(
        self,
        subject: SubjectRef,
        values: Mapping[str, object],
        *,
        purpose: str,
        if_revision: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Writes profile fields; None clears one. `by()` that finds nobody creates, if the service enrols.

        `if_revision`: only if nothing of what that view showed has changed since. `idempotency_key`: the same key
        again is the same write; without one each call makes its own, so that no retry writes twice. Returns the audit
        id. Raises AccessDenied, InvalidInput, Conflict, PreconditionFailed, Unavailable.
        """
        question = questions.put(subject, values, purpose, idempotency_key, if_revision)
        return self._ask(question.named(request_id), end_of(deadline))

    def record(
        self,
        subject: SubjectRef,
        collection: str,
        values: Mapping[str, object],
        *,
        purpose: str,
        idempotency_key: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Adds one record to a collection, or replaces the one with the same key. Returns the audit id."""
        question = questions.record(subject, collection, values, purpose, idempotency_key)
        return self._ask(question.named(request_id), end_of(deadline))

    def consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        given: bool = True,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """What a customer told this service, for a purpose that it collects. Returns the audit id."""
        question = questions.consent(subject, purpose, given, source, idempotency_key)
        return self._ask(question.named(request_id), end_of(deadline))

    def request_consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Asks her for a consent: *requested* until she confirms. Returns the audit id."""
        question = questions.request_consent(subject, purpose, source, idempotency_key)
        return self._ask(question.named(request_id), end_of(deadline))

    def consent_status(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """How a consent stands, where this service may see the person; else, and of nobody, `unknown`."""
        return self._ask(questions.consent_status(subject, purpose).named(request_id), end_of(deadline))

    def consent_receipt(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any] | None:
        """This service's own signed copy of the newest entry on a purpose; None where the status says `unknown`."""
        return self._ask(questions.consent_receipt(subject, purpose).named(request_id), end_of(deadline))

    def close(self) -> None:
        """Closes the connections. Again is no error; calls made later are Unavailable."""
        self._closed = True
        self._connections.close()

    def _ask(self, question: Question[T], end: Deadline | None) -> T:
        try:
            return self._answer(question, end)
        except PrivetError as error:
            error.request_id = error.request_id or question.request_id
            raise

    def _answer(self, question: Question[T], end: Deadline | None) -> T:
        effort = Effort(self._patience, end, writes=question.writes)
        refused: Unauthenticated | None = None
        shown: str | None = None
        while True:
            if self._closed:
                raise Unavailable("this client is closed")
            effort.remaining()
            bearer = self._credentials.bearer(effort)
            if refused is not None and bearer == shown:
                raise refused  # there is no other token
            reply = self._exchange(question, bearer, effort.until)
            if isinstance(reply, NoAnswer):
                effort.remaining()
                if not reply.again:
                    raise reply.error
                time.sleep(effort.pause(reply.error, at_once=reply.at_once))
                continue
            if reply.status == 200:
                return read_answer(question, reply)
            error = error_of(reply)
            if isinstance(error, Unauthenticated) and refused is None and self._credentials.forget(bearer):
                refused, shown = error, bearer
            elif reply.status in AGAIN:
                time.sleep(effort.pause(error, wait=parse_retry_after(reply.retry_after)))
            else:
                raise error

    def _exchange(self, question: Question[T], bearer: str | None, until: float) -> Reply | NoAnswer:
        """One request and its answer, or why there is none: returned, so that no later error is told as its sequel."""
        try:
            return self._connections.exchange(
                question.path, question.body, headers_of(question, bearer), until
            )
        except NoAnswer as failure:
            return failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self._address)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a credential and cannot be pickled: make one where it is needed")


def headers_of(question: Question[T], bearer: str | None) -> dict[str, str]:
    headers = {**HEADERS, **dict(question.headers)}
    if bearer is not None:
        headers["Authorization"] = bearer
    return headers


def read_answer(question: Question[T], reply: Reply) -> T:
    """Raises Unavailable for what is no answer."""
    if reply.kind != "application/json":
        raise Unavailable(ODD)
    return question.read(parse_json(reply.body))


def end_of(deadline: float | None) -> Deadline | None:
    if deadline is None:
        return None
    seconds = check_seconds("deadline", deadline)
    return Deadline(time.monotonic() + seconds, seconds)
