"""What stands before every route that is not public: who asks, may they ask here, is the body what it says.

In this order, so that strangers learn nothing of a route but that it asks who they are. Whatever a known caller is
refused before policy was asked becomes a leaf. Refuses the wrong kind of caller (wrong_role), any body that
`http.bodies` refuses, query parameters and headers that the route does not have, and one of them twice.
"""

from collections.abc import Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from privet.errors import (
    AccessDenied,
    IntegrityError,
    InvalidInput,
    PrivetError,
    Unauthenticated,
    Unavailable,
)
from privet.http.bodies import check_content_type, parse_body
from privet.http.caller import Caller, Kind
from privet.http.desk import ASKING, Desk
from privet.http.pointing import point
from privet.http.problems import (
    EdgeError,
    Problem,
    Scope,
    pointer_to,
    problem_of,
    request_id_of,
    tellable,
)

CALLER = "privet.caller"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_ONLY = {
    "service": "this route is for services; you came as {kind}",
    "officer": "this route is for compliance officers; you came as {kind}",
    "customer": "this route is for customers; you came as {kind}",
}
_KINDS = {"service": "a service", "officer": "an officer", "customer": "a customer"}


class JsonRequest(Request):
    """A request whose body was read by our own parser."""

    parsed: Any = None

    async def read(self) -> None:
        """Raises EdgeError for what is no JSON object."""
        self.parsed = parse_body(await self.body())

    async def json(self) -> Any:
        return self.parsed


def caller_of(request: Request) -> Caller:
    """Who asks: known since the guard."""
    caller: Caller = request.scope[CALLER]
    return caller


