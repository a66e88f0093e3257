"""The routes of services over real HTTP: what they answer, and what they log."""

from typing import Any

import pytest

from privet.domain.request import By
from privet.errors import InvalidInput
from tests.contract.http.house import House


def person(who: By) -> dict[str, str]:
    return {who.field: who.value}


def test_find_gives_the_id_that_a_fetch_takes(house: House) -> None:
    """A look-up, then a read by the pairwise id."""
    who = house.guest()
    found = house.ask("/v1/find", {"subject": person(who), "purpose": "stay"})
    assert found.status == 200
    read = house.ask("/v1/fetch", {"subject": found.json["subject"], "purpose": "stay", "fields": ["name"]})
    assert (read.status, read.json["values"]) == (200, {"name": "Ada"})
    assert read.headers["etag"] == f'"{read.json["revision"]}"'


def test_find_of_nobody_is_null_and_logged(house: House) -> None:
    """As for whom the service may not see."""
    found = house.ask("/v1/find", {"subject": person(house.nobody()), "purpose": "stay"}, who="reader")
    assert (found.status, found.json) == (200, {"subject": None})
    assert house.newest("find")[0].service == "reader"


def test_put_then_fetch_in_every_type(house: House) -> None:
    """Values go in and come out as the wire says, with the words for what JSON has no type for."""
    who = house.guest()
    values = {
        "born": "1990-02-03",
        "spent": "12.50",
        "nights": 7,
        "vip": True,
        "home": "PT",
        "room.bed": "king",
        "words": ["a", "b"],
        "seen": "2024-01-31T09:30:00+00:00",
        "story": "one\ntwo",
    }
    put = house.ask("/v1/put", {"subject": person(who), "values": values, "purpose": "stay"})
    assert put.status == 200
    assert house.line(put.json["audit_id"]).act == "put"
    read = house.ask("/v1/fetch", {"subject": person(who), "purpose": "stay", "fields": list(values)})
    assert read.json["values"] == values
    assert read.json["types"] == {"born": "date", "spent": "number", "seen": "datetime"}


def test_a_put_enrols_whom_a_lookup_does_not_find(house: House) -> None:
    """If the service enrols."""
    who = house.nobody()
    body = {"subject": person(who), "values": {"name": "Bea"}, "purpose": "stay"}
    assert house.ask("/v1/put", body, who="reader").status == 403
    assert house.ask("/v1/put", body).status == 200
    read = house.ask("/v1/fetch", {"subject": person(who), "purpose": "stay", "fields": ["name"]})
    assert read.json["values"] == {"name": "Bea"}


def test_the_same_idempotency_key_writes_once(house: House) -> None:
    """The same answer; another body under the key is refused."""
    who = house.guest()
    body = {
        "subject": person(who),
        "collection": "stays",
        "values": {"arrived": "2024-05-06", "booking": "B1", "rate": "10"},
        "purpose": "stay",
    }
    key = {"idempotency-key": f"once-{who.value}"}
    first, again = house.ask("/v1/record", body, headers=key), house.ask("/v1/record", body, headers=key)
    assert (first.status, first.json) == (200, again.json)
    other = house.ask("/v1/record", {**body, "values": {**body["values"], "rate": "11"}}, headers=key)  # type: ignore[dict-item]
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert house.newest("request")[0].service == "desk"


def test_if_match_refuses_a_lost_update(house: House) -> None:
    """412 once a field of the revision has changed, 200 while it has not."""
    who = house.guest()
    read = house.ask("/v1/fetch", {"subject": person(who), "purpose": "stay", "fields": ["name"]})
    put = {"subject": person(who), "values": {"name": "Eva"}, "purpose": "stay"}
    held = {"if-match": read.headers["etag"]}
    assert house.ask("/v1/put", put, headers=held).status == 200
    late = house.ask("/v1/put", put, headers=held)
    assert (late.status, late.code) == (412, "precondition_failed")


