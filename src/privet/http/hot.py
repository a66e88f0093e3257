"""`/v1/fetch` and `/v1/fetch-many` as bare ASGI: what comes thousands of times a second passes through no framework.

Strict all the same. Refuses, as problem details: another method, content type or coding; a body that is no JSON object
with exactly the keys of its route, each of its type; unknown and revoked credentials, and callers that are no service.
Each refusal of a known caller is logged before it is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol

from privet.bootstrap.asking import ServiceRequests, view
from privet.bootstrap.parts import Parts
from privet.domain.answer import View
from privet.domain.decision import Operation
from privet.domain.request import ReadRequest
from privet.errors import InvalidInput, PrivetError, RateLimited, Unauthenticated, Unavailable
from privet.http.bodies import check_content_type
from privet.http.callers import Authenticator, Caller
from privet.http.edge import HSTS, NOSNIFF, Receive, Send
from privet.http.guard import check_kind, check_query
from privet.http.hot_bodies import parse_asked, parse_people, parse_person, point_into
from privet.http.lane import Lane
from privet.http.observing import DEAF, Observer
from privet.http.problems import EdgeError, Headers, Scope, answer_of, problem_of, request_id_of, send_problem
from privet.http.refusals import Refusals
from privet.http.unrouted import Unrouted
from privet.http.wire import Wire
from privet.release.stages import ReleasedRead

FETCH: Final = "/v1/fetch"
FETCH_MANY: Final = "/v1/fetch-many"
MOST_PEOPLE: Final = 1_000
"""People in one fetch-many."""
MOST_ASKED: Final = 8_000_000
"""Bytes of names that one fetch-many asks for, 64 more for each name, times its people: the client keeps to as much."""

_JSON: Final = (b"content-type", b"application/json")
_ABOUT_BODY: Final = frozenset({b"content-type", b"content-encoding"})
_NO_STORE: Final = (b"cache-control", b"no-store")
_ONE_KEYS: Final = (b'"subject"', b'"purpose"', b'"fields"')
_ID_BEGINS: Final = b'"pw1_'
_ID_SIZE: Final = 48
"""Of a pairwise id in a body, its first quotation mark included (crypto.pairwise)."""
_MOST_SHAPES, _LONGEST_SHAPE = 256, 4_096
_MANY_KEYS: Final = (b'"subjects"', b'"purpose"', b'"fields"')


_STATUS: Final = {one.value: b"HTTP/1.1 %d %b\r\n" % (one.value, one.phrase.encode()) for one in HTTPStatus}


class Exchange(Protocol):
    """One request whose body is all there, and the way to answer it (privet.serving.protocol.Cycle)."""

    scope: Any
    body: bytearray
    again: Any
    """To be set, by whoever took it: takes later requests with the same head, as (exchange, body)."""

    def answer(self, head: bytes, body: bytes) -> None: ...


class Answer(NamedTuple):
    body: bytes
    etag: str | None


Work = Callable[[Caller, bytes, str], Awaitable[Answer]]
"""From a service, its body and the request's peer text to the answer."""


