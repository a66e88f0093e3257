"""`AsyncClient`: as `Client`, awaited. A call that is cancelled leaves the connections usable for the next.

Refuses what `Client` refuses, and to be shared between event loops.
"""

import asyncio
import inspect
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

import aiohttp
from yarl import URL

from privet.domain.answer import History, Record, Refusal, View
from privet.domain.paging import Pages
from privet.domain.request import SubjectRef
from privet.errors import InvalidInput, PrivetError, Unauthenticated, Unavailable
from privet.sdk import questions
from privet.sdk.address import Path, make_context, parse_address
from privet.sdk.async_connections import Stale, open_session
from privet.sdk.client import end_of, headers_of, read_answer
from privet.sdk.connections import ENCODED, MAX_ANSWER, TOO_LONG
from privet.sdk.credentials import Credentials
from privet.sdk.failing import failure
from privet.sdk.patience import AGAIN, Deadline, Effort, NoAnswer, check_patience, parse_retry_after
from privet.sdk.problems import Reply, error_of
from privet.sdk.questions import Question

T = TypeVar("T")
_LARGE = 1 << 20
"""Bytes beyond which aiohttp warns of a body that is not a file."""


class AsyncClient:
    """One service's way to a vault that runs elsewhere, for asyncio. Use it as `async with`, or await `close()`.

    The arguments are those of `Client`; a callable `token` may be awaitable.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str | Awaitable[str]] | None = None,
        token_file: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        ca_file: Path | None = None,
        timeout: float = 10.0,
        retries: int = 2,
    ) -> None:
        """Connects to nobody yet. Raises InvalidInput, Unavailable (a token_file that cannot be read)."""
        self._address = parse_address(url)
        self._context = make_context(self._address, certificate, ca_file)
        self._patience = check_patience(timeout, retries)
        self._credentials = Credentials(token, token_file, certified=certificate is not None)
        self._fetching = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def fetch(
        self,
        subject: SubjectRef,
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> View:
        """As `Client.fetch`."""
        return await self._ask(questions.fetch(subject, purpose, fields).named(request_id), end_of(deadline))

    async def fetch_many(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> list[View | Refusal]:
        """As `Client.fetch_many`."""
        asked, end = questions.asked_of_each(purpose, fields, request_id), end_of(deadline)
        answers: list[View | Refusal] = []
        # all are looked at before one is asked about
        for chunk in list(questions.chunks(questions.people(subjects), asked.step)):
            heard: list[View | Refusal] = await self._ask(questions.fetch_many(chunk, asked), end)
            answers += heard
        return answers

    def fetch_each(
        self,
        subjects: Iterable[SubjectRef] | AsyncIterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> AsyncIterator[View | Refusal]:
        """As `Client.fetch_each`; people may come from an async iterable."""
        asked = questions.asked_of_each(purpose, fields, request_id)
        people = subjects if isinstance(subjects, AsyncIterable) else questions.people(subjects)
        return self._each(people, asked)

    async def _each(
        self, people: Iterable[SubjectRef] | AsyncIterable[SubjectRef], asked: questions.Asked
    ) -> AsyncIterator[View | Refusal]:
        async for chunk in _chunks(people, asked.step):
            for answer in await self._ask(questions.fetch_many(chunk, asked), None):
                yield answer

    async def find(
        self, *, purpose: str, request_id: str | None = None, deadline: float | None = None, **lookup: str
    ) -> str | None:
        """As `Client.find`."""
        return await self._ask(questions.find(purpose, lookup).named(request_id), end_of(deadline))

    async def history(
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
        """As `Client.history`."""
        question = questions.history(subject, collection, purpose, fields, since, until, limit)
        return await self._ask(question.named(request_id), end_of(deadline))

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
    ) -> AsyncIterator[Record]:
        """As `Client.each_record`."""
        pages = Pages(until, page)
        # what is malformed is said now
        questions.history(subject, collection, purpose, fields, since, until, page).named(request_id)
        return pages.walk_async(
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

    async def put(
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
        """As `Client.put`."""
        question = questions.put(subject, values, purpose, idempotency_key, if_revision)
        return await self._ask(question.named(request_id), end_of(deadline))

    async def record(
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
        """As `Client.record`."""
        question = questions.record(subject, collection, values, purpose, idempotency_key)
        return await self._ask(question.named(request_id), end_of(deadline))

    async def consent(
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
        """As `Client.consent`."""
        question = questions.consent(subject, purpose, given, source, idempotency_key)
        return await self._ask(question.named(request_id), end_of(deadline))

    async def request_consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """As `Client.request_consent`."""
        question = questions.request_consent(subject, purpose, source, idempotency_key)
        return await self._ask(question.named(request_id), end_of(deadline))

    async def consent_status(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """As `Client.consent_status`."""
        return await self._ask(questions.consent_status(subject, purpose).named(request_id), end_of(deadline))

    async def consent_receipt(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any] | None:
        """As `Client.consent_receipt`."""
        return await self._ask(
            questions.consent_receipt(subject, purpose).named(request_id), end_of(deadline)
        )

    async def close(self) -> None:
        """Closes the connections. Again is no error; calls made later are Unavailable."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, question: Question[T], end: Deadline | None) -> T:
        try:
            return await self._answer(question, end)
        except PrivetError as error:
            error.request_id = error.request_id or question.request_id
            raise

    async def _answer(self, question: Question[T], end: Deadline | None) -> T:
        effort = Effort(self._patience, end, writes=question.writes)
        refused: Unauthenticated | None = None
        shown: str | None = None
        while True:
            if self._closed:
                raise Unavailable("this client is closed")
            effort.remaining()
            if self._loop is not asyncio.get_running_loop():
                await self._enter()
            bearer = await self._bearer(effort)
            if refused is not None and bearer == shown:
                raise refused  # there is no other token
            reply = await self._exchange(question, bearer, effort.remaining())
            if isinstance(reply, NoAnswer):
                effort.remaining()
                if not reply.again:
                    raise reply.error
                await asyncio.sleep(effort.pause(reply.error, at_once=reply.at_once))
                continue
            if reply.status == 200:
                return read_answer(question, reply)
            error = error_of(reply)
            if isinstance(error, Unauthenticated) and refused is None and self._credentials.forget(bearer):
                refused, shown = error, bearer
            elif reply.status in AGAIN:
                await asyncio.sleep(effort.pause(error, wait=parse_retry_after(reply.retry_after)))
            else:
                raise error

    async def _bearer(self, effort: Effort) -> str | None:
        known, source = self._credentials.find_bearer(), self._credentials.source
        if known is not None or source is None:
            return known
        patience = asyncio.timeout(effort.remaining())
        try:
            async with patience, self._fetching:
                known = self._credentials.find_bearer()
                return self._credentials.keep(await _fetched(source)) if known is None else known
        except TimeoutError:
            if not patience.expired():
                raise  # it is the callable's own
        raise effort.no_token()

    async def _exchange(self, question: Question[T], bearer: str | None, seconds: float) -> Reply | NoAnswer:
        """As `Client._exchange`."""
        try:
            async with self._open().post(
                URL(str(self._address) + question.path, encoded=True),
                data=question.body if len(question.body) < _LARGE else io.BytesIO(question.body),
                headers=headers_of(question, bearer),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                return await _read(response)
        except NoAnswer as failed:
            return failed
        except (OSError, aiohttp.ClientError, ValueError) as error:
            ended = isinstance(error, aiohttp.ServerDisconnectedError)
            return failure(error, self._address, reused=isinstance(error, Stale), ended=ended)

    async def _enter(self) -> None:
        """Into another event loop, once the one before has ended: nothing of that one's is of use there."""
        ended, before = self._session, self._loop
        if ended is not None and before is not None and not before.is_closed():
            raise InvalidInput("an AsyncClient serves one event loop: make one for each")
        self._loop, self._session, self._fetching = asyncio.get_running_loop(), None, asyncio.Lock()
        if ended is not None:
            await ended.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._context)
        return self._session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._address)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a credential and cannot be pickled: make one where it is needed")


async def _fetched(source: Callable[[], str | Awaitable[str]]) -> object:
    token: object = await asyncio.to_thread(source)  # one that blocks must not hold up the loop
    return await token if inspect.isawaitable(token) else token


async def _read(response: aiohttp.ClientResponse) -> Reply:
    headers = response.headers
    if headers.get("Content-Encoding", "identity") != "identity":
        raise NoAnswer(ENCODED, again=False)
    if (response.content_length or 0) > MAX_ANSWER:
        raise NoAnswer(TOO_LONG, again=False)
    if response.content_length is not None:
        body = await response.read()
    else:
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > MAX_ANSWER:
                raise NoAnswer(TOO_LONG, again=False)
            parts.append(part)
        body = b"".join(parts)
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Reply(response.status, kind, headers.get("Retry-After"), body)


async def _chunks(
    people: Iterable[SubjectRef] | AsyncIterable[SubjectRef], step: int
) -> AsyncIterator[list[object]]:
    if not isinstance(people, AsyncIterable):
        for chunk in questions.chunks(people, step):
            yield chunk
        return
    gathering = questions.Chunks(step)
    async for subject in people:
        full = gathering.add(subject)
        if full is not None:
            yield full
    rest = gathering.rest()
    if rest:
        yield rest
