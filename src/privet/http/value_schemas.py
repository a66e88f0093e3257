"""JSON Schemas of values, by the types of the catalogue: what `config.values.parse_json` takes, as a schema can say it.

Where a check has no schema (an internationalised domain, a phone number spelt with spaces), the schema names the plain
spellings, all of which are taken. Refuses nothing itself.
"""

from datetime import date
from functools import cache
from typing import Any, Final

import phonenumbers

from privet.config.values.countries import CODES
from privet.domain.catalogue import Field, ValueType

Schema = dict[str, Any]

_ATOM: Final = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL: Final = "([A-Za-z0-9]{1,30}|[A-Za-z0-9]{1,15}(-[A-Za-z0-9]{1,15}){1,2})"
_LOCAL: Final = (
    rf"({_ATOM}{{1,64}}|{_ATOM}{{1,32}}(\.{_ATOM}{{1,15}}){{1,2}}|{_ATOM}{{1,14}}(\.{_ATOM}{{1,9}}){{1,5}})"
)
EMAIL: Final = rf"^{_LOCAL}@({_LABEL}\.){{1,3}}[A-Za-z]{{2,20}}$"
_LINE: Final = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
_TEXT: Final = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$"
_NUMBER: Final = r"^-?[0-9]{1,16}(\.[0-9]{1,16})?$"
_MOST_INTEGER: Final = 2**53 - 1
_MOST_LOOKUP: Final = 1024


def lookup_schema(field: Field, *, new: bool = False) -> Schema:
    """An object that names one person by this field. `new`: a person who may have to be created with it."""
    shape = field_schema(field)
    if not new and field.type.kind not in ("email", "phone"):
        # What cannot be held finds nobody; it is no mistake.
        shape = {"type": "string", "minLength": 1, "maxLength": _MOST_LOOKUP}
    return {
        "type": "object",
        "properties": {field.path: shape},
        "required": [field.path],
        "additionalProperties": False,
    }


def field_schema(field: Field, *, nullable: bool = False) -> Schema:
    """A value of this field. What people are looked up by is never empty."""
    shape = _shape(field.type)
    if field.lookup is not None and field.type.kind in ("string", "text"):
        shape = {**shape, "minLength": 1}
    return {"anyOf": [shape, {"type": "null"}]} if nullable else shape


def value_schema(kind: ValueType, *, nullable: bool = False) -> Schema:
    """One value; with null, where that clears it."""
    shape = _shape(kind)
    return {"anyOf": [shape, {"type": "null"}]} if nullable else shape


def _shape(kind: ValueType) -> Schema:
    match kind.kind:
        case "list":
            assert kind.of is not None
            shape: Schema = {"type": "array", "items": _shape(kind.of)}
            return shape if kind.max_length is None else {**shape, "maxItems": kind.max_length}
        case "string" | "text":
            shape = {"type": "string", "pattern": _LINE if kind.kind == "string" else _TEXT}
            return shape if kind.max_length is None else {**shape, "maxLength": kind.max_length}
        case "enum":
            return {"type": "string", "enum": list(kind.members)}
        case "boolean":
            return {"type": "boolean"}
        case "integer":
            low = -_MOST_INTEGER if kind.minimum is None else int(kind.minimum)
            high = _MOST_INTEGER if kind.maximum is None else int(kind.maximum)
            return {"type": "integer", "minimum": low, "maximum": high}
        case "number":
            return _number(kind)
        case "email":
            return {"type": "string", "pattern": EMAIL, "maxLength": 254}
        case "phone":
            return _shared("PhoneNumber")
        case "country":
            return _shared("CountryCode")
        case "date":
            return _bounded({"type": "string", "format": "date"}, kind)
        case "datetime":
            return {"type": "string", "format": "date-time"}
        case "moment":
            return {
                "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
            }


def _number(kind: ValueType) -> Schema:
    """Text keeps every digit; a JSON number is taken too."""
    low = -1e15 if kind.minimum is None else float(kind.minimum)
    high = 1e15 if kind.maximum is None else float(kind.maximum)
    number = {"type": "number", "minimum": low, "maximum": high}
    if kind.minimum is None and kind.maximum is None:
        return {"anyOf": [number, {"type": "string", "pattern": _NUMBER}]}
    return number


def _bounded(shape: Schema, kind: ValueType) -> Schema:
    """JSON Schema has no order of dates: where there are bounds, whole years within them are named."""
    if kind.minimum is None and kind.maximum is None:
        return shape
    low = date.fromisoformat(kind.minimum).year + 1 if kind.minimum else 1
    high = date.fromisoformat(kind.maximum).year - 1 if kind.maximum else 9999
    if kind.minimum and kind.minimum.endswith("-01-01"):
        low -= 1
    years = "|".join(f"{year:04d}" for year in range(low, min(high, low + 120) + 1))
    return {**shape, "pattern": f"^({years})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"} if years else shape


@cache
def phone_pattern() -> str:
    """E.164 numbers of the lengths that each country code has."""
    shapes = []
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        region = regions[0]
        metadata: Any = (
            phonenumbers.PhoneMetadata.metadata_for_nongeo_region(code)
            if region == "001"
            else phonenumbers.PhoneMetadata.metadata_for_region(region)
        )
        lengths = sorted(
            length
            for length in set(metadata.general_desc.possible_length)
            if length > 5 and len(str(code)) + length <= 15
        )
        # What is dialled before a number at home is taken for that, and not for its first digits.
        prefix = metadata.national_prefix_for_parsing
        first = "0-9" if prefix is None else "2-9" if code == 1 else "1-9"
        body = "|".join(f"[{first}][0-9]{{{length - 1}}}" for length in lengths)
        if body:
            shapes.append(f"{code}({body})")
    return rf"^\+({'|'.join(shapes)})$"


def shared_schemas() -> dict[str, Schema]:
    """Long ones, under their names among the document's components."""
    return {
        "PhoneNumber": {"type": "string", "pattern": phone_pattern(), "maxLength": 16},
        "CountryCode": {"type": "string", "enum": sorted(CODES)},
    }


def _shared(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
