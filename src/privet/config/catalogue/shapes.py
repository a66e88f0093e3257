"""The shape of a catalogue's entries, by pydantic. Every key is optional here: what must be there is asked for in
words by the reader, so that one missing key does not hide the other faults of an entry.

Refuses unknown keys and values of another kind than the key takes; nothing is coerced.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from privet.config.catalogue.problems import Path, Problems, nearest, quoted, unknown

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(max_length=5_000)]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Bound = int | Decimal | str


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OrganisationShape(Shape):
    name: Text | None = None
    contact: Text | None = None


class Allowances(Shape):
    """What a field says, and a collection may say for all of its fields."""

    category: str | None = None
    special: bool | None = None
    allow: Names | None = None
    allow_masked: Names | None = None
    prohibit: Names | None = None
    retention: str | None = None
    description: Text | None = None


class FieldShape(Allowances):
    type: str | None = None
    lookup: Literal["unique", "shared"] | None = None
    max_length: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_items: Annotated[int, Field(ge=1, le=10_000)] | None = None
    min: Bound | None = None
    max: Bound | None = None


class CollectionShape(Allowances):
    time: Name | None = None
    coarse_time: Literal["day", "month", "year"] | None = None
    key: Name | None = None
    fields: dict[str, Any] | None = None


class PurposeShape(Shape):
    dpv: str | None = None
    basis: str | None = None
    parents: Names | None = None
    notice: Name | None = None
    prohibited: bool | None = None
    consent_for: str | None = None
    article9: str | None = None
    description: Text | None = None


class OidcShape(Shape):
    issuer: Name | None = None
    subject: Name | None = None


class ServiceShape(Shape):
    purposes: Names | None = None
    fields: Names | None = None
    find: Names | None = None
    enrols: bool | None = None
    collects: Names | None = None
    recipient: Text | None = None
    description: Text | None = None
    oidc: OidcShape | None = None
    certificates: Names | None = None
    spiffe: Annotated[list[Text], Field(max_length=5_000)] | None = None


class OfficerShape(Shape):
    oidc: OidcShape | None = None


S = TypeVar("S", bound=Shape)

_WORDS = {
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list; write it in [ ]",
    "dict_type": "must be a mapping of names; indent them below it or write it in { }",
    "model_type": "must be a mapping of keys; indent them below it or write it in { }",
    "model_attributes_type": "must be a mapping of keys; indent them below it or write it in { }",
    "string_too_short": "must not be empty; write it or leave the key out",
}


def shape_of(model: type[S], raw: object, path: Path, problems: Problems) -> S:
    """The entry as `model`, without its faulty keys; each fault is noted with its line."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        problems.error(path, _WORDS["model_type"])
        problems.excuse(path)
        return model()
    kept: Mapping[str, object] = raw
    try:
        return model.model_validate(kept)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    seen: set[Path] = set()
    for fault in faults:
        # Of a union's alternatives one line is enough; its tag is not a key of the file.
        place = _known_part(path, fault["loc"], problems)
        if place not in seen:
            seen.add(place)
            problems.error(
                place, _sentence(model, fault["type"], fault.get("ctx", {}), fault["loc"], fault["msg"])
            )
        if fault["loc"]:
            wrong = str(fault["loc"][0])
            meant = nearest(wrong, model.model_fields) if fault["type"] == "extra_forbidden" else wrong
            problems.excuse((*path, meant or wrong))
    bad = {fault["loc"][0] for fault in faults if fault["loc"]}
    return model.model_validate({k: v for k, v in kept.items() if k not in bad})


def _known_part(path: Path, loc: tuple[int | str, ...], problems: Problems) -> Path:
    place = path
    for part in loc:
        if (*place, part) not in problems.lines:
            break
        place = (*place, part)
    return place


def _sentence(
    model: type[Shape], kind: str, context: Mapping[str, Any], loc: tuple[int | str, ...], fallback: str
) -> str:
    if kind == "extra_forbidden":
        known = OidcShape.model_fields if len(loc) > 1 else model.model_fields
        return unknown("key", "keys here", str(loc[-1]), known)
    if loc and loc[0] in ("min", "max"):
        return "must be a number or a date"
    if kind == "literal_error":
        return f"must be one of {context.get('expected', '')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"must be between 1 and {10_000 if 'max_items' in loc else 1_000_000}"
    if kind in ("string_too_long", "too_long"):
        return f"is too long; the most is {context.get('max_length')}"
    return _WORDS.get(kind, f"is not right: {quoted(fallback)}")
