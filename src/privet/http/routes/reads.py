"""Reads of services beyond the hot two: find and history, by the lane; and the hot two as the document has them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from privet.bootstrap.asking import found, history_of, view
from privet.domain.answer import Refusal, View
from privet.http.desk import Desk, peer_of
from privet.http.guard import caller_of, guarded
from privet.http.models.service import (
    FetchAsked,
    FetchManyAsked,
    FetchManySaid,
    FetchSaid,
    FindAsked,
    FindSaid,
    HistoryAsked,
    HistorySaid,
)
from privet.http.routes.moments import moment
from privet.http.routes.saying import problems, say, say_bytes
from privet.http.wire import Wire


def reads(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(route_class=guarded(desk, "service"), tags=["reads"])
    wire = Wire()

    @router.post("/v1/fetch", response_model=FetchSaid, responses=problems())
    async def fetch(asked: FetchAsked, request: Request) -> Response:
        """What of the fields may be had of one person for the purpose. 403 when nothing may."""
        caller = caller_of(request)
        read = desk.requests(caller.name).fetch(
            asked.subject.ref(),
            purpose=asked.purpose.root,
            fields=asked.fields,
            peer=peer_of(request.scope, caller),
        )
        seen = view(await desk.lane.read(read, caller))
        return say_bytes(wire.view(seen), {"etag": f'"{seen.revision}"'})

    @router.post("/v1/fetch-many", response_model=FetchManySaid, responses=problems())
    async def fetch_many(asked: FetchManyAsked, request: Request) -> Response:
        """As fetch, for up to 1,000 people: one answer each, in their order, with or without "values"."""
        caller = caller_of(request)
        made = desk.requests(caller.name).fetch_many(
            [person.ref() for person in asked.subjects],
            purpose=asked.purpose.root,
            fields=asked.fields,
            peer=peer_of(request.scope, caller),
        )
        answers: list[View | Refusal] = []
        for read in made:
            released = await desk.lane.read(read, caller)
            answer = released.view or released.refusal
            if answer is None:
                assert released.failure is not None
                raise released.failure
            answers.append(answer)
        return say_bytes(wire.many(answers))

    @router.post("/v1/find", response_model=FindSaid, responses=problems())
    async def find(asked: FindAsked, request: Request) -> Response:
        """The pairwise id of whom a look-up names, if a field at least would be released now. Logged either way."""
        caller = caller_of(request)
        read = desk.requests(caller.name).find(
            asked.subject.by(), purpose=asked.purpose.root, peer=peer_of(request.scope, caller)
        )
        return say({"subject": found(await desk.lane.read(read, caller))})

    @router.post("/v1/history", response_model=HistorySaid, responses=problems())
    async def history(asked: HistoryAsked, request: Request) -> Response:
        """Records of one collection, newest first; `since` and `until` are inclusive."""
        caller = caller_of(request)
        read = desk.requests(caller.name).history(
            asked.subject.ref(),
            asked.collection,
            purpose=asked.purpose.root,
            fields=asked.fields,
            since=moment("since", asked.since),
            until=moment("until", asked.until),
            limit=asked.limit,
            peer=peer_of(request.scope, caller),
        )
        told = history_of(read, await desk.lane.read(read, caller))
        return say_bytes(wire.history(told))

    return router
