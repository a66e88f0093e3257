"""What a vault refuses, as the exception that a session in process would have raised.

Refuses to take for a refusal of the vault's what is none: a proxy's page, a redirect, a status that does not go with
its code. That is Unavailable, with what to do next and nothing of what was in it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from privet.domain.request_ids import parse_request_id
from privet.errors import (
    AccessDenied,
    CatalogueError,
    Conflict,
    IntegrityError,
    InvalidInput,
    KeyDestroyed,
    KeyReused,
    NotFound,
    PreconditionFailed,
    PrivetError,
    RateLimited,
    RestoreNeeded,
    Unauthenticated,
    Unavailable,
)
from privet.sdk import answers
from privet.sdk.patience import parse_retry_after

MEDIA_TYPE: Final = "application/problem+json"
_LONGEST = 20_000


class Reply(NamedTuple):
    """An answer as it came. `kind`: its media type, without parameters, in lower case."""

    status: int
    kind: str
    retry_after: str | None
    body: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, hidden)"


def error_of(reply: Reply) -> PrivetError:
    """The exception that a reply other than 200 stands for, with the request id that a vault's names."""
    problem = _find_problem(reply)
    if problem is None:
        return _limited_on_the_way(reply) if reply.status == 429 else Unavailable(_unknown(reply.status))
    error = _made_of(problem, reply)
    error.request_id = _find_request_id(problem)
    return error


def _made_of(problem: Any, reply: Reply) -> PrivetError:
    make = _MAKERS.get(problem["code"]) or _BY_STATUS.get(reply.status)
    if make is None:
        return InvalidInput(problem["detail"]) if reply.status in _ASKED_WRONGLY else _unavailable(problem)
    try:
        return make(problem, reply)
    except (KeyError, TypeError, ValueError, AttributeError, answers.Odd):
        return Unavailable(_unknown(reply.status))


def _find_problem(reply: Reply) -> Any | None:
    if reply.kind != MEDIA_TYPE:
        return None
    try:
        problem = orjson.loads(reply.body)
    except ValueError:
        return None
    if not isinstance(problem, dict) or problem.get("status") != reply.status:
        return None
    detail, code = problem.get("detail"), problem.get("code")
    if not isinstance(code, str) or not isinstance(detail, str) or len(detail) > _LONGEST:
        return None
    known = _STATUS.get(code)
    return None if known is not None and known != reply.status else problem


def _limited_on_the_way(reply: Reply) -> RateLimited:
    return RateLimited(
        "what stands before the vault, perhaps a proxy, answers 429: ask more slowly, or have its limit raised",
        retry_after=parse_retry_after(reply.retry_after) or 1.0,
    )


def _unknown(status: int) -> str:
    if 300 <= status < 400:
        return "the vault's address answers with a redirect, which is never followed: name the vault itself"
    if status >= 500:
        return (
            f"what stands before the vault, perhaps a proxy, answers {status} and the vault does not: check that the "
            "vault runs, or try again"
        )
    return (
        f"what answers at the vault's address is not a vault, or a proxy stands before it (status {status}): check "
        "scheme, host, port and path"
    )


def _unavailable(problem: Mapping[str, Any]) -> Unavailable:
    """With the request id, by which the operator finds it."""
    request_id = _find_request_id(problem)
    return Unavailable(
        problem["detail"] if request_id is None else f"{problem['detail']} (request {request_id})"
    )


def _find_request_id(problem: Mapping[str, Any]) -> str | None:
    try:
        return parse_request_id(problem.get("request_id"))
    except InvalidInput:
        return None


def _denied(problem: Any, _reply: Reply) -> PrivetError:
    audit_id = problem.get("audit_id")
    if audit_id is not None and not isinstance(audit_id, str):
        raise TypeError
    return AccessDenied(
        problem["detail"],
        reasons=answers.parse_reasons(problem["reasons"]),
        withheld=answers.parse_withheld(problem["withheld"]),
        audit_id=audit_id,
    )


def _wrong_role(problem: Any, _reply: Reply) -> PrivetError:
    return AccessDenied(problem["detail"])


def _limited(problem: Any, reply: Reply) -> PrivetError:
    return RateLimited(problem["detail"], retry_after=parse_retry_after(reply.retry_after) or 1.0)


def _input(kind: type[InvalidInput]) -> Callable[[Any, Reply], PrivetError]:
    def make(problem: Any, _reply: Reply) -> PrivetError:
        field = problem.get("field")
        return kind(problem["detail"], field=field if isinstance(field, str) else None)

    return make


def _nothing_there(_problem: Any, _reply: Reply) -> PrivetError:
    """No route of a service answers so: the address itself is at fault."""
    return NotFound(
        "the vault has nothing at this address: name its scheme, host and port, such as https://vault.example:8443, "
        "and a path only where a proxy puts the vault below one"
    )


def _plain(kind: type[PrivetError]) -> Callable[[Any, Reply], PrivetError]:
    return lambda problem, _reply: kind(problem["detail"])


def _catalogue(problem: Any, _reply: Reply) -> PrivetError:
    return CatalogueError(problem["detail"])


_ASKED_WRONGLY: Final = frozenset({400, 405, 406, 413, 414, 415, 422, 431})
_MAKERS: Final[Mapping[str, Callable[[Any, Reply], PrivetError]]] = {
    AccessDenied.code: _denied,
    "wrong_role": _wrong_role,
    Unauthenticated.code: _plain(Unauthenticated),
    RateLimited.code: _limited,
    NotFound.code: _nothing_there,
    InvalidInput.code: _input(InvalidInput),
    KeyReused.code: _input(KeyReused),
    CatalogueError.code: _catalogue,
    Conflict.code: _plain(Conflict),
    PreconditionFailed.code: _plain(PreconditionFailed),
    IntegrityError.code: _plain(IntegrityError),
    KeyDestroyed.code: _plain(KeyDestroyed),
    RestoreNeeded.code: _plain(RestoreNeeded),
}
_BY_STATUS: Final[Mapping[int, Callable[[Any, Reply], PrivetError]]] = {
    401: _plain(Unauthenticated),
    403: _wrong_role,
    404: _nothing_there,
    409: _plain(Conflict),
    412: _plain(PreconditionFailed),
    429: _limited,
}
"""For the codes of a newer vault."""
_STATUS: Final[Mapping[str, int]] = {
    kind.code: kind.http_status
    for kind in (
        AccessDenied, Unauthenticated, RateLimited, NotFound, InvalidInput, KeyReused, CatalogueError, Conflict,
        PreconditionFailed, IntegrityError, KeyDestroyed, RestoreNeeded, Unavailable,
    )
}  # fmt: skip
