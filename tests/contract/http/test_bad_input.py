"""What bad input gets, over real HTTP: the right status, one shape, nothing released, a leaf for a known caller."""

import json
import time
from typing import Any

import pytest

from tests.contract.http.house import Answer, House

SHAPE = {"type", "title", "status", "detail", "code", "request_id"}
SECRET = "Ada-secret-name"
HER = "pw1_" + "x" * 43
"""A well-formed id that is nobody's."""


def check_problem(said: Answer, status: int, code: str) -> None:
    """One shape, and not a word of what was sent or stored."""
    assert (said.status, said.headers["content-type"]) == (status, "application/problem+json"), said.body
    told = said.json
    assert set(told) >= SHAPE
    assert (told["status"], told["code"], told["type"]) == (status, code, f"urn:privet:problem:{code}")
    assert told["request_id"] == said.headers["x-request-id"]
    assert said.headers["cache-control"] == "no-store"
    assert int(said.headers["content-length"]) == len(said.body)
    assert SECRET.encode() not in said.body


def check_leaf(house: House, said: Answer, before: int, *, service: str | None = "desk") -> None:
    """Exactly one entry more, which is about this request; besides those that count what others were refused."""
    end = house.vault.parts.store.log.size()
    added = [line for line in house.lines() if before <= line.position < end]
    (own,) = (line for line in added if line.detail.get("code") != "counted")
    assert (own.act, own.service, own.decision, own.count, own.classes) == (
        "request",
        service,
        "refuse",
        0,
        (),
    )
    assert own.request == said.headers["x-request-id"]
    assert (own.detail["code"], own.detail["status"]) == (said.code, said.status)


GOOD: dict[str, dict[str, Any]] = {
    "/v1/fetch": {"subject": HER, "purpose": "stay", "fields": ["name"]},
    "/v1/fetch-many": {"subjects": [HER], "purpose": "stay", "fields": ["name"]},
    "/v1/find": {"subject": {"email": "a@b.example"}, "purpose": "stay"},
    "/v1/history": {"subject": HER, "collection": "stays", "purpose": "stay", "fields": ["rate"]},
    "/v1/put": {"subject": HER, "values": {"name": "A"}, "purpose": "stay"},
    "/v1/record": {
        "subject": HER,
        "collection": "stays",
        "values": {"arrived": "2024-01-01"},
        "purpose": "stay",
    },
    "/v1/consent/record": {"subject": HER, "purpose": "meals", "given": True},
    "/v1/consent/request": {"subject": HER, "purpose": "meals"},
    "/v1/consent/status": {"subject": HER, "purpose": "meals"},
    "/v1/consent/receipt": {"subject": HER, "purpose": "meals"},
}
ROUTES = sorted(GOOD)

BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed_json"),
    "no JSON": (b"{not json", 400, "malformed_json"),
    "half of it": (b'{"subject": "x"', 400, "malformed_json"),
    "two values": (b"{} {}", 400, "malformed_json"),
    "a trailing comma": (b'{"subject": "x",}', 400, "malformed_json"),
    "NaN": (b'{"subject": NaN}', 400, "malformed_json"),
    "a comment": (b'{"subject": "x" /* her */}', 400, "malformed_json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400, "malformed_json"),
    "UTF-16": ('{"subject": "x"}'.encode("utf-16"), 400, "malformed_json"),
    "overlong UTF-8": (b'{"subject": "\xc0\xaf"}', 400, "malformed_json"),
    "cut UTF-8": (b'{"subject": "\xe2\x82"}', 400, "malformed_json"),
    "an encoded surrogate": (b'{"subject": "\xed\xa0\x80"}', 400, "malformed_json"),
    "a lone surrogate": (b'{"subject": "\\ud800"}', 400, "malformed_json"),
    "a raw NUL": (b'{"subject": "\x00"}', 400, "malformed_json"),
    "a control character": (b'{"subject": "\x1f"}', 400, "malformed_json"),
    "a key twice": (b'{"subject": "x", "subject": "y"}', 400, "malformed_json"),
    "a deep key twice": (
        b'{"subject": {"email": "a@b.example", "email": "c@d.example"}}',
        400,
        "malformed_json",
    ),
    "deep nesting": (b'{"subject": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400, "malformed_json"),
    "less deep nesting": (b'{"subject": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}", 400, "malformed_json"),
    "a list": (b"[]", 422, "invalid_input"),
    "a text": (b'"subject"', 422, "invalid_input"),
    "null": (b"null", 422, "invalid_input"),
    "nothing in it": (b"{}", 422, "invalid_input"),
    "a huge number": (b'{"subject": ' + b"9" * 400 + b"}", 422, "invalid_input"),
    "a number of 2^70": (b'{"subject": 1180591620717411303424}', 422, "invalid_input"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("what", sorted(BODIES))
def test_bodies(house: House, route: str, what: str) -> None:
    """Each route refuses each alike."""
    raw, status, code = BODIES[what]
    before = house.vault.parts.store.log.size()
    said = house.ask(route, raw=raw)
    if what == "a huge number":  # parsers differ on whether this is JSON
        assert said.status in (400, 422)
        status, code = said.status, said.code
    check_problem(said, status, code)
    assert house.vault.parts.store.log.size() - before <= MOST_LEAVES


MOST_LEAVES = 5
"""One of its own at most, and what counts those of others in the last second."""


def changed(route: str, **changes: Any) -> dict[str, Any]:
    body = {**GOOD[route], **changes}
    return {key: value for key, value in body.items() if value is not ...}


FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/find", {"subject": 7}, "subject"),
    ("/v1/find", {"subject": "an id"}, "subject"),
    ("/v1/find", {"subject": {}}, "subject"),
    ("/v1/find", {"subject": {"email": "a@b.example", "guest": "g"}}, "subject"),
    ("/v1/find", {"subject": {"email": 7}}, "subject"),
    ("/v1/find", {"subject": {"email": SECRET}}, "email"),
    ("/v1/find", {"subject": {"name": SECRET}}, "subject"),
    ("/v1/find", {"purpose": ["stay"]}, "purpose"),
    ("/v1/find", {"purpose": None}, "purpose"),
    ("/v1/find", {"purpose": "p" * 201}, "purpose"),
    ("/v1/find", {"purpose": ...}, "purpose"),
    ("/v1/find", {"extra": SECRET}, "extra"),
    ("/v1/fetch", {"fields": "name"}, "fields"),
    ("/v1/fetch", {"fields": []}, "fields"),
    ("/v1/fetch", {"fields": [7]}, "fields"),
    ("/v1/fetch", {"fields": [""]}, "fields"),
    ("/v1/fetch", {"fields": ["x"] * 1_001}, "fields"),
    ("/v1/fetch", {"subject": ""}, "subject"),
    ("/v1/fetch", {"subject": "s" * 201}, "subject"),
    ("/v1/fetch-many", {"subjects": "x"}, "subjects"),
    ("/v1/fetch-many", {"subjects": [HER] * 1_001}, "subjects"),
    ("/v1/fetch-many", {"subjects": [HER] * 1_000, "fields": [f"{i}z" for i in range(200)]}, "subjects"),
    ("/v1/fetch-many", {"subjects": [["x"]]}, "subject"),
    ("/v1/history", {"collection": "no-such"}, "collection"),
    ("/v1/history", {"collection": 7}, "collection"),
    ("/v1/history", {"since": "yesterday"}, "since"),
    ("/v1/history", {"since": "2024-02-30"}, "since"),
    ("/v1/history", {"since": "2024-W01-1"}, "since"),
    ("/v1/history", {"until": "2024-01-01T10:00:00"}, "until"),
    ("/v1/history", {"until": "0001-01-01T00:00:00+23:59"}, "until"),
    ("/v1/history", {"limit": 0}, "limit"),
    ("/v1/history", {"limit": 2**31}, "limit"),
    ("/v1/history", {"limit": "5"}, "limit"),
    ("/v1/history", {"limit": True}, "limit"),
    ("/v1/put", {"values": {}}, "values"),
    ("/v1/put", {"values": [SECRET]}, "values"),
    ("/v1/put", {"values": {"": 1}}, "values"),
    ("/v1/put", {"values": {"nights": "7"}}, "nights"),
    ("/v1/put", {"values": {"nights": 2**60}}, "nights"),
    ("/v1/put", {"values": {"nights": 7.5}}, "nights"),
    ("/v1/put", {"values": {"name": "A\u0000B"}}, "name"),
    ("/v1/put", {"values": {"name": {"first": SECRET}}}, "name"),
    ("/v1/put", {"values": {"born": "1990-02-30"}}, "born"),
    ("/v1/put", {"values": {"room.bed": SECRET}}, "room.bed"),
    ("/v1/put", {"values": {"vip": "yes"}}, "vip"),
    ("/v1/put", {"values": {"email": SECRET}}, "email"),
    ("/v1/record", {"values": {"arrived": "2024-01-01"}}, "stays.booking"),
    ("/v1/record", {"values": {"arrived": SECRET, "booking": "B"}}, "stays.arrived"),
    ("/v1/consent/record", {"given": "yes"}, "given"),
    ("/v1/consent/record", {"given": ...}, "given"),
    ("/v1/consent/record", {"source": "s" * 501}, "source"),
    ("/v1/consent/request", {"given": True}, "given"),
]


@pytest.mark.parametrize("route, changes, field", FIELDS)
def test_fields(house: House, route: str, changes: dict[str, Any], field: str) -> None:
    """422, naming the field and never the value."""
    said = house.ask(route, changed(route, **changes))
    check_problem(said, 422, "invalid_input")
    if "subjects" not in changes:
        assert said.json.get("field") == field
    assert points(said.json["pointer"], changes), said.json


def points(pointer: str, changes: dict[str, Any]) -> bool:
    """Into what was changed."""
    (name,) = changes if len(changes) == 1 else ("subjects",)
    return pointer == f"/{name}" or pointer.startswith(f"/{name}/")


ADDRESS = f"{SECRET}@b.example"
EXACTLY: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/find", {ADDRESS: 1}, ""),
    ("/v1/find", {"subject": {ADDRESS: 7}}, "/subject"),
    ("/v1/put", {"values": {ADDRESS: 2**70}}, "/values"),
    ("/v1/put", {"values": {ADDRESS * 10: 1}}, "/values"),
    ("/v1/put", {"subject": 7}, "/subject"),
    ("/v1/put", {"subject": ""}, "/subject"),
    ("/v1/put", {"subject": {"email": 7}}, "/subject"),
    ("/v1/put", {"subject": {"email": SECRET, "guest": SECRET}}, "/subject"),
    ("/v1/fetch", {"subject": {"email": SECRET}}, "/subject/email"),
    ("/v1/fetch", {"subject": {"name": SECRET}}, "/subject"),
    ("/v1/fetch", {"subject": {SECRET: "x"}}, "/subject"),
    ("/v1/fetch", {"subject": f"{SECRET}@b.example"}, "/subject"),
    ("/v1/fetch", {"extra": 1}, ""),
    ("/v1/fetch-many", {"subjects": [{"email": "a@b.example"}, f"{SECRET}@b.example"]}, "/subjects/1"),
    ("/v1/fetch-many", {"subjects": [{"email": "a@b.example"}, {"email": SECRET}]}, "/subjects/1/email"),
    ("/v1/fetch-many", {"subjects": [{"email": "a@b.example"}, {"email": 7}]}, "/subjects/1"),
    ("/v1/find", {"subject": {"name": SECRET}}, "/subject"),
    ("/v1/put", {"values": {"name": "Ann", "nights": "7"}}, "/values/nights"),
    ("/v1/put", {"values": {"nights": 2**70}}, "/values/nights"),
    ("/v1/put", {"subject": f"{SECRET}@b.example"}, "/subject"),
    ("/v1/record", {"values": {"arrived": "2024-01-01"}}, "/values/booking"),
    ("/v1/record", {"values": {"arrived": SECRET, "booking": "B"}}, "/values/arrived"),
    ("/v1/consent/status", {"subject": {"name": SECRET}}, "/subject"),
]


@pytest.mark.parametrize("route, changes, pointer", EXACTLY)
def test_a_422_about_a_body_points_to_the_place(
    house: House, route: str, changes: dict[str, Any], pointer: str
) -> None:
    """By JSON pointer, as deep as the fault; a name that no catalogue could have is not repeated."""
    said = house.ask(route, changed(route, **changes))
    check_problem(said, 422, "invalid_input")
    assert said.json["pointer"] == pointer


@pytest.mark.parametrize("person", [7, [], {}, {"email": 7}, {"email": "a@b.example", "guest": "g"}])
def test_what_names_nobody_is_told_how_a_person_is_named(house: House, person: object) -> None:
    """The same words on every route that takes a person either way."""
    for route in ("/v1/fetch", "/v1/put", "/v1/consent/status"):
        said = house.ask(route, changed(route, subject=person))
        assert said.json["detail"].endswith("a pairwise id, or an object with one look-up and its text"), (
            said.json
        )


@pytest.mark.parametrize("since", ["", "yesterday", "2024-02-30", "2024-01-01T10:00:00"])
def test_a_time_that_is_none_is_told_what_one_looks_like(house: House, since: str) -> None:
    """However short: a date to copy, not a length."""
    said = house.ask("/v1/history", changed("/v1/history", since=since))
    assert said.json["detail"] == "since must be a date such as 2024-01-31, or with a time and its offset"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ],
)
def test_content_types(house: House, route: str, headers: dict[str, str]) -> None:
    """415 for all but JSON in UTF-8, uncoded."""
    check_problem(house.ask(route, GOOD[route], headers=headers), 415, "unsupported_media_type")


