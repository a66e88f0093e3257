"""A vault that is not one, or has gone mad: nothing it says is believed, shown or followed, by either client."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import privet
from privet import errors
from privet.errors import AccessDenied, InvalidInput, Unavailable
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import HER, VIEW, WRITTEN, Scripted, Step, answer, problem, raw

SECRET = "canary-4711"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def fetch(client: Any) -> Any:
    return client.fetch(HER, purpose="stay", fields=["given_name"])


def odd(**members: object) -> Step:
    return answer({**VIEW, **members})


RUBBISH: dict[str, Step] = {
    "no json": answer(b"{" + SECRET.encode()),
    "no utf-8": answer(b'{"subject": "\xff"}'),
    "a list": answer([VIEW]),
    "a word": answer(SECRET),
    "nothing": answer(b""),
    "null": answer(None),
    "nested beyond bounds": answer(b"[" * 100_000),
    "another media type": answer(VIEW, kind="text/html"),
    "no media type": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "no audit id": answer({key: value for key, value in VIEW.items() if key != "audit_id"}),
    "a short audit id": odd(audit_id="12"),
    "an audit id of digits": odd(audit_id=12),
    "no subject": odd(subject=None),
    "an endless subject": odd(subject="x" * 1_000),
    "a list of values": odd(values=[SECRET]),
    "an object as value": odd(values={"given_name": {SECRET: 1}}),
    "a list in a list": odd(values={"given_name": [["x"]]}),
    "a fraction": odd(values={"given_name": 1.5}),
    "a number past all bounds": answer(json.dumps(VIEW).replace('"Ada"', "1" * 400).encode()),
    "withheld as a list": odd(withheld=["email"]),
    "withheld without a sentence": odd(withheld={"email": {"reason": "x"}}),
    "withheld without a word": odd(withheld={"email": "no"}),
    "an unknown type": odd(types={"given_name": SECRET}),
    "types as a list": odd(types=["date"]),
    "a type of no name": odd(types={"given_name": ["date"]}),
    "a date that is none": odd(types={"given_name": "date"}),
    "a day that is not": odd(values={"given_name": "2024-02-30"}, types={"given_name": "date"}),
    "a time without a zone": odd(
        values={"given_name": "2024-02-03T10:00:00"}, types={"given_name": "datetime"}
    ),
    "a number that is none": odd(values={"given_name": "NaN"}, types={"given_name": "number"}),
    "a number with a gap": odd(values={"given_name": "1_0"}, types={"given_name": "number"}),
    "a number of other digits": odd(values={"given_name": "١"}, types={"given_name": "number"}),
    "a number without end": odd(values={"given_name": "1e999999999"}, types={"given_name": "number"}),
    "a true number": odd(values={"given_name": True}, types={"given_name": "number"}),
    "no revision": odd(revision=None),
    "an endless revision": odd(revision="r" * 100_000),
    "a compressed body": answer(VIEW, Content_Encoding="gzip"),
    "more than anybody reads": raw(HEAD + b"Content-Length: 99999999999\r\n\r\n{}"),
    "another status": answer(VIEW, 204 + 2),
    "created": answer(VIEW, 201),
    "not http": raw(SECRET.encode() * 10),
    "an empty line": raw(b"\r\n\r\n"),
    "a flood of headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X-Y: 1\r\n" * 30_000 + b"\r\n"),
    "one endless header": raw(b"HTTP/1.1 200 OK\r\nX-Y: " + b"1" * 200_000 + b"\r\n\r\n"),
    "a negative length": raw(HEAD + b"Content-Length: -5\r\n\r\n{}"),
    "a length that is no number": raw(HEAD + b"Content-Length: many\r\n\r\n{}"),
    "a length past all bounds": raw(HEAD + b"Content-Length: " + b"1" * 5_000 + b"\r\n\r\n{}"),
    "less than it promised": raw(HEAD + b"Content-Length: 500\r\n\r\n" + json.dumps(VIEW).encode()),
    "a chunk of no size": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "a chunk of less than nothing": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n"),
    "a problem with success": problem(200, "access_denied"),
}


@pytest.mark.parametrize("step", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_unavailable(make: Make, step: Step) -> None:
    """A sentence that says what to do; not a word of what came; nothing but PrivetError."""
    with Scripted(step) as server, pytest.raises(Unavailable) as refused:
        fetch(make(server.url, retries=1))
    said = str(refused.value)
    assert len(said) > 20
    assert SECRET not in said
    assert SECRET not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


REFUSED = {"reasons": [], "withheld": {}, "message": "", "audit_id": ""}


@pytest.mark.parametrize(
    "answers",
    [[], [VIEW] * 3, [VIEW, {}], [VIEW, None], [VIEW, {**REFUSED, "reasons": "x"}], "ab"],
    ids=["none", "more", "an empty one", "null", "reasons as a word", "text"],
)
def test_many_answers_must_be_those_asked_for(make: Make, answers: object) -> None:
    """As many as people, each a View or a Refusal."""
    with Scripted(answer({"answers": answers})) as server, pytest.raises(Unavailable):
        make(server.url).fetch_many([HER, HER], purpose="stay", fields=["given_name"])


ROOM: dict[str, Any] = {"purpose": "p", "fields": ["room"]}
HISTORY = {"records": [], "withheld": {}, "audit_id": "0" * 32}
RECORD: dict[str, object] = {"id": "x", "time": None, "values": {}}


@pytest.mark.parametrize(
    "call, body",
    [
        (lambda c: c.find(email="a@b.org", purpose="p"), {"subject": 7}),
        (lambda c: c.find(email="a@b.org", purpose="p"), {}),
        (lambda c: c.history(HER, "stays", **ROOM), {**HISTORY, "records": {}}),
        (lambda c: c.history(HER, "stays", **ROOM), {**HISTORY, "records": [{**RECORD, "time": "today"}]}),
        (lambda c: c.history(HER, "stays", **ROOM), {**HISTORY, "records": [{**RECORD, "values": []}]}),
        (lambda c: c.history(HER, "stays", **ROOM), {**HISTORY, "records": [{**RECORD, "id": None}]}),
        (lambda c: c.put(HER, {"a": 1}, purpose="p"), {"audit_id": None}),
        (lambda c: c.record(HER, "stays", {"a": 1}, purpose="p"), []),
        (lambda c: c.consent(HER, "p"), {"audit_id": "yes"}),
        (lambda c: c.consent_status(HER, "p"), {"status": None, "audit_id": "0" * 32}),
        (lambda c: c.consent_receipt(HER, "p"), {"receipt": [], "audit_id": "0" * 32}),
    ],
)
def test_each_method_reads_strictly(make: Make, call: Callable[[Any], Any], body: object) -> None:
    """No method takes another shape for its answer."""
    with Scripted(answer(body)) as server, pytest.raises(Unavailable):
        call(make(server.url))


def test_members_of_a_newer_vault_are_left_out(make: Make) -> None:
    """What is not known is no harm."""
    with Scripted(odd(more={"a": [1.5]})) as server:
        assert fetch(make(server.url))["given_name"] == "Ada"


WITHHELD = {"email": {"reason": "consent_required", "message": "there is no consent"}}
KNOWN: list[tuple[Step, type[errors.PrivetError], dict[str, object]]] = [
    (
        problem(403, "access_denied", reasons=["consent_required"], withheld=WITHHELD, audit_id="0" * 32),
        AccessDenied,
        {
            "reasons": ("consent_required",),
            "withheld": {"email": privet.Withheld("consent_required", "there is no consent")},
            "audit_id": "0" * 32,
        },
    ),
    (problem(403, "wrong_role"), AccessDenied, {"reasons": ()}),
    (problem(401, "unauthenticated"), errors.Unauthenticated, {}),
    (problem(409, "conflict"), errors.Conflict, {}),
    (problem(412, "precondition_failed"), errors.PreconditionFailed, {}),
    (problem(422, "invalid_input", field="email"), InvalidInput, {"field": "email"}),
    (problem(422, "idempotency_key_reused"), errors.KeyReused, {}),
    (problem(500, "integrity"), errors.IntegrityError, {}),
    (problem(500, "key_destroyed"), errors.KeyDestroyed, {}),
    (problem(503, "restore_needed"), errors.RestoreNeeded, {}),
    (problem(503, "unavailable"), Unavailable, {}),
    (problem(429, "rate_limited", retry_after="3"), errors.RateLimited, {"retry_after": 3.0}),
    (problem(400, "malformed_json"), InvalidInput, {}),
    (problem(413, "body_too_large"), InvalidInput, {}),
    (problem(431, "headers_too_large"), InvalidInput, {}),
    (problem(408, "request_timeout"), Unavailable, {}),
    (problem(500, "internal"), Unavailable, {}),
    (problem(418, "a_newer_code"), Unavailable, {}),
    (problem(409, "a_newer_code"), errors.Conflict, {}),
    (problem(422, "a_newer_code"), InvalidInput, {}),
]


@pytest.mark.parametrize("step, kind, members", KNOWN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_problem_is_the_error_that_a_session_raises(
    make: Make, step: Step, kind: type[errors.PrivetError], members: dict[str, object]
) -> None:
    """The class, the sentence, and what goes with it."""
    with Scripted(step) as server, pytest.raises(errors.PrivetError) as refused:
        fetch(make(server.url, retries=0))
    assert type(refused.value) is kind
    assert str(refused.value).startswith("a sentence")
    assert {name: getattr(refused.value, name) for name in members} == members


@pytest.mark.parametrize(
    "step",
    [
        problem(403, "access_denied"),
        problem(403, "access_denied", reasons="x", withheld={}),
        problem(403, "access_denied", reasons=[], withheld={"a": 1}),
        problem(403, "access_denied", reasons=[], withheld={}, audit_id=7),
        problem(404, "access_denied", reasons=[], withheld={}),
        problem(403, "not_found"),
        problem(500, "access_denied", reasons=[], withheld={}),
        problem(422, "invalid_input", detail="x" * 50_000),
        answer({"status": 403, "code": "access_denied"}, 403, kind="application/problem+json"),
        answer(
            {"status": 401, "code": "access_denied", "detail": SECRET}, 403, kind="application/problem+json"
        ),
        answer(b"<h1>" + SECRET.encode(), 403, kind="text/html"),
        answer(SECRET, 502),
        answer([], 403, kind="application/problem+json"),
        answer(b"\xff", 403, kind="application/problem+json"),
    ],
)
def test_what_is_no_problem_of_ours_is_unavailable(make: Make, step: Step) -> None:
    """A proxy's page, a status that does not go with its code: not taken for the vault's word."""
    with Scripted(step) as server, pytest.raises(Unavailable) as refused:
        fetch(make(server.url, retries=0))
    assert SECRET not in str(refused.value)


def test_a_limit_on_the_way_is_a_limit(make: Make) -> None:
    """A proxy's own 429: to be asked more slowly, with the pause it names, and nothing of its page."""
    step = answer(SECRET, 429, kind="text/html", Retry_After="7")
    with Scripted(step) as server, pytest.raises(errors.RateLimited, match="proxy") as limited:
        fetch(make(server.url, retries=0))
    assert limited.value.retry_after == 7.0
    assert SECRET not in str(limited.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(make: Make, status: int) -> None:
    """Neither to another host nor to the same: the body has personal data, the header a token."""
    with Scripted(answer(VIEW)) as elsewhere:
        with Scripted(answer(b"", status, Location=f"{elsewhere.url}/v1/fetch")) as server:
            with pytest.raises(Unavailable, match="redirect"):
                fetch(make(server.url))
            assert len(server.got) == 1
        assert elsewhere.got == []


def test_what_is_sent(make: Make) -> None:
    """JSON by POST, no cookies; nothing of a person in the address."""
    who = privet.by(email="ada@example.org")
    with Scripted(answer(VIEW, Set_Cookie="a=b; Path=/"), answer(VIEW), answer(WRITTEN)) as server:
        client = make(f"{server.url}/below/")
        for _ in range(2):
            client.fetch(who, purpose="stay", fields=("given_name",))
        client.put(who, {"notes": "x"}, purpose="stay", if_revision="r.1", idempotency_key="k 1")
        first, second, third = server.got
    assert first.head.startswith("POST /below/v1/fetch HTTP/1.1\r\n")
    assert json.loads(first.body) == {
        "subject": {"email": who.value},
        "purpose": "stay",
        "fields": ["given_name"],
    }
    assert first.header("Authorization") == "Bearer t0ken"
    assert first.header("Content-Type") == "application/json"
    assert first.header("Accept-Encoding") == "identity"
    assert (second.header("Cookie"), second.header("Idempotency-Key")) == (None, None)
    assert (third.header("If-Match"), third.header("Idempotency-Key")) == ('"r.1"', "k 1")
    assert "ada" not in first.head + second.head + third.head


@pytest.mark.parametrize(
    "length",
    ["Content-Length: 2\r\nTransfer-Encoding: chunked", "Content-Length: many", "X: y"],
    ids=["chunked", "no number", "none"],
)
def test_no_more_is_read_than_anybody_wants(make: Make, length: str) -> None:
    """However long the answer goes on, and whatever it says of its length: not the memory of the service."""
    sent = 0

    def endless(peer: Any, _got: object) -> bool:
        nonlocal sent
        peer.sendall(HEAD + length.encode() + b"\r\n\r\n")
        part = b"%x\r\n" % (1 << 20) + b" " * (1 << 20) + b"\r\n"
        while sent < 160:
            peer.sendall(part)
            sent += 1
        return False

    with Scripted(endless) as server, pytest.raises(Unavailable):
        fetch(make(server.url, retries=0, timeout=60.0))
    assert sent < 100
