"""The audit log as compliance officers read it: pages, single entries, proofs, verification, replay.

Every question is itself logged. Refuses a cursor that is none.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from privet.audit.query import AuditLine
from privet.bootstrap.auditing import prove_entry
from privet.bootstrap.officer import OfficerAudit, Replayed
from privet.domain.request import By
from privet.errors import Conflict, IntegrityError, InvalidInput
from privet.http.desk import Desk
from privet.http.guard import caller_of, guarded
from privet.http.models.base import AUDIT_ID
from privet.http.models.officer import EntrySaid, QueryAsked, QuerySaid, ReplayAsked, ReplaySaid, VerifySaid
from privet.http.routes.moments import instant
from privet.http.routes.saying import problems, say, say_bytes

Id = Annotated[str, Path(pattern=AUDIT_ID, description="An audit id.")]
_READ = problems(404, body=False)
_TEXT = "text/plain; charset=utf-8"


def audit(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(prefix="/v1/audit", route_class=guarded(desk, "officer"), tags=["audit"])

    def log(request: Request) -> OfficerAudit:
        return OfficerAudit(desk.parts, caller_of(request).name)

    @router.post("/query", response_model=QuerySaid, responses=problems(404))
    async def query(asked: QueryAsked, request: Request) -> Response:
        """Entries that meet all filters, newest first, a page at a time.

        A page looks at a bounded part of the log, and may have fewer entries than asked for, or none, and still a next.
        """
        sought = asked.subject
        subject: By | str | None = sought if sought is None or isinstance(sought, str) else sought.by()
        page = await desk.run_slowly(
            log(request).page,
            subject=subject,
            since=instant("since", asked.since),
            until=instant("until", asked.until, last=True),
            limit=asked.limit,
            before=None if asked.cursor is None else int(asked.cursor, 16),
            service=asked.service,
            purpose=asked.purpose,
            field=asked.field,
            decision=asked.decision,
            act=asked.act,
            reason=asked.reason,
            request=asked.request,
        )
        following = None if page.before is None else f"{page.before:016x}"
        return say({"entries": [_entry(line) for line in page.lines], "next": following})

    @router.get("/entries/{audit_id}", response_model=EntrySaid, responses=_READ)
    async def entry(audit_id: Id, request: Request) -> Response:
        """One entry."""
        return say(_entry(await desk.run_slowly(log(request).entry, audit_id)))

    @router.get(
        "/proofs/{audit_id}",
        response_class=Response,
        responses={
            **_READ,
            200: {
                "description": "A C2SP tlog-proof.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
        },
    )
    async def proof(audit_id: Id, request: Request) -> Response:
        """A proof, to be checked offline, that the log holds this entry."""
        actor = f"officer:{caller_of(request).name}"
        return say_bytes(
            await desk.run_slowly(prove_entry, desk.parts, audit_id, actor=actor), media_type=_TEXT
        )

    @router.post("/verify", response_model=VerifySaid, responses=problems(body=False))
    async def verify(request: Request) -> Response:
        """Rebuilds the whole log and holds it against every checkpoint and anchor."""
        log_ = log(request)

        def act() -> dict[str, Any]:
            try:
                report = log_.verify()
            except IntegrityError as damage:
                return {"ok": False, "size": None, "damage": damage.message}
            return {"ok": True, "size": report.size, "damage": None}

        return say(await desk.run_slowly(act))

    @router.post("/replay", response_model=ReplaySaid, responses=problems(404, 409))
    async def replay(asked: ReplayAsked, request: Request) -> Response:
        """Decides a logged question again, under the policy that decided it then, and compares.

        409 for an entry that no policy decided, or whose subject was erased.
        """
        try:
            made = await desk.run_slowly(log(request).replay, asked.audit_id)
        except InvalidInput as error:  # the id has its form: it is the entry that has nothing to replay
            raise Conflict(error.message) from None
        return say(_replayed(made))

    return router


def _entry(line: AuditLine) -> dict[str, Any]:
    return {
        "position": line.position,
        "audit_id": line.audit_id,
        "at": line.at.isoformat(),
        "act": line.act,
        "decision": line.decision,
        "service": line.service,
        "actor": line.actor,
        "request": line.request,
        "credential": line.credential,
        "purpose": line.purpose,
        "basis": line.basis,
        "policy": line.policy,
        "classes": list(line.classes),
        "count": line.count,
        "subject": line.subject,
        "fields": list(line.fields),
        "reasons": dict(line.reasons),
        "sealed": line.sealed,
        "detail": dict(line.detail),
    }


def _replayed(made: Replayed) -> dict[str, Any]:
    return {
        "audit_id": made.line.audit_id,
        "same": made.same,
        "policy": made.decision.revision,
        "fields": {
            path: {"effect": said.effect, "reason": said.reason, "transform": said.transform}
            for path, said in made.decision.fields.items()
        },
    }