@pytest.mark.parametrize("route", ROUTES)
def test_oversize(house: House, route: str) -> None:
    """413, whether or not the length is said."""
    raw = json.dumps({**GOOD[route], "extra": "x" * 250_000}).encode()
    check_problem(house.ask(route, raw=raw), 413, "body_too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/v1//find",
        "/v1/./find",
        "/v1/../v1/find",
        "/v1/find/",
        "/V1/find",
        "/v1/find%00",
        "/v1%2ffind",
        "/v1/%66ind",
        "/v1/find;x=1",
        "/v1/log/tile/entries/000",
        "/v1/log/tile/0/../../../etc/passwd",
        "/v1/log/tile/0/x999/x999/x999/999",
        "/v1/audit/entries/../../etc/passwd",
        "/v2/find",
        "/v1",
    ],
)
def test_paths(house: House, path: str) -> None:
    """Not found, by one spelling only."""
    said = house.ask(path, None if "tile" in path or "entries" in path else {}, who="officer")
    check_problem(said, 404, "not_found")


@pytest.mark.parametrize("query", ["?purpose=stay", "?x=1&x=1", "?%ff=1", "?=", "?" + "a=1&" * 200])
def test_queries(house: House, query: str) -> None:
    """No route of a service takes one: nothing of a request belongs into an address."""
    said = house.ask(f"/v1/find{query}", GOOD["/v1/find"])
    assert said.status in (400, 422)
    check_problem(said, said.status, said.code)


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=1001", "?limit=a", "?limit=1&limit=2", "?after=xyz", "?no=1"]
)
def test_queries_of_her_own(house: House, query: str) -> None:
    """Those of the one route that has some are checked."""
    her = house.guest().value
    said = house.ask(f"/v1/me/accesses{query}", who=her)
    check_problem(said, 422, "invalid_input")
    assert "pointer" not in said.json, "a pointer is into the body"


