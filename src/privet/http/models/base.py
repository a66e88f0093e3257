"""What the models share: how strict they are, and the words that stand in many.

Requests take no unknown key and convert nothing. Answers are built by our own code and only described here.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, WithJsonSchema

from privet.domain.request import MAX_NAME, By, SubjectRef

AUDIT_ID = "^[0-9a-f]{32}$"
AuditId = Annotated[str, StringConstraints(pattern=AUDIT_ID)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
_DATE = {"type": "string", "format": "date"}
_TIME = {"type": "string", "format": "date-time"}
_WRITTEN = StringConstraints(max_length=40)
Moment = Annotated[str, _WRITTEN, WithJsonSchema({"anyOf": [_DATE, _TIME]})]
"""A date, or a time with its offset (RFC 3339)."""


class Asked(BaseModel):
    """A request's body."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Said(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Purpose(RootModel[Annotated[str, StringConstraints(max_length=MAX_NAME)]]):
    """A purpose of the catalogue. Policy refuses another, and none, and logs that."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


class AnyPurpose(RootModel[Annotated[str, StringConstraints(max_length=MAX_NAME)]]):
    """A purpose of the catalogue. Of another nothing is released, which here is no error."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


Lookup = Annotated[
    dict[str, Annotated[str, StringConstraints(min_length=1, max_length=1024)]],
    Field(min_length=1, max_length=1),
]


class Sought(RootModel[Lookup]):
    """One look-up field and its value."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    def by(self) -> By:
        return By(*next(iter(self.root.items())))


class Person(RootModel[Name | Lookup]):
    """A person: the asking service's pairwise id of her, or one look-up field and its value."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    def ref(self) -> SubjectRef:
        root = self.root
        return root if isinstance(root, str) else By(*next(iter(root.items())))


class Values(RootModel[Annotated[dict[Name, Any], Field(min_length=1)]]):
    """Values by field name, in the JSON forms of docs/catalogue.md: dates as text, exact numbers as text or number."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


class WithheldField(Said):
    """Why a field was not given."""

    reason: str
    message: str


class Logged(Said):
    """An act, and the log's entry of it."""

    audit_id: AuditId


class ProblemDetails(BaseModel):
    """RFC 9457. `code` is stable; docs/api.md has them all."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str | None = None
    pointer: str | None = None
    reasons: list[str] | None = None
    withheld: dict[str, WithheldField] | None = None
    audit_id: str | None = None
    retry_after: int | None = None
