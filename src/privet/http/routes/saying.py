"""How routes answer and what they document in common. Refuses to let anything be kept by whoever stands between."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import Header
from starlette.responses import Response

from privet.errors import PreconditionFailed
from privet.http.models.base import ProblemDetails

JSON: Final = "application/json"
PRIVATE: Final = {"cache-control": "no-store"}


def say(told: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """200, with JSON."""
    return say_bytes(orjson.dumps(told), headers)


def say_bytes(body: bytes, headers: Mapping[str, str] | None = None, *, media_type: str = JSON) -> Response:
    return Response(body, 200, {**PRIVATE, **(headers or {})}, media_type)


_MEANT: Final = {
    400: "The request cannot be understood.",
    401: "Who asks is not known.",
    403: "Policy refuses it (access_denied), or the route is for another kind of caller (wrong_role).",
    404: "There is no such thing here.",
    409: "What is stored is not what the caller thought.",
    412: "What is stored has changed since the revision named in If-Match.",
    413: "The body is too large.",
    415: "The body is not JSON in UTF-8.",
    422: "Something in the request is not valid.",
    429: "Too many requests; Retry-After says when to come again.",
    503: "The vault cannot serve now; Retry-After says when to try again.",
}
_ALWAYS: Final = (400, 401, 403, 422, 429, 500, 503)


def problems(*more: int, body: bool = True) -> dict[int | str, dict[str, Any]]:
    """The problems that a guarded route may answer with."""
    statuses = {*_ALWAYS, *more, *((413, 415) if body else ())}
    return {
        status: {"model": ProblemDetails, "description": _MEANT.get(status, "The service failed.")}
        for status in sorted(statuses)
    }


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern="^[!-~]([ -~]{0,198}[!-~])?$",
        description="The same key with the same request, within a day, does nothing twice.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of an earlier fetch: 412 where one of its fields has changed since, "
        "and for all but one strong ETag.",
    ),
]
_ETAG: Final = re.compile(r'"([!#-~]{1,10000})"')


def revision_of(if_match: str | None) -> str | None:
    """The revision that an ETag names. Raises PreconditionFailed for what cannot be one of ours: it matches nothing."""
    if if_match is None:
        return None
    found = _ETAG.fullmatch(if_match)
    if found is None:
        raise PreconditionFailed("If-Match names no revision of ours; send the ETag of one fetch, as it came")
    return found[1]
