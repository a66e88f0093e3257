"""What compliance officers ask, and are answered."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from privet.audit.leaf import Act
from privet.domain.decision import Reason
from privet.domain.request_ids import FORM
from privet.http.models.base import Asked, AuditId, Logged, Moment, Name, Said, Sought

MOST_ENTRIES = 1_000
CURSOR = "^[0-9a-f]{16}$"
Cursor = Annotated[str, StringConstraints(pattern=CURSOR)]
_Act = Annotated[Name, WithJsonSchema({"enum": [act.value for act in Act]})]
_Reason = Annotated[Name, WithJsonSchema({"enum": [reason.value for reason in Reason]})]
SubjectHex = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class QueryAsked(Asked):
    """Filters that are all to be met. `subject`: a look-up, or a subject id as entries show it. `request`: the id of
    a request, as X-Request-Id and problems name it.

    Names of earlier catalogues of the vault are taken too. A date is its whole day, in UTC.
    """

    subject: SubjectHex | Sought | None = None
    service: Name | None = None
    purpose: Name | None = None
    field: Name | None = None
    decision: Literal["permit", "partial", "refuse", "done", "failed"] | None = None
    act: _Act | None = None
    reason: _Reason | None = None
    request: Annotated[str, StringConstraints(pattern=f"^{FORM}$")] | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ENTRIES)] = 100
    cursor: Cursor | None = None


class ReplayAsked(Asked):
    audit_id: AuditId


class ControlAsked(Asked):
    name: Name


class EntrySaid(Said):
    position: int
    audit_id: AuditId
    at: str
    act: str
    decision: str
    service: str | None
    actor: str | None
    request: str | None
    credential: str | None
    purpose: str | None
    basis: str | None
    policy: str | None
    classes: list[str]
    count: int
    subject: str | None
    fields: list[str]
    reasons: dict[str, str]
    sealed: bool
    detail: dict[str, Any]


class QuerySaid(Said):
    """Newest first. `next`: the cursor of the next page, which may be empty; null when the log is at its end."""

    entries: list[EntrySaid]
    next: Cursor | None


class VerifySaid(Said):
    """`damage` names the first fault, null when all is sound."""

    ok: bool
    size: int | None
    damage: str | None


class ReplayedFieldSaid(Said):
    effect: Literal["allow", "transform", "deny"]
    reason: str
    transform: str | None


class ReplaySaid(Logged):
    """The decision made again. `same` is false when it came out otherwise than the log says."""

    same: bool
    policy: str
    fields: dict[str, ReplayedFieldSaid]


class ControlsSaid(Said):
    paused: list[str]
