"""One shape for every error that leaves the service: RFC 9457 problem details, with our own codes.

`problem_of` turns any exception into a problem, `answer_of` makes the answer, `send_problem` sends it over bare ASGI.
Refuses to tell what an exception says that Privet did not raise on purpose, and what was damaged (IntegrityError): the
operator finds that in the log, by the request id. Every code stands in CODES and in docs/api.md.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, NamedTuple

import orjson

from privet.config.catalogue.fields import PATH_NAME
from privet.domain.answer import Withheld
from privet.domain.request import MAX_NAME
from privet.errors import AccessDenied, IntegrityError, InvalidInput, PrivetError

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:privet:problem:"
RETRY_SECONDS: Final = 1
"""What Retry-After says where nothing better is known."""

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Code(NamedTuple):
    """What a code means, once and for all."""

    status: int
    title: str


CODES: Final[Mapping[str, Code]] = {
    "malformed_json": Code(400, "The body is not JSON"),
    "bad_request": Code(400, "The request cannot be understood"),
    "unauthenticated": Code(401, "Who asks is not known"),
    "access_denied": Code(403, "Policy refuses this"),
    "wrong_role": Code(403, "This route is for another kind of caller"),
    "not_found": Code(404, "There is no such thing here"),
    "method_not_allowed": Code(405, "This route does not take that method"),
    "not_acceptable": Code(406, "The answer cannot be given in a form that you accept"),
    "request_timeout": Code(408, "The request came too slowly"),
    "conflict": Code(409, "What is stored is not what you thought"),
    "precondition_failed": Code(412, "What is stored has changed since you read it"),
    "body_too_large": Code(413, "The body is too large"),
    "uri_too_long": Code(414, "The address is too long"),
    "unsupported_media_type": Code(415, "The body is not of a type that this route takes"),
    "invalid_input": Code(422, "Something in the request is not valid"),
    "invalid_catalogue": Code(422, "The catalogue is not valid"),
    "idempotency_key_reused": Code(422, "The idempotency key was used for another request"),
    "rate_limited": Code(429, "Too many requests"),
    "headers_too_large": Code(431, "The headers are too large"),
    "error": Code(500, "Something went wrong"),
    "internal": Code(500, "Something went wrong"),
    "integrity": Code(500, "What is stored does not open"),
    "key_destroyed": Code(500, "The key to this was destroyed"),
    "unavailable": Code(503, "The vault cannot serve now"),
    "restore_needed": Code(503, "The vault must be restored first"),
}

_INTERNAL: Final = (
    "the service failed at this request; nothing was released. Quote the request id to its operator"
)
_DAMAGED: Final = (
    "what is stored is not what was sealed; none of it was used. Quote the request id to the operator"
)


class EdgeError(PrivetError):
    """What the edge refuses before the vault is asked. `code` is one of CODES, its status goes with it."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        allow: Sequence[str] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = CODES[code].status
        self.code = code  # type: ignore[misc]  # each instance names its own
        self.pointer = pointer
        self.allow = tuple(allow)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem. `extra` are the members beyond those that all have; `headers` what belongs to the status."""

    code: str
    detail: str
    extra: Mapping[str, object] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status(self) -> int:
        return CODES[self.code].status

    def body(self, request_id: str) -> bytes:
        """The JSON object."""
        status, title = CODES[self.code]
        return orjson.dumps(
            {
                "type": URN + self.code,
                "title": title,
                "status": status,
                "detail": self.detail,
                "code": self.code,
                "request_id": request_id,
                **self.extra,
            }
        )

    def all_headers(self, scope: Scope) -> dict[str, str]:
        """Every header of the answer to this request but the length."""
        found = {
            "content-type": MEDIA_TYPE,
            "cache-control": "no-store",
            "x-request-id": request_id_of(scope),
            **dict(self.headers),
        }
        if self.status == 401:
            found["www-authenticate"] = _challenge(scope)
        return found


def problem_of(error: BaseException) -> Problem:
    """The problem that stands for an exception. One that Privet did not raise is `internal`, and says nothing."""
    if not isinstance(error, PrivetError):
        return Problem(code="internal", detail=_INTERNAL)
    if isinstance(error, AccessDenied):
        extra: dict[str, object] = {
            "reasons": list(error.reasons),
            "withheld": plain_withheld(error.withheld),
        }
        if error.audit_id:
            extra["audit_id"] = error.audit_id
        return Problem(code="access_denied", detail=error.message, extra=extra)
    code = _code(error)
    if isinstance(error, IntegrityError):
        return Problem(code=code, detail=_DAMAGED)
    return Problem(code=code, detail=error.message, extra=_extra(error), headers=_headers(error, code))


def _code(error: PrivetError) -> str:
    """Its own, or that of the nearest kind of error that callers are told of."""
    known = (getattr(kind, "code", "") for kind in type(error).__mro__)
    return next((code for code in (error.code, *known) if code in CODES), "error")


def _extra(error: PrivetError) -> dict[str, object]:
    found: dict[str, object] = {}
    if isinstance(error, InvalidInput) and error.field is not None:
        found["field"] = error.field
    pointer = getattr(error, "pointer", None)
    if pointer is not None:
        found["pointer"] = pointer
        first = field_of(pointer)
        if first:
            found.setdefault("field", first)
    wait = _wait(error)
    if wait is not None:
        found["retry_after"] = wait
    return found


def _headers(error: PrivetError, code: str) -> tuple[tuple[str, str], ...]:
    status = CODES[code].status
    if status == 405:
        return (("allow", ", ".join(sorted(getattr(error, "allow", ())))),)
    if status in (429, 503):
        return (("retry-after", str(_wait(error) or RETRY_SECONDS)),)
    return ()


def _challenge(scope: Scope) -> str:
    """That a token is wanted, or that the one shown is no good (RFC 6750 §3.1); never why."""
    shown = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
    bad = len(shown) == 1 and shown[0][:7].lower() == b"bearer "
    return 'Bearer realm="privet"' + (', error="invalid_token"' if bad else "")


def _wait(error: PrivetError) -> int | None:
    """Whole seconds, as HTTP wants them."""
    wait = getattr(error, "retry_after", None)
    return None if wait is None else max(1, ceil(wait))


def plain_withheld(withheld: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Withheld fields as JSON."""
    return {
        path: {"reason": kept.reason, "message": kept.message}
        for path, kept in withheld.items()
        if isinstance(kept, Withheld)
    }


