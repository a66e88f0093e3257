"""A customer's own routes: all that is held of her, who used it, and what she decides.

She is whom her token's issuer vouches for. Refuses nobody: once she is erased, all answer not_found.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from privet.bootstrap.customer import Customer
from privet.bootstrap.subjects import get_subject
from privet.domain.answer import Access, Consent, Profile
from privet.domain.request import By
from privet.errors import Conflict
from privet.http.desk import Desk
from privet.http.guard import caller_of, guarded
from privet.http.models.base import AUDIT_ID, Logged
from privet.http.models.customer import (
    AccessesSaid,
    ConfirmAsked,
    ConsentsSaid,
    CorrectAsked,
    CorrectedSaid,
    GiveAsked,
    ObjectAsked,
    ProfileSaid,
    PurposeAsked,
    ReceiptSaid,
    ReceiptsSaid,
)
from privet.http.routes.saying import problems, say, say_bytes
from privet.http.wire import types_of
from privet.rights.correction import Corrected
from privet.rights.papers import plain

T = TypeVar("T")
MOST_ACCESSES = 1_000
_READ = problems(404, body=False)
_WRITE = problems(404)

Limit = Annotated[int, Query(ge=1, le=MOST_ACCESSES)]
After = Annotated[
    str | None,
    Query(pattern=AUDIT_ID, description="The `next` of an earlier page; another id starts at the newest."),
]


def me(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(prefix="/v1/me", route_class=guarded(desk, "customer"), tags=["me"])

    async def do(request: Request, act: Callable[[Customer], T], *, slow: bool = False) -> T:
        who = caller_of(request).customer
        assert who is not None
        run = desk.run_slowly if slow else desk.run
        return await run(lambda: act(Customer(desk.parts, who)))

    @router.get("/profile", response_model=ProfileSaid, responses=_READ)
    async def profile(request: Request) -> Response:
        """All that is held of you, with your collections, newest first."""
        return say(_profile(await do(request, lambda her: her.profile())))

    @router.get("/accesses", response_model=AccessesSaid, responses=_READ)
    async def accesses(request: Request, limit: Limit = 100, after: After = None) -> Response:
        """Who saw or changed your data, when, why, and what was refused and for which true reason; newest first."""
        found = await do(request, lambda her: list(islice(her.accesses_after(after), limit + 1)), slow=True)
        return say(_accesses(found, limit))

    @router.get("/consents", response_model=ConsentsSaid, responses=_READ)
    async def consents(request: Request) -> Response:
        """Every purpose that needs consent, or that you have spoken on, as it stands now."""
        return say({"consents": [_consent(one) for one in await do(request, lambda her: her.consents())]})

    @router.get("/receipts", response_model=ReceiptsSaid, responses=_READ)
    async def receipts(request: Request) -> Response:
        """The signed receipts issued so far, oldest first."""
        return say({"receipts": await do(request, lambda her: her.receipts())})

    @router.get(
        "/export",
        response_class=Response,
        responses={
            **_READ,
            200: {"description": "A ZIP of JSON files.", "content": {"application/zip": {"schema": _BYTES}}},
        },
    )
    async def export(request: Request) -> Response:
        """Everything, to take away."""
        made = await do(request, lambda her: her.export_bytes(), slow=True)
        name = {"content-disposition": 'attachment; filename="your-data.zip"'}
        return say_bytes(made, name, media_type="application/zip")

    @router.post("/consent", response_model=ReceiptSaid, responses=problems(404, 409))
    async def consent(asked: GiveAsked, request: Request) -> Response:
        """Says yes; in force when this returns. 409 when the notice named is not the current one."""
        version = asked.notice_version
        given = await do(request, lambda her: her.consent(asked.purpose.root, notice_version=version))
        return say({"receipt": given})

    @router.post("/withdraw", response_model=ReceiptSaid, responses=_WRITE)
    async def withdraw(asked: PurposeAsked, request: Request) -> Response:
        """Says no, before or after a yes; in force when this returns."""
        return say({"receipt": await do(request, lambda her: her.withdraw(asked.purpose.root))})

    @router.post("/object", response_model=Logged, responses=_WRITE)
    async def object_(asked: ObjectAsked, request: Request) -> Response:
        """Objects to a purpose and all below it."""
        return _logged(await do(request, lambda her: her.object(asked.purpose.root)))

    @router.post("/unobject", response_model=Logged, responses=_WRITE)
    async def unobject(asked: PurposeAsked, request: Request) -> Response:
        """Takes an objection back."""
        return _logged(await do(request, lambda her: her.unobject(asked.purpose.root)))

    @router.post("/restrict", response_model=Logged, responses=_READ)
    async def restrict(request: Request) -> Response:
        """Nothing more is released to any service until it is lifted."""
        return _logged(await do(request, lambda her: her.restrict()))

    @router.post("/unrestrict", response_model=Logged, responses=_READ)
    async def unrestrict(request: Request) -> Response:
        """Lifts the restriction."""
        return _logged(await do(request, lambda her: her.unrestrict()))

    @router.post("/correct", response_model=CorrectedSaid, responses=problems(404, 409))
    async def correct(asked: CorrectAsked, request: Request) -> Response:
        """Corrects fields; null clears one. A look-up field waits for the code that goes to its new value."""
        values = asked.values.root
        _check_courier(desk, values)
        made = await desk.run(_correct, desk, caller_of(request).customer, values)
        _send_codes(desk, made, values)
        return say({"done": made.done, "pending": sorted(made.pending), "audit_id": made.audit_id})

    @router.post("/confirm", response_model=Logged, responses=_WRITE)
    async def confirm(asked: ConfirmAsked, request: Request) -> Response:
        """Completes a correction with its code."""
        return _logged(await do(request, lambda her: her.confirm(asked.field, asked.code)))

    @router.post("/erase", response_model=Logged, responses=problems(404, 409, body=False))
    async def erase(request: Request) -> Response:
        """Erases you for good. 409, saying why, under a legal hold."""
        return _logged(await do(request, lambda her: her.erase()))

    return router


_BYTES = {"type": "string", "format": "binary"}


def _logged(audit_id: str) -> Response:
    return say({"audit_id": audit_id})


def _correct(desk: Desk, who: By, values: dict[str, Any]) -> Corrected:
    subject = get_subject(desk.parts, who)
    desk.letters.allow(subject, values)
    return Customer.of(desk.parts, subject).correct(values)


def _check_courier(desk: Desk, values: dict[str, Any]) -> None:
    """Raises Conflict before anything is changed, where a code could not be sent."""
    fields = desk.parts.catalogue.fields
    for path, value in values.items():
        if path not in fields or fields[path].lookup is None or value is None:
            continue
        if desk.courier is None or not desk.courier.can_reach(path):
            raise Conflict(
                f"{path} needs a code sent to its new value, and this service has no way to send it there"
            )


def _send_codes(desk: Desk, made: Corrected, values: dict[str, Any]) -> None:
    for path, code in made.pending.items():
        assert desk.courier is not None
        desk.courier.send_code(path, str(values[path]), code)


def _profile(profile: Profile) -> dict[str, Any]:
    collections = {
        name: [
            {"id": record.id, "time": plain(record.time), "values": plain(record.values)}
            for record in records
        ]
        for name, records in profile.collections.items()
    }
    told: dict[str, Any] = {"fields": plain(profile.fields)}
    types = types_of(profile.fields.items())
    if types:
        told["types"] = types
    return {
        **told,
        "collections": collections,
        "restricted": profile.restricted,
        "objected": list(profile.objected),
        "pending": list(profile.pending),
    }


def _accesses(found: Sequence[Access], limit: int) -> dict[str, Any]:
    shown = found[:limit]
    return {
        "accesses": [
            {
                "audit_id": one.audit_id,
                "at": one.at.isoformat(),
                "act": one.act,
                "decision": one.decision,
                "service": one.service,
                "purpose": one.purpose,
                "fields": list(one.fields),
                "withheld": dict(one.withheld),
            }
            for one in shown
        ],
        "next": shown[-1].audit_id if len(found) > limit else None,
    }


def _consent(one: Consent) -> dict[str, Any]:
    return {
        "purpose": one.purpose,
        "status": one.status,
        "at": plain(one.at),
        "until": plain(one.until),
        "notice_version": one.notice_version,
    }
