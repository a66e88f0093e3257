"""The edge: an id and safe headers on every answer, no tricks in addresses, no word of an exception."""

import asyncio
import json
import re
from typing import Any

import pytest

from privet.errors import IntegrityError, InvalidInput, NotFound, Unauthenticated, Unavailable
from privet.http.edge import App, Cut, Edge, Receive, Send
from privet.http.problems import Scope

SECRET = "ada@example.org"


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def failing(error: Exception, *, started: bool = False) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    return app


class Answer:
    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.errors: list[BaseException] = []

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        pairs = [(name.decode(), value.decode()) for name, value in self.messages[0]["headers"]]
        assert len(dict(pairs)) == len(pairs), "a header stands twice"
        return dict(pairs)

    @property
    def said(self) -> Any:
        return json.loads(self.messages[1]["body"])


def ask(app: App = ok, path: str = "/v1/x", *, https: bool = False, **scope: Any) -> Answer:
    answer = Answer()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answer.messages.append(message)

    asked: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], **scope}
    edge = Edge(app, on_error=lambda error, _: answer.errors.append(error), https=https)
    asyncio.run(edge(asked, receive, send))
    return answer


def test_every_answer_has_an_id_and_may_not_be_kept() -> None:
    """A new id where the caller gave none."""
    first, second = ask().headers, ask().headers
    assert first["cache-control"] == "no-store"
    assert first["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"[a-z2-7]{26}", first["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]


def test_the_callers_own_id_is_answered() -> None:
    """Where it has the form."""
    assert ask(headers=[(b"x-request-id", b"a-1.B_2")]).headers["x-request-id"] == "a-1.B_2"


@pytest.mark.parametrize(
    "given", [b"", b"a b", b"a\r\nset-cookie: x", b"x" * 65, b"\xff", b"ada@example.org", b"a,b"]
)
def test_another_id_is_replaced(given: bytes) -> None:
    """It goes into headers, logs and the audit log: nothing but plain words may."""
    assert re.fullmatch(r"[a-z2-7]{26}", ask(headers=[(b"x-request-id", given)]).headers["x-request-id"])


def test_two_ids_are_none() -> None:
    """Which one counts would depend on who looks."""
    given = [(b"x-request-id", b"one"), (b"x-request-id", b"two")]
    assert ask(headers=given).headers["x-request-id"] not in ("one", "two")


def test_what_the_application_says_of_keeping_stands() -> None:
    """Tiles of the log may be kept."""

    async def tile(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"cache-control", b"public, max-age=60"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    assert ask(tile).headers["cache-control"] == "public, max-age=60"


def test_what_the_application_says_itself_is_not_said_twice() -> None:
    """The pages bring their own nosniff and strict transport security."""
    said = [(b"x-content-type-options", b"nosniff"), (b"strict-transport-security", b"max-age=1")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b""})

    names = [name for name, _ in ask(app, https=True).messages[0]["headers"]]
    assert len(names) == len(set(names))


def test_https_is_remembered_where_it_is_spoken() -> None:
    """Not on loopback without TLS, where it would lock other services out."""
    assert "strict-transport-security" in ask(https=True).headers
    assert "strict-transport-security" not in ask().headers


TRICKS = [
    "", "v1/x", "//v1/x", "/v1//x", "/v1/./x", "/v1/../my", "/..", "/.", "/v1/..", "/v1/x\0", "/v1/é", "/v1/\udcff",
    "/v1/x;a=b", "/v1\\x", "/v1/x y", "/v1/x\n", "/v1/%2e", "/" + "a" * 1_024, "*", "/v1/x?y", "/v1/'",
]  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
def test_addresses_with_tricks_are_not_found(path: str) -> None:
    """The application never sees them."""
    answer = ask(failing(AssertionError("seen")), path)
    assert (answer.status, answer.said["code"]) == (404, "not_found")
    assert answer.errors == []


def test_escaped_addresses_are_not_found() -> None:
    """Though what they decode to looks plain."""
    assert ask(failing(AssertionError("seen")), "/v1/x", raw_path=b"/v1/%78").status == 404
    assert ask(failing(AssertionError("seen")), "/my", raw_path=b"/%6dy").status == 404


@pytest.mark.parametrize(
    "path",
    ["/", "/my", "/my/", "/v1/log/tile/0/x001/067.p/5", "/v1/audit/entries/0aF", "/my/style-0a.css", "/~"],
)
def test_plain_addresses_pass(path: str) -> None:
    """All that are used here."""
    assert ask(path=path, raw_path=path.encode()).status == 200


def test_an_exception_is_told_to_the_operator_and_not_to_the_client() -> None:
    """500, without a word of it."""
    error = RuntimeError(f"no such row: {SECRET}")
    answer = ask(failing(error))
    assert (answer.status, answer.said["code"]) == (500, "internal")
    assert SECRET not in str(answer.messages)
    assert answer.errors == [error]
    assert answer.said["request_id"] == answer.headers["x-request-id"]


def test_what_is_damaged_is_not_described_to_clients() -> None:
    """The operator reads it in the log."""
    answer = ask(failing(IntegrityError("field 7 of record 9 does not open")))
    assert (answer.status, answer.said["code"]) == (500, "integrity")
    assert "field 7" not in str(answer.messages)


@pytest.mark.parametrize("error", [NotFound("x"), InvalidInput("x"), Unauthenticated("x")])
def test_what_the_caller_did_wrong_is_no_fault_of_ours(error: Exception) -> None:
    """Told to the caller, not to the operator: nobody can fill the logs with it."""
    answer = ask(failing(error))
    assert 400 <= answer.status < 500
    assert answer.errors == []


def test_unavailable_says_when_to_come_again() -> None:
    """503 with Retry-After."""
    answer = ask(failing(Unavailable("the disk is full")))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def silent() -> Any:
    """A client of whom nothing is read."""
    raise AssertionError("read")


def test_an_answer_that_fails_half_way_is_cut() -> None:
    """No second head, no body that would make it whole."""
    answer = Answer()

    async def send(message: Any) -> None:
        answer.messages.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/v1/x", "headers": []}
    edge = Edge(failing(RuntimeError(SECRET), started=True))
    with pytest.raises(Cut) as cut:
        asyncio.run(edge(scope, silent, send))
    assert [message["type"] for message in answer.messages] == ["http.response.start"]
    assert cut.value.__cause__ is None
    assert SECRET not in str(cut.value)


def test_head_gets_no_body() -> None:
    """The problem's length is told, its body is not sent."""
    answer = ask(path="//", method="HEAD")
    assert int(answer.headers["content-length"]) > 0
    assert answer.messages[1]["body"] == b""


def test_websockets_are_not_answered() -> None:
    """There are none here: the server closes them."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(Edge(failing(AssertionError("seen")))({"type": "websocket", "path": "/"}, silent, send))
    assert messages == []