def field_of(pointer: str) -> str:
    """The first name in a JSON pointer, by which errors in process name the same input."""
    return pointer[1:].partition("/")[0].replace("~1", "/").replace("~0", "~") if pointer else ""


def pointer_to(path: Sequence[object]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def tellable(path: Sequence[object]) -> Sequence[object]:
    """As much of a path into a body as names only what a route or a catalogue could: under any other name a caller may
    have put an address."""
    for at, part in enumerate(path):
        if isinstance(part, str) and (len(part) > MAX_NAME or not PATH_NAME.fullmatch(part)):
            return path[:at]
    return path


REQUEST_ID: Final = "privet.request_id"
"""The key of the request id in an ASGI scope."""
_LETTERS: Final = (b"abcdefghijklmnopqrstuvwxyz234567") * 8
"""Any byte to one of 32 letters, each as likely: five bits each, without base64's slow base 32."""
_TAKEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id_of(scope: Scope) -> str:
    """The request's id: the caller's where it has the form, else a random one. Kept in the scope."""
    known = scope.get(REQUEST_ID)
    if isinstance(known, str):
        return known
    given: list[bytes] = [value for name, value in scope.get("headers", ()) if name == b"x-request-id"]
    if len(given) == 1 and _TAKEN.fullmatch(given[0]):
        made = given[0].decode("ascii")
    else:
        made = secrets.token_bytes(26).translate(_LETTERS).decode("ascii")
    scope[REQUEST_ID] = made
    return made


def answer_of(scope: Scope, error: BaseException | Problem) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the answer that tells of `error`. No body to a HEAD, but its length."""
    problem = error if isinstance(error, Problem) else problem_of(error)
    request_id = request_id_of(scope)
    body = problem.body(request_id)
    headers: Headers = [
        (name.encode("ascii"), value.encode("latin-1", "replace"))
        for name, value in problem.all_headers(scope).items()
    ]
    headers.append((b"content-length", b"%d" % len(body)))
    return problem.status, headers, b"" if scope.get("method") == "HEAD" else body


async def send_problem(scope: Scope, send: Send, error: BaseException | Problem) -> None:
    """Answers an HTTP request with a problem."""
    status, headers, body = answer_of(scope, error)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
