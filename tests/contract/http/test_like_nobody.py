"""Over real HTTP, those whom a service may not see are answered as nobody is."""

import re
from typing import Any

import pytest

from privet.domain.request import By
from tests.contract.http.house import Answer, House


def person(who: By) -> dict[str, str]:
    return {who.field: who.value}


def shown(said: Answer) -> tuple[object, ...]:
    """What a service can tell two answers apart by: status, headers, shape, length."""
    names = tuple(sorted(said.headers))
    masked = re.sub(rb"[0-9a-f]{32}", b"*", said.body)
    return (said.status, names, len(said.body), masked)


ASKS: dict[str, dict[str, Any]] = {
    "/v1/fetch": {"purpose": "marketing.email", "fields": ["email", "name"]},
    "/v1/fetch-many": {"purpose": "marketing.email", "fields": ["email"]},
    "/v1/find": {"purpose": "marketing.email"},
    "/v1/history": {"purpose": "marketing.email", "collection": "stays", "fields": ["rate"]},
    "/v1/put": {"purpose": "marketing.email", "values": {"story": "B"}},
    "/v1/record": {
        "purpose": "marketing.email",
        "collection": "stays",
        "values": {"arrived": "2024-01-01", "booking": "B"},
    },
    "/v1/consent/request": {"purpose": "marketing.email"},
    "/v1/consent/status": {"purpose": "marketing.email"},
    "/v1/consent/receipt": {"purpose": "marketing.email"},
}


@pytest.mark.parametrize("route", sorted(ASKS))
def test_nobody_is_answered_as_whom_the_service_may_not_see(house: House, route: str) -> None:
    """Status, header set, shape and length: the same for a restricted, a refusing, an erased person and for nobody."""
    people = {name: house.guest() for name in ("unasked", "refusing", "restricted", "erased")}
    known: dict[str, str] = {}
    for name, who in people.items():
        if name in ("restricted", "erased"):
            house.vault.customer(who).consent("marketing.email")
            known[name] = (
                house.vault.service("mailer").fetch(who, purpose="marketing.email", fields=["email"]).subject
            )
    house.vault.customer(people["refusing"]).withdraw("marketing.email")
    house.vault.customer(people["restricted"]).restrict()
    house.vault.customer(people["erased"]).erase()
    by_lookup = [person(who) for who in (*people.values(), house.nobody())]
    by_id: list[object] = [*known.values()] if route != "/v1/find" else []
    for group in (by_lookup, by_id):
        answers = set()
        for subject in group:
            named = {"subjects": [subject]} if route == "/v1/fetch-many" else {"subject": subject}
            answers.add(
                shown(house.ask(route, {**ASKS[route], **named}, who="mailer", headers={"x-request-id": "r"}))
            )
        assert len(answers) <= 1, answers


def test_a_name_clash_is_no_oracle(house: House) -> None:
    """A write that fails for another's address says what any bad value says, to whom may not look people up by it."""
    other = house.guest(guest=f"G-{id(house)}")
    mine = house.guest()
    house.ask("/v1/put", {"subject": person(mine), "values": {"guest": "mine"}, "purpose": "stay"})
    said = house.ask(
        "/v1/put", {"subject": person(mine), "values": {"guest": f"G-{id(house)}"}, "purpose": "stay"}
    )
    assert said.status in (409, 422)
    assert other.value.encode() not in said.body
