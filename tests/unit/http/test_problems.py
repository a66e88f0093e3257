"""Problem details: one shape, our codes, and nothing told that should not be."""

import asyncio
from typing import Any

import orjson
import pytest

from privet import errors
from privet.domain.answer import Withheld
from privet.errors import (
    AccessDenied,
    Conflict,
    IntegrityError,
    InvalidInput,
    PrivetError,
    Unauthenticated,
    Unavailable,
)
from privet.http.problems import (
    CODES,
    EdgeError,
    answer_of,
    field_of,
    pointer_to,
    problem_of,
    request_id_of,
    send_problem,
)

ALWAYS = {"type", "title", "status", "detail", "code", "request_id"}


def body_of(error: BaseException) -> dict[str, Any]:
    return dict(orjson.loads(problem_of(error).body("abc")))


def every_error(root: type[PrivetError] = PrivetError) -> list[type[PrivetError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in every_error(child))]


@pytest.mark.parametrize("kind", [k for k in every_error() if k.__module__ == errors.__name__])
def test_every_error_of_ours_has_its_code_and_status(kind: type[PrivetError]) -> None:
    """An error class without a code here would be told as another."""
    assert kind.code in CODES
    assert CODES[kind.code].status == kind.http_status


def test_a_foreign_exception_tells_nothing() -> None:
    """What Privet did not raise may quote anything: none of it is told."""
    said = problem_of(KeyError("ada@example.org")).body("abc")
    assert b"ada" not in said
    assert orjson.loads(said)["code"] == "internal"


def test_damage_is_not_described_to_callers() -> None:
    """Which entry or row is damaged is for the operator."""
    said = body_of(IntegrityError("log entry 7 (00ff) does not open"))
    assert (said["status"], said["code"]) == (500, "integrity")
    assert "00ff" not in said["detail"]


def test_a_refusal_carries_reasons_withheld_and_audit_id() -> None:
    """What AccessDenied has in process stands in the problem."""
    denied = AccessDenied(
        "no", reasons=("purpose_not_permitted",), withheld={"a": Withheld("r", "m")}, audit_id="ff"
    )
    said = body_of(denied)
    assert set(said) > ALWAYS
    assert said["reasons"] == ["purpose_not_permitted"]
    assert said["withheld"] == {"a": {"reason": "r", "message": "m"}}
    assert said["audit_id"] == "ff"


def test_invalid_input_names_its_field() -> None:
    """By the name that it has in process."""
    assert body_of(InvalidInput("bad", field="email"))["field"] == "email"
    assert "field" not in body_of(Conflict("taken"))


def test_an_edge_error_points_into_the_body() -> None:
    """A JSON pointer, and the first name in it as the field."""
    said = body_of(EdgeError("invalid_input", "not text", pointer="/fields/3"))
    assert (said["pointer"], said["field"], said["status"]) == ("/fields/3", "fields", 422)


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    """A field name with a slash or a tilde still points at itself."""
    assert pointer_to(["values", "a/b~c", 3]) == "/values/a~1b~0c/3"
    assert field_of(pointer_to(["a/b~c"])) == "a/b~c"
    assert field_of("") == ""


@pytest.mark.parametrize(
    "error, header",
    [
        (EdgeError("method_not_allowed", "no", allow=("POST", "GET")), ("allow", "GET, POST")),
        (EdgeError("rate_limited", "slowly", retry_after=2.2), ("retry-after", "3")),
        (Unavailable("the disk is full"), ("retry-after", "1")),
    ],
)
def test_a_status_brings_its_header(error: PrivetError, header: tuple[str, str]) -> None:
    """405, 429 and 503 are of little use without."""
    assert header in problem_of(error).headers


@pytest.mark.parametrize(
    "shown, challenge",
    [
        ([], 'Bearer realm="privet"'),
        ([b"Bearer expired"], 'Bearer realm="privet", error="invalid_token"'),
        ([b"bearer privet_x"], 'Bearer realm="privet", error="invalid_token"'),
        ([b"Basic dXNlcjpwdw=="], 'Bearer realm="privet"'),
        ([b"Bearer a", b"Bearer b"], 'Bearer realm="privet"'),
    ],
)
def test_a_stranger_hears_whether_a_token_was_shown_that_is_no_good(
    shown: list[bytes], challenge: str
) -> None:
    """RFC 6750 §3.1; what was wrong with it is not told."""
    scope = {"headers": [(b"authorization", value) for value in shown]}
    _, headers, _ = answer_of(scope, Unauthenticated("who?"))
    assert dict(headers)[b"www-authenticate"] == challenge.encode()


@pytest.mark.parametrize("given", [b"", b"a" * 65, b"a b", b"a\n", b"\xc3\xa9", b"a/b"])
def test_a_request_id_of_another_form_is_not_taken(given: bytes) -> None:
    """It goes into logs: only plain ones do."""
    scope: dict[str, Any] = {"headers": [(b"x-request-id", given)]}
    made = request_id_of(scope)
    assert made.encode() != given
    assert len(made) == 26
    assert request_id_of(scope) == made


def test_a_plain_request_id_is_taken() -> None:
    """A caller may join its log to ours."""
    assert request_id_of({"headers": [(b"x-request-id", b"a.B-9_")]}) == "a.B-9_"


def test_two_request_ids_are_none() -> None:
    """Which of them would be logged depends on who looks."""
    twice = {"headers": [(b"x-request-id", b"a"), (b"x-request-id", b"b")]}
    assert request_id_of(twice) not in {"a", "b"}


def test_sent_over_asgi() -> None:
    """Status, media type, length and id; to a HEAD no body."""
    for method in ("POST", "HEAD"):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope: dict[str, Any] = {"method": method, "headers": [(b"x-request-id", b"r1")]}
        asyncio.run(send_problem(scope, send, EdgeError("not_found", "no such route")))
        start, body = sent
        headers = dict(start["headers"])
        assert start["status"] == 404
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"x-request-id"] == b"r1"
        assert int(headers[b"content-length"]) > 0
        assert (len(body["body"]) == int(headers[b"content-length"])) is (method == "POST")
