"""The OpenAPI 3.1 document, as true as the catalogue makes it: its purposes, look-ups, fields and their forms.

The routes' own models give the frame; what only the catalogue knows is put in. Refuses to describe what is not served.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from importlib.metadata import version
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from privet.consent.transitions import is_consentable
from privet.domain.catalogue import Catalogue
from privet.domain.request import MAX_NAME, SUBJECT_TEXT
from privet.http.examples import add_examples
from privet.http.value_schemas import field_schema, lookup_schema, shared_schemas, value_schema
from privet.rights.restriction import may_object

Schema = dict[str, Any]
PROBLEM: Final = "application/problem+json"
_REF: Final = {"$ref": "#/components/schemas/ProblemDetails"}
_SECURITY: Final[list[Schema]] = [{"bearer": []}, {"certificate": []}]
_REQUEST_ID: Final = {
    "description": "The caller's, if it has the form [A-Za-z0-9._-]{1,64}; else made here. It is in the log.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
_ABOUT: Final = """\
An encrypted store of customer profiles. Services name the purpose of each read and get only what policy and the
customer's own choices allow for it. Every request is logged before it is answered. Errors are RFC 9457 problem details;
docs/api.md has every code, docs/reasons.md every reason.
"""


def describe(routes: Sequence[BaseRoute], catalogue: Catalogue) -> Schema:
    """The document, as JSON."""
    document = get_openapi(
        title="Privet",
        version=version("privet"),
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=routes,
        servers=[{"url": "/", "description": "The vault that serves this document."}],
    )
    schemas: dict[str, Schema] = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(shared_schemas())
    _name_catalogue(schemas, catalogue)
    document["components"]["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, or a token of a known issuer.",
        },
        "certificate": {"type": "mutualTLS", "description": "Services: a client certificate."},
    }
    document["components"]["headers"] = {"RequestId": _REQUEST_ID}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    document["paths"].update(_probes())
    add_examples(document, catalogue)
    return document


def _name_catalogue(schemas: dict[str, Schema], catalogue: Catalogue) -> None:
    purposes = sorted(catalogue.purposes)
    _replace(schemas, "Purpose", {"enum": purposes})
    _replace(
        schemas, "AnyPurpose", {"anyOf": [{"enum": purposes}, {"type": "string", "maxLength": MAX_NAME}]}
    )
    _set(schemas, "PurposeAsked", "purpose", {"enum": purposes})
    _set(
        schemas,
        "GiveAsked",
        "purpose",
        {"enum": [name for name in purposes if is_consentable(catalogue, name)]},
    )
    _set(
        schemas,
        "ObjectAsked",
        "purpose",
        {"enum": [name for name in purposes if may_object(catalogue, name)]},
    )
    lookups = [lookup_schema(field) for _, field in sorted(catalogue.fields.items()) if field.lookup]
    _replace(schemas, "Sought", {"anyOf": lookups} if lookups else {"type": "object", "maxProperties": 0})
    pairwise = {
        "type": "string",
        "pattern": f"^{SUBJECT_TEXT}$",
        "description": "The asking service's pairwise id of her, from an earlier answer.",
    }
    _replace(schemas, "Person", {"anyOf": [pairwise, *lookups]})
    new = [lookup_schema(field, new=True) for _, field in sorted(catalogue.fields.items()) if field.lookup]
    _set(schemas, "PutAsked", "subject", {"anyOf": [pairwise, *new]})
    profile = {path: field_schema(field, nullable=True) for path, field in sorted(catalogue.fields.items())}
    _replace(schemas, "Values", _object(profile, minProperties=1))
    own = _object(
        {path: shape for path, shape in profile.items() if path not in catalogue.unusable}, minProperties=1
    )
    _set(schemas, "CorrectAsked", "values", own)
    if catalogue.collections:
        schemas["RecordAsked"] = _records(schemas["RecordAsked"], catalogue)
        _set(schemas, "HistoryAsked", "collection", {"enum": sorted(catalogue.collections)})
    _set(schemas, "ControlAsked", "name", {"enum": sorted({*purposes, *catalogue.services})})
    for name, known in (
        ("service", catalogue.services),
        ("purpose", catalogue.purposes),
        ("field", catalogue.every_field),
    ):
        _set(schemas, "QueryAsked", name, {"anyOf": [{"enum": sorted(known)}, {"type": "null"}]})
    names = sorted(path for path, field in catalogue.fields.items() if field.lookup)
    _set(schemas, "ConfirmAsked", "field", {"enum": names})


def _set(schemas: dict[str, Schema], model: str, name: str, shape: Schema) -> None:
    schemas[model]["properties"][name] = shape


def _records(asked: Schema, catalogue: Catalogue) -> Schema:
    shapes = []
    for name, collection in sorted(catalogue.collections.items()):
        needed = [short for short in (collection.time, collection.key) if short is not None]
        fields = {
            short: value_schema(field.type, nullable=short not in needed)
            for short, field in sorted(collection.fields.items())
        }
        shape = deepcopy(asked)
        shape.pop("title", None)
        shape["properties"]["collection"] = {"const": name}
        shape["properties"]["values"] = _object(fields, required=sorted(set(needed)))
        shapes.append(shape)
    return {"title": asked.get("title", "RecordAsked"), "anyOf": shapes}


def _object(properties: Mapping[str, Schema], **more: Any) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}


def _replace(schemas: dict[str, Schema], name: str, shape: Schema) -> None:
    kept: Schema = {key: schemas[name][key] for key in ("title", "description") if key in schemas[name]}
    schemas[name] = {**kept, **shape}


def _complete(path: str, operation: Schema) -> None:
    """Problems in their media type, request ids on every answer, and who may ask."""
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            response["content"] = {PROBLEM: {"schema": dict(_REF)}}
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _present(parameter["schema"])
    responses = operation["responses"]
    for status in ("429", "503"):
        if status in responses:
            responses[status]["headers"]["Retry-After"] = {
                "schema": {"type": "string", "pattern": "^[0-9]+$"}
            }
    if "401" in responses:
        responses["401"]["headers"]["WWW-Authenticate"] = {"schema": {"type": "string"}}
        operation["security"] = deepcopy(_SECURITY)
    if path == "/v1/fetch":
        responses["200"]["headers"]["ETag"] = {
            "description": "The revision, for If-Match.",
            "schema": {"type": "string", "pattern": '^".+"$'},
        }


def _present(shape: Schema) -> Schema:
    """A parameter that may be left out is never null."""
    shapes = [one for one in shape.get("anyOf", ()) if one != {"type": "null"}]
    return shapes[0] if len(shapes) == 1 else shape


def _probes() -> dict[str, Schema]:
    def probe(summary: str, media: str, *problems: int) -> Schema:
        responses: dict[str, Schema] = {
            "200": {"description": "Yes.", "content": {media: {"schema": {"type": "string"}}}}
        }
        for status in problems:
            responses[str(status)] = {"description": "No.", "content": {PROBLEM: {"schema": dict(_REF)}}}
        return {"get": {"summary": summary, "tags": ["meta"], "responses": responses}}

    return {
        "/healthz": probe("Is the process alive?", "text/plain"),
        "/readyz": probe("Can it serve? 503 while it starts or stops, or cannot.", "text/plain", 503),
        "/metrics": probe(
            "Prometheus metrics, for loopback or with the operator's token.", "text/plain", 404
        ),
    }


def operations_of(document: Schema) -> Iterable[tuple[str, str]]:
    """Every (method, path) of a document."""
    for path, operations in document["paths"].items():
        for method in operations:
            yield method.upper(), path
