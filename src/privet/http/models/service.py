"""What services ask and are answered."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from privet.domain.request import MAX_FIELDS
from privet.http.models.base import (
    AnyPurpose,
    Asked,
    AuditId,
    Logged,
    Moment,
    Name,
    Person,
    Purpose,
    Said,
    Sought,
    Values,
    WithheldField,
)

MOST_PEOPLE = 1_000
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_FIELDS)]
Source = Annotated[Any, WithJsonSchema({"type": "string", "maxLength": 500})]
"""Checked by the session, which says the same words to whoever asks without HTTP."""
Types = dict[str, Literal["date", "datetime", "number"]]


class FetchAsked(Asked):
    subject: Person
    purpose: Purpose
    fields: Names


class FetchManyAsked(Asked):
    subjects: Annotated[list[Person], Field(max_length=MOST_PEOPLE)]
    purpose: AnyPurpose
    fields: Names


class FindAsked(Asked):
    subject: Sought
    purpose: AnyPurpose


class HistoryAsked(Asked):
    subject: Person
    collection: Name
    purpose: Purpose
    fields: Names
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class PutAsked(Asked):
    subject: Person
    values: Values
    purpose: Purpose


class RecordAsked(Asked):
    subject: Person
    collection: Name
    values: Values
    purpose: Purpose


class ConsentRecordAsked(Asked):
    subject: Person
    purpose: Purpose
    given: bool
    source: Source | None = None


class ConsentRequestAsked(Asked):
    subject: Person
    purpose: Purpose
    source: Source | None = None


class ConsentLookAsked(Asked):
    subject: Person
    purpose: Purpose


class FetchSaid(Said):
    """What was released, and what was withheld."""

    subject: str
    values: dict[str, Any]
    types: Types | None = None
    withheld: dict[str, WithheldField]
    audit_id: AuditId
    revision: str


class RefusalSaid(Said):
    """A wholly refused read among many."""

    reasons: list[str]
    withheld: dict[str, WithheldField]
    message: str
    audit_id: str


class FetchManySaid(Said):
    """In the order of the people asked about."""

    answers: list[FetchSaid | RefusalSaid]


class FindSaid(Said):
    """The pairwise id if one field at least would be released now; null for nobody and whom it may not see."""

    subject: str | None


class RecordSaid(Said):
    id: str
    time: str | None
    values: dict[str, Any]


class HistorySaid(Said):
    """Newest first."""

    records: list[RecordSaid]
    types: Types | None = None
    withheld: dict[str, WithheldField]
    audit_id: AuditId


class ConsentStatusSaid(Logged):
    purpose: str
    status: Literal[
        "unknown",
        "requested",
        "given",
        "renewed",
        "refused",
        "withdrawn",
        "expired",
        "invalidated",
        "revoked",
    ]


class ConsentReceiptSaid(Logged):
    receipt: dict[str, Any] | None