def test_history_newest_first(house: House) -> None:
    """Records with ids, times and values; bounds are inclusive."""
    who = house.guest()
    for at, booking in (("2024-01-01", "A"), ("2024-03-01", "B"), ("2024-02-01", "C")):
        values = {"arrived": at, "booking": booking, "rate": "9.90"}
        body = {"subject": person(who), "collection": "stays", "values": values, "purpose": "stay"}
        assert house.ask("/v1/record", body).status == 200
    asked = {"subject": person(who), "collection": "stays", "purpose": "stay", "fields": ["booking", "rate"]}
    told = house.ask("/v1/history", {**asked, "since": "2024-02-01", "limit": 5}).json
    assert [(one["time"], one["values"]["booking"]) for one in told["records"]] == [
        ("2024-03-01", "B"),
        ("2024-02-01", "C"),
    ]
    assert told["types"] == {"rate": "number"}
    assert house.line(told["audit_id"]).act == "history"


def test_consent_is_requested_confirmed_and_told(house: House) -> None:
    """Asked for by the desk, confirmed by the guest, seen by the desk, receipt included."""
    who = house.guest()
    asked = {"subject": person(who), "purpose": "marketing.email"}
    assert house.ask("/v1/consent/status", asked).json["status"] == "unknown"
    assert house.ask("/v1/consent/request", {**asked, "source": "desk form"}).status == 200
    assert house.ask("/v1/consent/status", asked).json["status"] == "requested"
    given = house.ask("/v1/me/consent", {"purpose": "marketing.email"}, who=who.value)
    assert given.status == 200
    assert house.ask("/v1/consent/status", asked).json["status"] == "given"
    receipt = house.ask("/v1/consent/receipt", asked).json
    assert receipt["receipt"]["proof"]["form"] == "privet/receipt/v1"
    assert house.line(receipt["audit_id"]).act == "consent-receipt"
    no = house.ask("/v1/consent/record", {**asked, "given": False})
    assert house.line(no.json["audit_id"]).act == "withdraw"
    assert house.ask("/v1/consent/status", asked).json["status"] == "withdrawn"


def test_a_refusal_is_a_problem_with_reasons_and_its_entry(house: House) -> None:
    """What AccessDenied has in process."""
    said = house.ask(
        "/v1/fetch", {"subject": person(house.guest()), "purpose": "stay", "fields": ["allergies"]}
    )
    assert (said.status, said.code) == (403, "access_denied")
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json["reasons"]
    assert "allergies" in said.json["withheld"]
    assert house.line(said.json["audit_id"]).decision == "refuse"


def test_the_request_id_is_in_the_log(house: House) -> None:
    """Taken from the caller, answered, and in the entry's private part with the credential."""
    who = house.guest()
    body = {"subject": person(who), "collection": "stays", "purpose": "stay", "fields": ["rate"]}
    said = house.ask("/v1/history", body, headers={"x-request-id": "join-me.1"})
    assert said.headers["x-request-id"] == "join-me.1"
    line = house.line(said.json["audit_id"])
    assert (line.request, str(line.credential)[:4]) == ("join-me.1", "key:")
    assert not line.detail.keys() & {"peer", "request", "credential"}


_SOUGHT = {"purpose": "marketing.email"}
_ANY: dict[str, tuple[str, dict[str, Any]]] = {
    "fetch": ("/v1/fetch", {"purpose": "stay", "fields": ["name"]}),
    "refused": ("/v1/fetch", {"purpose": "resale", "fields": ["name"]}),
    "find": ("/v1/find", {"purpose": "stay"}),
    "history": ("/v1/history", {"collection": "stays", "purpose": "stay", "fields": ["rate"]}),
    "put": ("/v1/put", {"values": {"vip": True}, "purpose": "stay"}),
    "record": (
        "/v1/record",
        {"collection": "stays", "values": {"arrived": "2026-05-01", "booking": "b-1"}, "purpose": "stay"},
    ),
    "consent": ("/v1/consent/record", {**_SOUGHT, "given": False}),
    "asked": ("/v1/consent/request", _SOUGHT),
    "status": ("/v1/consent/status", _SOUGHT),
    "receipt": ("/v1/consent/receipt", _SOUGHT),
    "malformed": ("/v1/put", {"values": 7}),
}


