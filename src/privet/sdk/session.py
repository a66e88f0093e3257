"""What a service may call, as types: `Session` for code that takes a session in process, a client or a fake alike.

    def greet(desk: privet.Session, guest: str) -> str:
        return f"Hello {desk.fetch(guest, purpose='stay', fields=['given_name'])['given_name']}"

Refuses nothing: these are Protocols. A client's methods take `deadline=` besides.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from privet.domain.answer import History, Record, Refusal, View
from privet.domain.request import SubjectRef


class Session(Protocol):
    """One service of a vault: `Vault.service(name)`, `Client`, `FakeVault.service(name)` and `.client(name)`."""

    def fetch(
        self, subject: SubjectRef, *, purpose: str, fields: Sequence[str], request_id: str | None = None
    ) -> View: ...

    def fetch_many(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> list[View | Refusal]: ...

    def fetch_each(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> Iterator[View | Refusal]: ...

    def find(self, *, purpose: str, request_id: str | None = None, **lookup: Any) -> str | None: ...

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
    ) -> History: ...

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
    ) -> Iterator[Record]: ...

    def put(
        self,
        subject: SubjectRef,
        values: Mapping[str, object],
        *,
        purpose: str,
        if_revision: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    def record(
        self,
        subject: SubjectRef,
        collection: str,
        values: Mapping[str, object],
        *,
        purpose: str,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    def consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        given: bool = True,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    def request_consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    def consent_status(self, subject: SubjectRef, purpose: str, *, request_id: str | None = None) -> str: ...

    def consent_receipt(
        self, subject: SubjectRef, purpose: str, *, request_id: str | None = None
    ) -> dict[str, Any] | None: ...


class AsyncSession(Protocol):
    """The same, awaited: `AsyncClient`, `FakeVault.async_client(name)`."""

    async def fetch(
        self, subject: SubjectRef, *, purpose: str, fields: Sequence[str], request_id: str | None = None
    ) -> View: ...

    async def fetch_many(
        self,
        subjects: Iterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> list[View | Refusal]: ...

    def fetch_each(
        self,
        subjects: Iterable[SubjectRef] | AsyncIterable[SubjectRef],
        *,
        purpose: str,
        fields: Sequence[str],
        request_id: str | None = None,
    ) -> AsyncIterator[View | Refusal]: ...

    async def find(self, *, purpose: str, request_id: str | None = None, **lookup: Any) -> str | None: ...

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
    ) -> History: ...

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
    ) -> AsyncIterator[Record]: ...

    async def put(
        self,
        subject: SubjectRef,
        values: Mapping[str, object],
        *,
        purpose: str,
        if_revision: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    async def record(
        self,
        subject: SubjectRef,
        collection: str,
        values: Mapping[str, object],
        *,
        purpose: str,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    async def consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        given: bool = True,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    async def request_consent(
        self,
        subject: SubjectRef,
        purpose: str,
        *,
        source: str | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> str: ...

    async def consent_status(
        self, subject: SubjectRef, purpose: str, *, request_id: str | None = None
    ) -> str: ...

    async def consent_receipt(
        self, subject: SubjectRef, purpose: str, *, request_id: str | None = None
    ) -> dict[str, Any] | None: ...
