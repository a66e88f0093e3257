"""A request id given to a call, by every face: it stands in the log's entries and on the error, whatever was asked."""

from collections.abc import Callable
from typing import Any

import pytest

import privet
from privet.audit.query import AuditLine
from privet.errors import AccessDenied, InvalidInput, PrivetError, Unavailable
from tests.contract.sdk.faces import FacedWorld, Make
from tests.contract.sdk.scripted import HER, VIEW, Scripted, answer, hold, problem

Ask = Callable[[Any, Any, str], object]
STAY = {"purpose": "stay", "fields": ["given_name"]}
STAYS = {"purpose": "stay", "fields": ["room"]}
CALLS: dict[str, tuple[str, int, Ask]] = {
    "fetch": ("front-desk", 1, lambda desk, who, name: desk.fetch(who, **STAY, request_id=name)),
    "fetch_many": (
        "front-desk",
        2,
        lambda desk, who, name: desk.fetch_many([who] * 2, **STAY, request_id=name),
    ),
    "fetch_each": (
        "front-desk",
        2,
        lambda desk, who, name: list(desk.fetch_each([who] * 2, **STAY, request_id=name)),
    ),
    "find": (
        "front-desk",
        1,
        lambda desk, who, name: desk.find(purpose="stay", request_id=name, **{who.field: who.value}),
    ),
    "history": (
        "front-desk",
        1,
        lambda desk, who, name: desk.history(who, "stays", **STAYS, request_id=name),
    ),
    "each_record": (
        "front-desk",
        1,
        lambda desk, who, name: list(desk.each_record(who, "stays", **STAYS, request_id=name)),
    ),
    "put": (
        "front-desk",
        1,
        lambda desk, who, name: desk.put(who, {"notes": "n"}, purpose="stay", request_id=name),
    ),
    "record": (
        "front-desk",
        1,
        lambda desk, who, name: desk.record(
            who, "stays", {"arrived": "2024-06-03", "booking": "B"}, purpose="stay", request_id=name
        ),
    ),
    "consent": (
        "mailer",
        1,
        lambda mailer, who, name: mailer.consent(who, "marketing.email", request_id=name),
    ),
    "request_consent": (
        "mailer",
        1,
        lambda mailer, who, name: mailer.request_consent(who, "marketing.email", request_id=name),
    ),
    "consent_status": (
        "mailer",
        1,
        lambda mailer, who, name: mailer.consent_status(who, "marketing.email", request_id=name),
    ),
    "consent_receipt": (
        "mailer",
        1,
        lambda mailer, who, name: mailer.consent_receipt(who, "marketing.email", request_id=name),
    ),
}


def entries(world: FacedWorld, request: str) -> list[AuditLine]:
    return world.vault.officer("ana").audit.query(request=request)


def asked(world: FacedWorld) -> int:
    """How many entries there are of what services asked."""
    return sum(b'"service":null' not in row.leaf for row in world.log())


@pytest.mark.parametrize("call", sorted(CALLS))
def test_an_entry_is_found_by_the_id_that_was_given(shared: FacedWorld, call: str) -> None:
    """Each of a call's entries, and no other's."""
    service, many, ask = CALLS[call]
    name = f"asked.{call}-1"
    ask(shared.service(service), shared.guest(), name)
    ask(shared.service(service), shared.guest(), name + "0")
    found = entries(shared, name)
    assert len(found) == many
    assert {(line.service, line.request) for line in found} == {(service, name)}
    assert not any("peer" in line.detail for line in found)


def test_an_error_has_the_id_that_was_given(shared: FacedWorld) -> None:
    """Of a refusal and of a slip alike."""
    who, desk = shared.guest(), shared.service("front-desk")
    with pytest.raises(AccessDenied) as refused:
        desk.fetch(who, purpose="resale", fields=["given_name"], request_id="refused-1")
    assert refused.value.request_id == "refused-1"
    [line] = entries(shared, "refused-1")
    assert line.audit_id == refused.value.audit_id
    with pytest.raises(InvalidInput) as slip:
        desk.put(who, {"notes": 7}, purpose="stay", request_id="slip-1")
    assert slip.value.request_id == "slip-1"


def test_a_client_s_error_has_an_id_where_none_was_given(shared: FacedWorld) -> None:
    """The vault's own, by which an officer finds the entry; in process there is none, and the audit id does."""
    with pytest.raises(AccessDenied) as refused:
        shared.service("front-desk").fetch(shared.guest(), purpose="resale", fields=["given_name"])
    made = refused.value.request_id
    if shared.kind.startswith("session"):
        assert made is None
    else:
        [line] = entries(shared, str(made))
        assert line.audit_id == refused.value.audit_id


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "é", "a\r\nX-Evil: 1", 7], ids=repr)
def test_what_is_no_id_is_refused(shared: FacedWorld, name: Any) -> None:
    """Before anything is asked: nothing is logged under another id than the caller's."""
    sessions = {name: shared.service(name) for name in ("front-desk", "mailer")}
    who, size = shared.guest(), asked(shared)
    for service, _, ask in CALLS.values():
        with pytest.raises(InvalidInput) as refused:
            ask(sessions[service], who, name)
        assert refused.value.field == "request_id"
    assert asked(shared) == size


def test_every_try_goes_under_the_id(make: Make) -> None:
    """And without one given none is sent: the vault makes it."""
    with Scripted(problem(503, "unavailable"), answer(VIEW)) as server:
        client = make(server.url)
        client.fetch(HER, **STAY, request_id="one.call")
        client.fetch(HER, **STAY)
        assert [got.header("X-Request-Id") for got in server.got] == ["one.call", "one.call", None]


def test_no_answer_has_the_id_that_was_given(make: Make) -> None:
    """So that what came of it can be looked for; a hostile one of a server's is nobody's."""
    with Scripted(hold) as server, pytest.raises(Unavailable) as silent:
        make(server.url, timeout=0.3, retries=0).fetch(HER, **STAY, request_id="silent-1")
    assert silent.value.request_id == "silent-1"
    for given in ("two words\r\n", "x" * 65, 7, None):
        with Scripted(problem(409, "conflict", request_id=given)) as server:
            with pytest.raises(PrivetError) as refused:
                make(server.url).fetch(HER, **STAY)
            assert refused.value.request_id is None
    with (
        Scripted(problem(409, "conflict", request_id="theirs")) as server,
        pytest.raises(privet.errors.Conflict) as told,
    ):
        make(server.url).fetch(HER, **STAY)
    assert told.value.request_id == "theirs"
