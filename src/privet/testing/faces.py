"""Clients of a vault in memory: what `privet.Client` and `AsyncClient` ask is answered in the process, by no network.

They are those clients, with their checks of what is asked and their JSON of it; only the exchange is another. Refuses
what a client refuses, to ask when it is closed included.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import orjson

from privet.bootstrap.service import ServiceSession
from privet.domain.request import SubjectRef, by
from privet.errors import Unavailable
from privet.sdk.async_client import AsyncClient
from privet.sdk.client import Client
from privet.sdk.patience import Deadline
from privet.sdk.questions import Question

T = TypeVar("T")
_NOWHERE = "http://localhost:1"


class FakeClient(Client):
    """As `FakeVault.client` gives it. `token`, `timeout` and the like have no part here."""

    def __init__(self, session: ServiceSession) -> None:
        super().__init__(_NOWHERE, token="of-no-use")  # noqa: S106  there is nobody to show it to
        self._session = session

    def _answer(self, question: Question[T], end: Deadline | None) -> T:  # noqa: ARG002  it is always in time
        if self._closed:
            raise Unavailable("this client is closed")
        return _ask(self._session, question)


class FakeAsyncClient(AsyncClient):
    """As `FakeVault.async_client` gives it."""

    def __init__(self, session: ServiceSession) -> None:
        super().__init__(_NOWHERE, token="of-no-use")  # noqa: S106  there is nobody to show it to
        self._in_process = session

    async def _answer(self, question: Question[T], end: Deadline | None) -> T:  # noqa: ARG002  as above
        if self._closed:
            raise Unavailable("this client is closed")
        await asyncio.sleep(0)  # others get their turn, as they would
        return _ask(self._in_process, question)


def _ask(session: ServiceSession, question: Question[T]) -> T:
    """What the session in process answers to it. It goes under an id, as at a vault."""
    asked = orjson.loads(question.body)
    headers = dict(question.headers)
    options = {"request_id": question.request_id or secrets.token_hex(13)}
    if "If-Match" in headers:
        options["if_revision"] = headers["If-Match"].strip('"')
    answer: T = _ANSWERS[question.path](session, asked, headers.get("Idempotency-Key"), options)
    return answer


def _person(named: Any) -> SubjectRef:
    return by(**named) if isinstance(named, dict) else named


def _moment(text: str | None) -> date | datetime | None:
    if text is None:
        return None
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def _fetch(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    return session.fetch(
        _person(asked["subject"]), purpose=asked["purpose"], fields=asked["fields"], **options
    )


def _fetch_many(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    people = [_person(one) for one in asked["subjects"]]
    return session.fetch_many(people, purpose=asked["purpose"], fields=asked["fields"], **options)


def _find(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    return session.find(purpose=asked["purpose"], **asked["subject"], **options)


def _history(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    return session.history(
        _person(asked["subject"]),
        asked["collection"],
        purpose=asked["purpose"],
        fields=asked["fields"],
        since=_moment(asked.get("since")),
        until=_moment(asked.get("until")),
        limit=asked.get("limit"),
        **options,
    )


def _put(session: ServiceSession, asked: Any, key: str | None, options: dict[str, str]) -> Any:
    return session.put(
        _person(asked["subject"]), asked["values"], purpose=asked["purpose"], idempotency_key=key, **options
    )


def _record(session: ServiceSession, asked: Any, key: str | None, options: dict[str, str]) -> Any:
    return session.record(
        _person(asked["subject"]),
        asked["collection"],
        asked["values"],
        purpose=asked["purpose"],
        idempotency_key=key,
        **options,
    )


def _consent(session: ServiceSession, asked: Any, key: str | None, options: dict[str, str]) -> Any:
    return session.consent(
        _person(asked["subject"]),
        asked["purpose"],
        given=asked["given"],
        source=asked.get("source"),
        idempotency_key=key,
        **options,
    )


def _request(session: ServiceSession, asked: Any, key: str | None, options: dict[str, str]) -> Any:
    return session.request_consent(
        _person(asked["subject"]),
        asked["purpose"],
        source=asked.get("source"),
        idempotency_key=key,
        **options,
    )


def _status(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    return session.consent_status(_person(asked["subject"]), asked["purpose"], **options)


def _receipt(session: ServiceSession, asked: Any, _key: str | None, options: dict[str, str]) -> Any:
    return session.consent_receipt(_person(asked["subject"]), asked["purpose"], **options)


_ANSWERS: dict[str, Callable[[ServiceSession, Any, str | None, dict[str, str]], Any]] = {
    "/v1/fetch": _fetch,
    "/v1/fetch-many": _fetch_many,
    "/v1/find": _find,
    "/v1/history": _history,
    "/v1/put": _put,
    "/v1/record": _record,
    "/v1/consent/record": _consent,
    "/v1/consent/request": _request,
    "/v1/consent/status": _status,
    "/v1/consent/receipt": _receipt,
}