@pytest.mark.parametrize("what", sorted(_ANY))
def test_an_officer_finds_the_entry_by_the_request_id(house: House, what: str) -> None:
    """Whatever was asked and however it ended: in the session, over HTTP, and nothing else with it."""
    path, body = _ANY[what]
    name = f"find-me.{what}"
    said = house.ask(path, {"subject": person(house.guest()), **body}, headers={"x-request-id": name})
    if said.status != 200:
        assert said.json["request_id"] == name
    [line] = house.lines(request=name)
    assert line.audit_id == said.json.get("audit_id", line.audit_id)
    assert line.service == "desk"
    heard = house.ask("/v1/audit/query", {"request": name}, who="officer")
    assert [entry["audit_id"] for entry in heard.json["entries"]] == [line.audit_id]
    assert heard.json["entries"][0]["request"] == name
    assert house.lines(request=name + "x") == []


def test_a_slip_in_a_request_id_is_told(house: House) -> None:
    """What no request can be called is no filter that finds nothing."""
    heard = house.ask("/v1/audit/query", {"request": "two words"}, who="officer")
    assert (heard.status, heard.json["field"]) == (422, "request")
    with pytest.raises(InvalidInput) as refused:
        house.lines(request="two words")
    assert refused.value.field == "request"


@pytest.mark.parametrize(
    "path, who",
    [("/v1/find", "officer"), ("/v1/audit/query", "desk"), ("/v1/me/withdraw", "desk"), ("/v1/put", "guest")],
)
def test_the_wrong_kind_of_caller(house: House, path: str, who: str) -> None:
    """403 wrong_role, with a leaf."""
    said = house.ask(path, {}, who=house.guest().value if who == "guest" else who)
    assert (said.status, said.code) == (403, "wrong_role")
    line = house.lines(act="request", limit=1)[0]
    assert line.detail["code"] == "wrong_role"
    assert line.request == said.headers["x-request-id"]


def test_strangers_learn_nothing_but_that(house: House) -> None:
    """401 for every guarded route, whatever the body, and no leaf."""
    before = house.vault.parts.store.log.size()
    for path in ("/v1/find", "/v1/put", "/v1/me/erase", "/v1/audit/verify", "/v1/controls/pause"):
        said = house.ask(path, raw=b"{not json", who=None)
        assert (said.status, said.code) == (401, "unauthenticated")
        assert said.headers["www-authenticate"] == 'Bearer realm="privet"'
    assert house.vault.parts.store.log.size() == before


def test_head_wherever_there_is_get(house: House) -> None:
    """The same status and headers without a body, for strangers and for those who are known; a method that a route
    does not have is told with those it has."""
    for path, who in (
        ("/v1/openapi.json", None),
        ("/v1/log/checkpoint", None),
        ("/v1/controls", "officer"),
        ("/v1/controls", None),
        ("/v1/log/nothing", None),
    ):
        got = house.ask(path, who=who, headers={"x-request-id": "same"})
        bare = house.ask(path, who=who, method="HEAD", headers={"x-request-id": "same"})
        assert (bare.status, bare.body) == (got.status, b"")
        assert {**bare.headers, "date": ""} == {**got.headers, "date": ""}
    refused = house.ask("/v1/controls", who="officer", method="PUT")
    assert refused.headers["allow"] == "GET, HEAD"
    assert house.ask("/v1/put", who=None, method="HEAD").status == 405


def test_no_such_route_and_no_such_method(house: House) -> None:
    """Problems of one shape; of a known caller with a leaf."""
    none = house.ask("/v1/nothing", {}, who="reader")
    assert (none.status, none.code) == (404, "not_found")
    assert house.newest("request")[0].service == "reader"
    wrong = house.ask("/v1/put", who=None, method="GET")
    assert (wrong.status, wrong.code, wrong.headers["allow"]) == (405, "method_not_allowed", "POST")