def guarded(desk: Desk, kind: Kind) -> type[APIRoute]:
    """Routes for one kind of caller."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()
            allowed = frozenset(parameter.alias for parameter in self.dependant.query_params)
            conditions = _CONDITIONS - {
                parameter.alias.lower().encode("ascii") for parameter in self.dependant.header_params
            }
            if self.methods == {"GET"}:
                conditions = frozenset()  # a cache may ask so, and is answered in full
            takes_json = self.body_field is not None

            async def guard(request: Request) -> Response:
                started = perf_counter()
                caller: Caller | None = None
                status = 500
                asked = JsonRequest(request.scope, request.receive)
                try:
                    caller = request.scope[CALLER] = await desk.authenticate(request.scope)
                    ASKING.set(caller)
                    desk.authenticator.admit(caller)
                    check_kind(caller, kind)
                    check_query(request.scope, allowed)
                    check_headers(request.scope, conditions)
                    if takes_json:
                        check_content_type(request.scope["headers"])
                        await asked.read()
                    else:
                        await check_empty(asked)
                    response = await handle(asked)
                    status = response.status_code
                except Exception as error:  # noqa: BLE001  every error is answered, in one shape
                    point(error, asked.parsed)
                    response = await refuse(desk, request.scope, self.path, caller, error)
                    status = response.status_code
                finally:
                    ASKING.set(None)
                    desk.observer.request(self.path, status, perf_counter() - started)
                return response

            return guard

    return Guarded


def check_kind(caller: Caller, kind: Kind) -> None:
    """Raises EdgeError for a caller of another kind."""
    if caller.kind != kind:
        raise EdgeError("wrong_role", _ONLY[kind].format(kind=_KINDS[caller.kind]))


def public(desk: Desk) -> type[APIRoute]:
    """Routes for anybody."""

    class Public(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                started = perf_counter()
                status = 500
                try:
                    check_query(request.scope, frozenset())
                    response = await handle(request)
                    status = response.status_code
                except (PrivetError, RequestValidationError, HTTPException) as error:
                    response = problem_response(request.scope, as_problem(error))
                    status = response.status_code
                finally:
                    desk.observer.request(self.path, status, perf_counter() - started)
                return response

            return answer

    return Public


async def refuse(desk: Desk, scope: Scope, route: str, caller: Caller | None, error: Exception) -> Response:
    """The answer to what went wrong; with its leaf, where a known caller was refused and no entry tells of it yet."""
    told = as_problem(error)
    if caller is not None and _wants_leaf(error):
        try:
            await desk.refusals.note(
                caller, route=route, status=told.status, code=told.code, request_id=request_id_of(scope)
            )
        except PrivetError as failed:
            told = problem_of(failed)
    if not isinstance(error, PrivetError | RequestValidationError | HTTPException):
        raise error  # the edge answers it, and tells the operator
    return problem_response(scope, told)


def _wants_leaf(error: Exception) -> bool:
    if isinstance(error, AccessDenied):
        return not error.audit_id
    return not isinstance(error, Unauthenticated | Unavailable | IntegrityError)


def as_problem(error: Exception) -> Problem:
    """Also of a model that does not fit: the first fault, by JSON pointer, without what stood there."""
    if isinstance(error, HTTPException):
        return problem_of(EdgeError("bad_request", "the request cannot be understood"))
    if isinstance(error, RequestValidationError):
        return problem_of(_misfit(error.errors()))
    return problem_of(error)


def problem_response(scope: Scope, problem: Problem) -> Response:
    return Response(problem.body(request_id_of(scope)), problem.status, problem.all_headers(scope))


def _misfit(errors: Sequence[Any]) -> PrivetError:
    if not errors:
        return EdgeError("invalid_input", "the request does not have the form that this route takes")
    first = errors[0]
    where, *path = first["loc"]
    said = _SAID.get(first["type"], "is not of the form that this route takes")
    if (
        _PERSON in path and first["type"] == "string_type"
    ):  # the first branch that failed says nothing of the other
        said = "is a pairwise id, or an object with one look-up and its text"
    place = [part for part in path if not _is_branch(part)]
    told = tellable(place)
    if len(told) < len(place):
        said = "has a name in it that this route does not take"
    name = pointer_to(told)
    if where == "body":
        return EdgeError("invalid_input", f"{name or 'the body'} {said}", pointer=name)
    # A pointer is into the body: what stands in the address or the head has a name only.
    return InvalidInput(f"{where} {name[1:]}: {said}", field=name[1:])


_PERSON: Final = "constrained-str"
"""A pairwise id, as pydantic names that branch of a person."""


def _is_branch(part: object) -> bool:
    """Names that pydantic gives the members of a union are no part of the body."""
    return isinstance(part, str) and ("[" in part or part in ("str", "dict", "Lookup", _PERSON))


_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "does not have the form it must have",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "too_short": "has too few items",
    "too_long": "has too many items",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "literal_error": "is none of the words that this route knows",
    "enum": "is none of the words that this route knows",
}


def check_query(scope: Scope, allowed: frozenset[str]) -> None:
    """Raises EdgeError for a query parameter that the route does not have, or has twice, or is no UTF-8 text."""
    raw = scope.get("query_string", b"")
    if not raw:
        return
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=50,
        )
    except (ValueError, UnicodeError):
        pairs = []
        spoilt = True
    else:
        spoilt = False
    if spoilt:
        raise EdgeError("bad_request", "the query of the address cannot be read")
    names = [name for name, _ in pairs]
    if not allowed.issuperset(names):
        raise EdgeError("invalid_input", "a query parameter is not known here")
    if len(set(names)) != len(names):
        raise EdgeError("invalid_input", "a query parameter stands twice")


_ONCE = (b"idempotency-key", b"if-match", b"content-type")
_CONDITIONS: Final = frozenset({b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"})


def check_headers(scope: Scope, conditions: frozenset[bytes] = frozenset()) -> None:
    """Raises EdgeError for a header twice of which one would have to be chosen, InvalidInput for one of `conditions`:
    those that the route would not hold itself to."""
    names = [name for name, _ in scope["headers"] if name in _ONCE]
    if len(set(names)) != len(names):
        raise EdgeError("bad_request", "a header stands twice")
    for name, _ in scope["headers"]:
        if name in conditions:
            shown = name.decode("ascii").title()
            raise InvalidInput(
                f"this route does not take {shown}: nothing was done; leave it out", field=shown
            )


async def check_empty(request: Request) -> None:
    """Raises EdgeError where a route without a body is sent one."""
    async for part in request.stream():
        if part:
            raise EdgeError("bad_request", "this route takes no body")