@pytest.mark.parametrize(
    "headers",
    [
        {"idempotency-key": "k" * 201},
        {"idempotency-key": "k\x7f"},
        {"idempotency-key": " "},
        {"if-match": "unquoted"},
        {"if-match": '"a", "b"'},
        {"if-match": "*"},
        {"if-match": 'W/"a"'},
        {"if-match": '""'},
    ],
)
def test_headers(house: House, headers: dict[str, str]) -> None:
    """Of another form than the document says."""
    who = house.guest()
    said = house.ask("/v1/put", changed("/v1/put", subject={who.field: who.value}), headers=headers)
    if headers.get("idempotency-key") == " ":  # which HTTP says is an empty one
        assert said.status in (200, 422)
    elif "if-match" in headers:  # well formed or not, it names no revision of ours
        check_problem(said, 412, "precondition_failed")
    else:
        assert said.status in (400, 422)
        check_problem(said, said.status, said.code)
        assert "pointer" not in said.json, "a pointer is into the body"


@pytest.mark.parametrize(
    "path, name, value",
    [
        ("/v1/put", "If-None-Match", "*"),
        ("/v1/put", "If-Unmodified-Since", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ("/v1/record", "If-Match", '"a"'),
    ],
)
def test_a_condition_that_is_not_held_is_not_passed_over(
    house: House, path: str, name: str, value: str
) -> None:
    """Whoever writes only if, and is not heard, would overwrite: refused by its name, and nothing is written."""
    who = house.guest()
    before = len(house.lines(act="put") + house.lines(act="record"))
    said = house.ask(path, changed(path, subject={who.field: who.value}), headers={name: value})
    check_problem(said, 422, "invalid_input")
    assert said.json["field"] == name
    assert len(house.lines(act="put") + house.lines(act="record")) == before


def test_each_authenticated_refusal_has_its_leaf(house: House) -> None:
    """One of each kind, each with its one entry, of one length."""
    time.sleep(2.5)  # whatever others left to be counted is told by now
    sizes = set()
    refused: list[tuple[str, dict[str, Any]]] = [
        ("/v1/find", {"raw": b"{"}),
        ("/v1/find", {"body": {}, "headers": {"content-type": "text/plain"}}),
        ("/v1/put", {"body": changed("/v1/put", values={"nights": "7"})}),
        ("/v1/me/withdraw", {"body": {}}),
        ("/v1/fetch", {"raw": b"["}),
        ("/v1/no-such", {"body": {}}),
    ]
    for path, how in refused:
        time.sleep(0.3)  # five a second have a leaf of their own
        before = house.vault.parts.store.log.size()
        said = house.ask(path, **how)
        assert said.status >= 400
        check_leaf(house, said, before)
        sizes.add(house.newest("request")[1])
    assert len(sizes) == 1


def test_a_hostile_service_cannot_fill_the_log(house: House) -> None:
    """Two hundred refusals in a moment are a few entries, and one that counts the rest."""
    time.sleep(2.2)
    before = house.vault.parts.store.log.size()
    began = time.monotonic()
    for _ in range(200):
        assert house.ask("/v1/find", raw=b"{", who="mailer").status == 400
    told, entries = 0, 0
    while told < 200 and time.monotonic() - began < 60:
        time.sleep(0.5)  # what is only counted is told when its second is over
        lines = [line for line in house.lines(act="request", service="mailer") if line.position >= before]
        told = sum(int(str(line.detail["more"])) if line.detail["code"] == "counted" else 1 for line in lines)
        entries = len(lines)
    assert told == 200
    assert entries <= 6 * (time.monotonic() - began + 1)
