"""Writes of services: profile fields and records."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from privet.http.desk import Desk, peer_of
from privet.http.guard import caller_of, guarded
from privet.http.models.base import Logged
from privet.http.models.service import PutAsked, RecordAsked
from privet.http.routes.saying import IdempotencyKey, IfMatch, problems, revision_of, say
from privet.intake.request import WriteRequest


def writes(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(route_class=guarded(desk, "service"), tags=["writes"])
    parts = desk.parts

    def write(request: WriteRequest) -> str:
        written = parts.intake.write(request)
        parts.checkpointer.tick()
        return written.entry.hex()

    @router.post("/v1/put", response_model=Logged, responses=problems(409, 412))
    async def put(
        asked: PutAsked, request: Request, idempotency_key: IdempotencyKey = None, if_match: IfMatch = None
    ) -> Response:
        """Writes profile fields; null clears one. A look-up that finds nobody creates her, if the service enrols."""
        caller = caller_of(request)
        made = desk.requests(caller.name).put(
            asked.subject.ref(),
            asked.values.root,
            purpose=asked.purpose.root,
            if_revision=revision_of(if_match),
            idempotency_key=idempotency_key,
            peer=peer_of(request.scope, caller),
        )
        return say({"audit_id": await desk.run(write, made)})

    @router.post("/v1/record", response_model=Logged, responses=problems(409))
    async def record(
        asked: RecordAsked, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Adds one record to a collection, or replaces the one with the same key."""
        caller = caller_of(request)
        made = desk.requests(caller.name).record(
            asked.subject.ref(),
            asked.collection,
            asked.values.root,
            purpose=asked.purpose.root,
            idempotency_key=idempotency_key,
            peer=peer_of(request.scope, caller),
        )
        return say({"audit_id": await desk.run(write, made)})

    return router