class HotRoutes:
    """Both routes; `fetch` and `fetch_many` are ASGI applications. One a process."""

    def __init__(
        self,
        parts: Parts,
        *,
        lane: Lane,
        authenticator: Authenticator,
        refusals: Refusals,
        observer: Observer = DEAF,
        https: bool = False,
        on_error: Callable[[BaseException, Scope], None] | None = None,
    ) -> None:
        """`https`: clients come over TLS. `on_error` hears of what `direct` answers with `internal`."""
        self._lane = lane
        always = [_JSON, _NO_STORE, NOSNIFF, *([HSTS] if https else [])]
        self._head = b"HTTP/1.1 200 OK\r\n" + _lines(always)
        self._problem_head = _lines(always[2:])
        self._on_error = on_error or _ignore
        self._shapes: dict[tuple[str, bytes, bytes], tuple[str, tuple[str, ...]]] = {}
        self._told: dict[int, list[float]] = {}
        self._authenticator = authenticator
        self._refusals = refusals
        self._unrouted = Unrouted(authenticator, refusals)
        self._observer = observer
        self._wire = Wire()
        self._services = {name: ServiceRequests(parts, name) for name in parts.catalogue.services}

    def direct(self, exchange: "Exchange") -> bool:
        """Takes a fetch of a known service, whole and well-formed, without a task of its own; False leaves it to
        `fetch`, which says what is wrong with it. Nothing was logged, read or counted then.

        Measured against `fetch` behind the edge and uvicorn's own answering: docs/performance.md.
        """
        scope = exchange.scope
        if scope["path"] != FETCH or scope["method"] != "POST" or scope["query_string"]:
            return False
        started = perf_counter()
        authorization = content_type = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if authorization is not None:
                    return False
                authorization = value
            elif name == b"content-type":
                if content_type is not None or value != b"application/json":
                    return False
                content_type = value
            elif name == b"content-encoding":
                return False
        if content_type is None:
            return False
        caller = self._authenticator.known(authorization, self._authenticator.certificate(scope))
        if caller is None or caller.kind != "service":
            return False
        if not self._take(exchange, caller, bytes(exchange.body), started):
            return False
        if caller.controls_rev >= 0 and authorization and b"x-request-id" not in dict(scope["headers"]):
            # An API key, which every batch holds against the vault's state: the same head needs no second look.
            exchange.again = partial(self._again, caller, [(b"authorization", authorization)])
        return True

    def _again(self, caller: Caller, shown: Headers, exchange: "Exchange", body: bytes) -> bool:
        """Another request of hers with the very same head (privet.serving.repeating), whose scope has no headers: what
        a refusal must know of them is put in."""
        taken = self._take(exchange, caller, body, perf_counter())
        exchange.scope["headers"] = shown
        return taken

    def _take(self, exchange: "Exchange", caller: Caller, body: bytes, started: float) -> bool:
        request_id = request_id_of(exchange.scope)
        tell = partial(self._tell, exchange, request_id, started)
        try:
            request = self._asked(caller.name, body, f"{request_id} {caller.credential}")
            self._authenticator.admit(caller)
            self._lane.put(request, caller, tell)
        except Unavailable as full:  # the long way would count her request again
            asyncio.get_running_loop().call_soon(tell, full)
        except PrivetError:
            return False
        return True

    def _asked(self, service: str, body: bytes, peer: str) -> ReadRequest:
        """The request in a body. One that differs from an earlier one in the pairwise id alone is not parsed again.

        Raises EdgeError, InvalidInput.
        """
        start = body.find(_ID_BEGINS)
        end = start + _ID_SIZE
        subject = body[start + 1 : end]
        # Nothing but letters, digits, - and _ between two quotation marks: the same JSON with another text in it.
        plain = start > 0 and body[end : end + 1] == b'"' and subject.translate(None, b"-_").isalnum()
        shape = (service, body[:start], body[end:])
        if plain:
            known = self._shapes.get(shape)
            if known is not None:
                purpose, fields = known
                return ReadRequest(
                    service, Operation.READ, purpose, subject.decode("ascii"), fields, None, peer
                )
        asked = parse_asked(body, _ONE_KEYS, "subject")
        request = self._services[service].fetch(
            parse_person(asked["subject"]), purpose=asked["purpose"], fields=asked["fields"], peer=peer
        )
        if (
            plain
            and len(body) <= _LONGEST_SHAPE
            and body.count(_ID_BEGINS) == 1
            and request.subject == subject.decode("ascii")
        ):
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[shape] = (request.purpose, request.fields)
        return request

    def _tell(
        self,
        exchange: "Exchange",
        request_id: str,
        started: float,
        outcome: ReleasedRead | BaseException,
    ) -> None:
        status = 200
        try:
            found = _found(outcome)
            body = self._wire.view(found)
            head = b'%bx-request-id: %b\r\netag: "%b"\r\ncontent-length: %d\r\n' % (
                self._head,
                request_id.encode("ascii"),
                found.revision.encode("ascii"),
                len(body),
            )
        except Exception as error:  # noqa: BLE001  nobody above would answer
            if not isinstance(error, PrivetError):
                self._on_error(error, exchange.scope)
            status, headers, body = answer_of(exchange.scope, error)
            head = _STATUS[status] + _lines(headers) + self._problem_head
        exchange.answer(head, body)
        told = self._told
        if not told:  # those of one batch are answered in one turn of the loop, and told of together
            asyncio.get_running_loop().call_soon(self._observe)
        told.setdefault(status, []).append(perf_counter() - started)

    def _observe(self) -> None:
        told, self._told = self._told, {}
        for status, seconds in told.items():
            self._observer.requests(FETCH, status, seconds)

    async def fetch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One person's fields."""
        await self._answer(FETCH, self._fetch, scope, receive, send)

    async def fetch_many(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same fields of many."""
        await self._answer(FETCH_MANY, self._fetch_many, scope, receive, send)

    async def _fetch(self, caller: Caller, body: bytes, peer: str) -> Answer:
        asked = parse_asked(body, _ONE_KEYS, "subject")
        request = self._services[caller.name].fetch(
            parse_person(asked["subject"]), purpose=asked["purpose"], fields=asked["fields"], peer=peer
        )
        found = view(await self._lane.submit(request, caller))
        return Answer(self._wire.view(found), found.revision)

    async def _fetch_many(self, caller: Caller, body: bytes, peer: str) -> Answer:
        asked = parse_asked(body, _MANY_KEYS, "subjects")
        people = parse_people(asked["subjects"], MOST_PEOPLE)
        requests = self._services[caller.name].fetch_many(
            people, purpose=asked["purpose"], fields=asked["fields"], peer=peer
        )
        if len(people) * sum(64 + len(name.encode()) for name in asked["fields"]) > MOST_ASKED:
            raise InvalidInput("these are too many fields of too many people for one call", field="subjects")
        return Answer(self._wire.many(_answers(await self._lane.read_many(requests, caller))), None)

    async def _answer(self, route: str, work: Work, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        status = 500
        caller: Caller | None = None
        body: bytes | None = None
        try:
            if scope["method"] != "POST":
                caller = await self._unrouted.find_caller(scope)
                raise EdgeError("method_not_allowed", "this route takes POST", allow=("POST",))
            caller = await self._find_caller(scope)
            self._authenticator.admit(caller)
            check_kind(caller, "service")
            check_query(scope, frozenset())
            request_id = request_id_of(scope)
            _check_head(scope["headers"])
            body = await _read_body(receive)
            found = await work(caller, body, f"{request_id} {caller.credential}")
            headers = [_JSON, (b"content-length", b"%d" % len(found.body)), _NO_STORE]
            headers.append((b"x-request-id", request_id.encode("ascii")))
            if found.etag is not None:
                headers.append((b"etag", b'"%s"' % found.etag.encode("ascii")))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": found.body})
            status = 200
        except PrivetError as error:
            point_into(error, body)
            status = await self._refuse(route, caller, scope, send, error)
        finally:
            self._observer.request(route, status, perf_counter() - started)

    async def _find_caller(self, scope: Scope) -> Caller:
        shown = [value for name, value in scope["headers"] if name == b"authorization"]
        # Of two, nobody is shown either: which of them counts would depend on who looks.
        authorization = None if not shown else shown[0] if len(shown) == 1 else b""
        authenticator = self._authenticator
        certificate = authenticator.certificate(scope)
        caller = authenticator.known(authorization, certificate)
        if caller is None:
            caller = await authenticator.authenticate(
                authorization, certificate, address=authenticator.address(scope)
            )
        return caller

    async def _refuse(
        self, route: str, caller: Caller | None, scope: Scope, send: Send, error: PrivetError
    ) -> int:
        """Logs what the pipeline has not logged, then tells the problem. Returns its status."""
        if caller is not None and isinstance(error, EdgeError | InvalidInput | RateLimited):
            problem = problem_of(error)
            try:
                await self._refusals.note(
                    caller,
                    route=route,
                    status=problem.status,
                    code=problem.code,
                    request_id=request_id_of(scope),
                )
            except PrivetError as unlogged:
                error = unlogged
        problem = problem_of(error)
        await send_problem(scope, send, problem)
        return problem.status


def _lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _found(outcome: ReleasedRead | BaseException) -> View:
    if isinstance(outcome, BaseException):
        raise outcome
    return view(outcome)


def _ignore(error: BaseException, scope: Scope) -> None:
    del error, scope


def _answers(released: Sequence[ReleasedRead]) -> list[Any]:
    answers = []
    for one in released:
        if isinstance(one.failure, Unauthenticated):
            raise one.failure
        answers.append(one.view or one.refusal)
    return answers


def _check_head(headers: Sequence[tuple[bytes, bytes]]) -> None:
    told = [header for header in headers if header[0] in _ABOUT_BODY]
    if told != [_JSON]:
        check_content_type(told)


async def _read_body(receive: Receive) -> bytes:
    """All of it; its bounds are the protocol's (privet.serving.limits)."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EdgeError("bad_request", "the body ended too early")
        body += message.get("body", b"")
    return body
