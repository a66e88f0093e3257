"""What a customer asks of her own data, and is answered."""

from typing import Annotated, Any

from pydantic import StringConstraints

from privet.http.models.base import Asked, AuditId, Name, Purpose, Said, Values
from privet.http.models.service import RecordSaid, Types


class PurposeAsked(Asked):
    purpose: Purpose


class ObjectAsked(Asked):
    purpose: Purpose


class GiveAsked(Asked):
    purpose: Purpose
    notice_version: Annotated[str, StringConstraints(max_length=100)] | None = None


class CorrectAsked(Asked):
    values: Values


class ConfirmAsked(Asked):
    field: Name
    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ProfileSaid(Said):
    """All that is held of her."""

    fields: dict[str, Any]
    types: Types | None = None
    collections: dict[str, list[RecordSaid]]
    restricted: bool
    objected: list[str]
    pending: list[str]


class AccessSaid(Said):
    audit_id: AuditId
    at: str
    act: str
    decision: str
    service: str
    purpose: str
    fields: list[str]
    withheld: dict[str, str]


class AccessesSaid(Said):
    """Newest first. `next`: what `after` must be for the next page; null when there is none."""

    accesses: list[AccessSaid]
    next: AuditId | None


class ConsentSaid(Said):
    purpose: str
    status: str
    at: str | None
    until: str | None
    notice_version: str | None


class ConsentsSaid(Said):
    consents: list[ConsentSaid]


class ReceiptsSaid(Said):
    """Signed, oldest first."""

    receipts: list[dict[str, Any]]


class ReceiptSaid(Said):
    receipt: dict[str, Any]


class CorrectedSaid(Said):
    """`pending`: fields whose new value waits for the code that was sent to it."""

    done: list[str]
    pending: list[str]
    audit_id: AuditId
