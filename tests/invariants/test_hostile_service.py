"""A service that sends whatever may tell it who is here, or fill memory and log: tried through its own session."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from privet.bootstrap.service import MAX_BATCH
from privet.decide.verdict import _KEPT_FIELDS
from privet.domain.request import MAX_FIELDS, By, by
from privet.errors import AccessDenied, InvalidInput, PrivetError
from tests.invariants.world import World

NOBODY = by(email="never@example.org")
EARLY, LATE = timezone(timedelta(hours=14)), timezone(-timedelta(hours=14))


def answer(ask: Callable[[], object]) -> tuple[str, str]:
    """What a service hears, without ids."""
    try:
        ask()
    except PrivetError as error:
        return type(error).__name__, error.message
    return "done", ""


ORACLES: dict[str, Callable[[World, By], object]] = {
    "a consent with a source that has no UTF-8 form": lambda w, who: w.service("web-shop").consent(
        who, "surveys", source="\ud800"
    ),
    "a consent with too long a source": lambda w, who: w.service("web-shop").consent(
        who, "surveys", source="x" * 501
    ),
}


@pytest.mark.parametrize("ask", ORACLES.values(), ids=list(ORACLES))
def test_an_odd_request_is_answered_alike_of_somebody_and_nobody(
    world: World, ask: Callable[[World, By], object]
) -> None:
    """Whether she is here does not show in the answer, and she is not changed by the question."""
    somebody = world.guest()
    before = world.place.execute("SELECT fields, facts FROM subject")
    assert answer(lambda: ask(world, somebody)) == answer(lambda: ask(world, NOBODY))
    assert world.place.execute("SELECT fields, facts FROM subject") == before


def test_a_consent_for_a_row_that_does_not_open_is_answered_like_one_for_nobody(world: World) -> None:
    """Damage to a row does not tell a service that there is one."""
    who = world.guest()
    world.place.execute("UPDATE subject SET facts_rev = facts_rev + 1")
    for given in (True, False):
        heard = []
        for one in (who, NOBODY):
            try:
                world.service("web-shop").consent(one, "surveys", given=given)
                heard.append("done")
            except PrivetError as error:
                heard.append(error.message)
        assert heard == ["done", "done"]


def test_a_harmed_ledger_does_not_keep_a_consent_in_force(world: World) -> None:
    """She withdraws, though somebody removed the entry of her consent, and the next read is refused."""
    who = world.guest()
    her = world.customer(who)
    her.consent("marketing.email")
    mailer = world.service("mailer")
    assert mailer.fetch(who, purpose="marketing.email", fields=["email"])["email"] == who.value
    world.place.execute("DELETE FROM consent")
    her.withdraw("marketing.email")
    with pytest.raises(AccessDenied):
        mailer.fetch(who, purpose="marketing.email", fields=["email"])


odd: Any = By


def session(world: World, name: str) -> Any:
    """Untyped, as a careless caller has it."""
    return world.service(name)


NOT_TEXT: dict[str, Callable[[World, str], object]] = {
    "a number for a field name": lambda w, _: session(w, "web-shop").put(
        NOBODY,
        {5: "x"},
        purpose="enrolment",
    ),
    "a list for a collection": lambda w, her: session(w, "front-desk").history(
        her,
        ["stays"],
        purpose="stay",
        fields=["room"],
    ),
    "a list for a collection, written": lambda w, _: session(w, "web-shop").record(
        NOBODY,
        ["stays"],
        {"booking": "b"},
        purpose="enrolment",
    ),
    "a look-up of no text": lambda w, _: session(w, "front-desk").fetch(
        odd("email", 5),
        purpose="stay",
        fields=["notes"],
    ),
    "a look-up by a list": lambda w, _: session(w, "front-desk").fetch(
        odd(["email"], "a@example.org"),
        purpose="stay",
        fields=["notes"],
    ),
    "nobody at all": lambda w, _: session(w, "front-desk").fetch_many(
        None,
        purpose="stay",
        fields=["notes"],
    ),
    "one text for many people": lambda w, _: session(w, "front-desk").fetch_many(
        "pw1_x", purpose="stay", fields=["notes"]
    ),
    "a source of no text": lambda w, _: session(w, "web-shop").consent(
        NOBODY,
        "surveys",
        source=5,
    ),
    "a time before the year 1": lambda w, her: session(w, "front-desk").history(
        her, "stays", purpose="stay", fields=["room"], since=datetime.min.replace(tzinfo=EARLY)
    ),
    "a time after 9999": lambda w, her: session(w, "front-desk").history(
        her, "stays", purpose="stay", fields=["room"], until=datetime.max.replace(tzinfo=LATE)
    ),
    "a limit beyond any": lambda w, her: session(w, "front-desk").history(
        her, "stays", purpose="stay", fields=["room"], limit=2**70
    ),
}


@pytest.mark.parametrize("ask", NOT_TEXT.values(), ids=list(NOT_TEXT))
def test_what_is_of_no_type_we_take_is_invalid_input(
    world: World, ask: Callable[[World, str], object]
) -> None:
    """One sentence, and no error of Python's own."""
    her = world.service("front-desk").fetch(world.guest(), purpose="stay", fields=["given_name"]).subject
    with pytest.raises(InvalidInput):
        ask(world, her)


def test_the_widest_windows_are_served(world: World) -> None:
    """From the first day to the last that Python knows in UTC."""
    desk = world.service("front-desk")
    found = desk.history(
        world.guest(),
        "stays",
        purpose="stay",
        fields=["room"],
        since=date.min,
        until=datetime.max.replace(microsecond=0, tzinfo=UTC),
    )
    assert list(found) == []


def test_what_is_remembered_of_questions_is_bounded_by_their_fields(world: World) -> None:
    """A caller who asks for a thousand new names each time does not make the judge grow without end."""
    judge: Any = world.vault.parts.pipeline._decide._judge
    desk, who = world.service("front-desk"), world.guest()
    many = [f"{n:03}" for n in range(MAX_FIELDS)]
    for turn in range(3):
        judge._kept_fields = _KEPT_FIELDS - MAX_FIELDS  # as after hundreds of such questions
        with pytest.raises(AccessDenied):
            desk.fetch(who, purpose="stay", fields=[f"new{turn}", *many[1:]])
        with pytest.raises(AccessDenied):
            desk.fetch(who, purpose="stay", fields=[f"newer{turn}", *many[1:]])
        assert len(judge._kept) == 1
    with pytest.raises(AccessDenied):
        desk.fetch(who, purpose="stay", fields=[f"{n:0200}" for n in range(MAX_FIELDS)])
    assert len(judge._kept) == 1  # as long a question as this one is not held at all


def test_one_person_many_times_in_a_batch_gets_each_answer_and_each_entry(world: World) -> None:
    """No read of the batch is merged with another, nor spoilt by one that names nobody."""
    desk, who = world.service("front-desk"), world.guest()
    her = desk.fetch(who, purpose="stay", fields=["given_name"]).subject
    before = len(world.log())
    answers: list[Any] = desk.fetch_many(
        [her, who, "pw1_" + "F" * 43, her, NOBODY], purpose="stay", fields=["given_name"]
    )
    assert [getattr(one, "values", None) for one in answers] == [
        {"given_name": "Ada"},
        {"given_name": "Ada"},
        None,
        {"given_name": "Ada"},
        None,
    ]
    assert len({one.audit_id for one in answers}) == 5
    assert len(world.log()) == before + 5 < before + MAX_BATCH
