"""Consents as services record, request and ask after them, for the purposes that they collect."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from privet.http.desk import Desk, peer_of
from privet.http.guard import caller_of, guarded
from privet.http.models.base import Logged
from privet.http.models.service import (
    ConsentLookAsked,
    ConsentReceiptSaid,
    ConsentRecordAsked,
    ConsentRequestAsked,
    ConsentStatusSaid,
)
from privet.http.routes.saying import IdempotencyKey, problems, say


def consents(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(route_class=guarded(desk, "service"), tags=["consent"])

    @router.post("/v1/consent/record", response_model=Logged, responses=problems(409))
    async def record(
        asked: ConsentRecordAsked, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """What a customer told the service. A yes may stay requested until she confirms; a no counts at once."""
        caller = caller_of(request)
        audit_id = await desk.run(
            desk.consents(caller.name).record,
            asked.subject.ref(),
            asked.purpose.root,
            given=asked.given,
            source=asked.source,
            idempotency_key=idempotency_key,
            peer=peer_of(request.scope, caller),
        )
        return say({"audit_id": audit_id})

    @router.post("/v1/consent/request", response_model=Logged, responses=problems(409))
    async def request_(
        asked: ConsentRequestAsked, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Asks her: requested until she confirms. Never weakens a consent that stands."""
        caller = caller_of(request)
        audit_id = await desk.run(
            desk.consents(caller.name).request,
            asked.subject.ref(),
            asked.purpose.root,
            source=asked.source,
            idempotency_key=idempotency_key,
            peer=peer_of(request.scope, caller),
        )
        return say({"audit_id": audit_id})

    @router.post("/v1/consent/status", response_model=ConsentStatusSaid, responses=problems())
    async def status(asked: ConsentLookAsked, request: Request) -> Response:
        """How it stands, where the service may see her; of others and of nobody, unknown."""
        caller = caller_of(request)
        told = await desk.run(
            desk.consents(caller.name).status,
            asked.subject.ref(),
            asked.purpose.root,
            peer=peer_of(request.scope, caller),
        )
        return say({"purpose": asked.purpose.root, "status": told.status, "audit_id": told.audit_id})

    @router.post("/v1/consent/receipt", response_model=ConsentReceiptSaid, responses=problems())
    async def receipt(asked: ConsentLookAsked, request: Request) -> Response:
        """The service's own signed copy of the newest entry, where it may see her; else null."""
        caller = caller_of(request)
        told = await desk.run(
            desk.consents(caller.name).receipt,
            asked.subject.ref(),
            asked.purpose.root,
            peer=peer_of(request.scope, caller),
        )
        return say({"receipt": told.receipt, "audit_id": told.audit_id})

    return router
