"""Walks through many people and long histories, by every face: all of them, in order, each once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from privet import Record, Refusal, View, by
from privet.errors import AccessDenied, InvalidInput
from tests.contract.sdk.faces import FacedWorld

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
CARE: dict[str, Any] = {"purpose": "care", "fields": ["topic"]}


def new(clinic: FacedWorld, number: str) -> Any:
    clinic.vault.service("desk").put(by(number=number), {"name": number}, purpose="care")
    return by(number=number)


def called(clinic: FacedWorld, number: str, *moments: datetime) -> Any:
    who, desk = new(clinic, number), clinic.vault.service("desk")
    for at, moment in enumerate(moments):
        desk.record(who, "calls", {"at": moment, "topic": f"call {at}"}, purpose="care")
    return who


@pytest.mark.parametrize("page", [1, 2, 3, 7, 100])
def test_each_record_once_newest_first(clinic: FacedWorld, page: int) -> None:
    """However many stand at one instant, and wherever the pages break."""
    moments = [AT, AT, AT, AT + timedelta(hours=1), AT, AT - timedelta(days=40), AT, AT - timedelta(days=40)]
    who = called(clinic, f"calls-{page}", *moments)
    desk = clinic.service("desk")
    whole = desk.history(who, "calls", **CARE)
    walked = list(desk.each_record(who, "calls", page=page, **CARE))
    assert sorted(record.id for record in walked) == sorted(record.id for record in whole)
    assert len(walked) == len(moments)
    times = [record.time for record in walked]
    assert times == sorted(moments, reverse=True)
    assert {type(record) for record in walked} == {Record}


@pytest.mark.parametrize("page", [1, 3, 50])
def test_a_window_holds_for_the_whole_walk(clinic: FacedWorld, page: int) -> None:
    """`since` and `until`, inclusive, as in one history."""
    moments = [AT + timedelta(days=day) for day in range(9)]
    who = called(clinic, f"window-{page}", *moments)
    walked = clinic.service("desk").each_record(
        who, "calls", page=page, since=moments[2], until=moments[6], **CARE
    )
    assert [record.time for record in walked] == moments[6:1:-1]


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("collection, purpose", [("stays", "billing"), ("stays", "care"), ("secret", "care")])
def test_where_times_are_masked_or_withheld_none_is_lost(
    clinic: FacedWorld, collection: str, purpose: str, page: int
) -> None:
    """A time that is not told exactly cannot lead from page to page: the walk finds another way."""
    who = new(clinic, f"{collection}-{purpose}-{page}")
    days = [
        date(2024, 1, 1),
        date(2024, 3, 5),
        date(2024, 3, 5),
        date(2024, 12, 31),
        date(2023, 6, 6),
        date(2022, 1, 1),
    ]
    for at, day in enumerate(days):
        clinic.vault.service("desk").record(
            who, collection, {"day": day, "booking": f"B{at}"}, purpose="care"
        )
    walked = list(
        clinic.service("desk").each_record(who, collection, purpose=purpose, fields=["booking"], page=page)
    )
    assert sorted(str(record["booking"]) for record in walked) == [f"B{at}" for at in range(len(days))]
    assert walked[0]["booking"] == "B3"
    assert walked[-1]["booking"] == "B5"


def test_a_walk_of_nothing_and_of_nobody(clinic: FacedWorld) -> None:
    """No records: none. Nobody: AccessDenied, when the first record is asked for."""
    desk = clinic.service("desk")
    assert list(desk.each_record(new(clinic, "none"), "calls", **CARE)) == []
    walk = desk.each_record(by(number="nobody"), "calls", **CARE)
    with pytest.raises(AccessDenied):
        next(walk)


@pytest.mark.parametrize(
    "options",
    [
        {"page": 0},
        {"page": 10_001},
        {"page": True},
        {"page": "2"},
        {"fields": []},
        {"since": datetime(2024, 1, 1)},  # noqa: DTZ001  that is what is refused
    ],
    ids=str,
)
def test_a_malformed_walk_is_refused_at_the_call(clinic: FacedWorld, options: dict[str, Any]) -> None:
    """Not at its first step, which may be far away."""
    with pytest.raises(InvalidInput):
        clinic.service("desk").each_record(by(number="x"), "calls", **{**CARE, **options})


def test_each_answer_in_order_taken_lazily(clinic: FacedWorld) -> None:
    """People come from any iterable, no more of them than a request needs; views and refusals as in fetch_many."""
    people = [new(clinic, f"each-{at}") for at in range(3)]
    taken = 0

    def asked() -> Iterator[Any]:
        nonlocal taken
        for at in range(2_500):
            taken += 1
            yield people[at % 3] if at % 5 else by(number="nobody")

    answers = clinic.service("desk").fetch_each(asked(), purpose="care", fields=["name"])
    assert taken == 0
    first = next(answers)
    assert isinstance(first, Refusal)
    assert 0 < taken <= 1_001
    rest = list(answers)
    assert taken == 2_500
    assert len(rest) == 2_499
    for at, answer in enumerate(rest, start=1):
        if at % 5:
            assert isinstance(answer, View)
            assert answer["name"] == f"each-{at % 3}"
        else:
            assert isinstance(answer, Refusal)


def test_many_are_asked_in_several_requests(clinic: FacedWorld) -> None:
    """More than one request takes: the same order, one log entry each."""
    who, desk = new(clinic, "many"), clinic.service("desk")
    before = len(clinic.log())
    answers = desk.fetch_many([who] * 1_203, purpose="care", fields=["name"])
    assert len({answer.audit_id for answer in answers}) == 1_203
    assert len(clinic.log()) - before == 1_203


def test_a_bad_person_among_many_is_refused_before_any_is_asked_about(clinic: FacedWorld) -> None:
    """Whatever its place; nothing is logged. (A malformed look-up value is the vault's to see, request by request.)"""
    who, desk = (
        new(clinic, "bad-one"),
        clinic.service("desk"),
    )  # whose key, made when first asked for, is logged
    before = len(clinic.log())
    for bad in (7, "", None, b"x", "x" * 300, "ada@example.org", "Ada Lovelace"):
        with pytest.raises(InvalidInput):
            desk.fetch_many([who] * 1_100 + [bad], purpose="care", fields=["name"])
    for one in (who, "pw1"):
        with pytest.raises(InvalidInput):
            desk.fetch_many(one, purpose="care", fields=["name"])
        with pytest.raises(InvalidInput):
            desk.fetch_each(one, purpose="care", fields=["name"])
    assert len(clinic.log()) == before
