"""What is put is what is fetched, by every face: each type, to its last digit, as a session in process gives it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from privet import by
from privet.errors import InvalidInput
from tests.contract.sdk.faces import FacedWorld

LISBON = timezone(timedelta(hours=1))
VALUES: dict[str, Any] = {
    "name": 'Zoë Ω 𝄞 \\ "quoted"',
    "story": "two\nlines\tand a tab",
    "visits": 2**53 - 1,
    "weight": Decimal("110.10"),
    "vip": False,
    "born": date(1984, 2, 29),
    "seen": datetime(2024, 5, 1, 10, 30, 0, 123456, tzinfo=LISBON),
    "mail": "Ada@Example.org",
    "phone": "+351 912 345 678",
    "home": "PT",
    "bed": "king",
    "words": ["a", "", "ç"],
    "sums": [Decimal("1.50"), Decimal("-0.001"), Decimal(0)],
    "days": [date(2024, 1, 1), date(1999, 12, 31)],
    "hours": [datetime(2024, 1, 1, tzinfo=UTC)],
    "flags": [True, False],
    "counts": [1, -1, 0],
}


def put(clinic: FacedWorld, number: str, values: dict[str, Any]) -> Any:
    clinic.service("desk").put(by(number=number), values, purpose="care")
    return by(number=number)


def test_every_type_comes_back_as_it_was(clinic: FacedWorld) -> None:
    """Value and type, list items included; the whole View is the one that a session in process gives."""
    who = put(clinic, "types", VALUES)
    view = clinic.service("desk").fetch(who, purpose="care", fields=list(VALUES))
    assert dict(view.values) == VALUES
    assert {name: type(value) for name, value in view.values.items()} == {
        name: type(value) for name, value in VALUES.items()
    }
    assert str(view["weight"]) == "110.10"
    assert view["seen"].isoformat() == VALUES["seen"].isoformat()  # type: ignore[attr-defined]  # it is a datetime
    assert {type(one) for one in view["sums"]} == {Decimal}  # type: ignore[attr-defined]  # it is a list
    assert {type(one) for one in view["flags"]} == {bool}  # type: ignore[attr-defined]  # it is a list


def test_a_view_equals_the_view_in_process(clinic: FacedWorld) -> None:
    """All of it, but for the audit id, which is each read's own."""
    who = put(clinic, "equal", VALUES)
    fields = [*VALUES, "number", "no.such"]
    for purpose in ("care", "billing"):
        far = clinic.service("desk").fetch(who, purpose=purpose, fields=fields)
        near = clinic.vault.service("desk").fetch(who, purpose=purpose, fields=fields)
        assert (far.subject, far.values, far.withheld) == (near.subject, near.values, near.withheld)
        assert far.revision == near.revision
        assert list(far.values) == list(near.values)
        (many,) = clinic.service("desk").fetch_many([who], purpose=purpose, fields=fields)
        assert many == type(near)(**{**_members(near), "audit_id": many.audit_id})


def test_a_refusal_equals_the_refusal_in_process(clinic: FacedWorld) -> None:
    """Reasons, withheld and the sentence, in a batch and as an exception."""
    desk, near = clinic.service("paper"), clinic.vault.service("paper")
    (far,) = desk.fetch_many([by(number="nobody")], purpose="letters", fields=["name", "born"])
    (here,) = near.fetch_many([by(number="nobody")], purpose="letters", fields=["name", "born"])
    assert far == type(here)(**{**_members(here), "audit_id": far.audit_id})
    said = []
    for session in (desk, near):
        with pytest.raises(Exception) as caught:
            session.fetch(by(number="nobody"), purpose="letters", fields=["name", "born"])
        denied = caught.value
        said.append((type(denied), str(denied), denied.reasons, denied.withheld))  # type: ignore[attr-defined]  # AccessDenied
    assert said[0] == said[1]


def test_a_history_equals_the_history_in_process(clinic: FacedWorld) -> None:
    """Ids, times with their zones, values with their types, what was withheld."""
    who, desk = put(clinic, "history", {"name": "Ada"}), clinic.service("desk")
    for hour, cost in ((9, "1.10"), (10, "0.00"), (11, None)):
        at = datetime(2024, 5, 1, hour, 0, 0, hour, tzinfo=LISBON)
        values: dict[str, object] = {"at": at, "topic": f"at {hour}"}
        desk.record(
            who, "calls", values if cost is None else {**values, "cost": Decimal(cost)}, purpose="care"
        )
    fields = ["topic", "cost", "at", "nothing"]
    far = desk.history(who, "calls", purpose="care", fields=fields)
    near = clinic.vault.service("desk").history(who, "calls", purpose="care", fields=fields)
    assert far.records == near.records
    assert far.withheld == near.withheld
    assert [str(record["cost"]) for record in far] == ["None", "0.00", "1.10"]
    assert far[0].time == datetime(2024, 5, 1, 11, 0, 0, 11, tzinfo=LISBON)


def test_masked_values_keep_their_types(clinic: FacedWorld) -> None:
    """A magnitude is a number of its kind, a masked list of numbers is of dots."""
    who = put(clinic, "masked", VALUES)
    view = clinic.service("desk").fetch(who, purpose="billing", fields=["weight", "born", "sums", "visits"])
    assert view["weight"] == Decimal(100)
    assert type(view["weight"]) is Decimal
    assert view["born"] == date(1984, 1, 1)
    assert view["sums"] == ["•••"]
    assert type(view["visits"]) is int


def test_empty_and_absent_are_told_apart(clinic: FacedWorld) -> None:
    """An empty list is no None; None clears."""
    who = put(clinic, "empty", {"sums": [], "words": [], "days": [], "weight": Decimal(1)})
    desk = clinic.service("desk")
    view = desk.fetch(who, purpose="care", fields=["sums", "words", "days", "weight", "hours"])
    assert dict(view.values) == {"sums": [], "words": [], "days": [], "weight": Decimal(1), "hours": None}
    desk.put(who, {"weight": None}, purpose="care")
    assert desk.fetch(who, purpose="care", fields=["weight"])["weight"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"weight": float("nan")},
        {"weight": float("inf")},
        {"weight": Decimal("NaN")},
        {"weight": Decimal("1e-999999999")},
        {"visits": 2**64},
        {"visits": 2**70},
        {"visits": 1.5},
        {"visits": True},
        {"seen": datetime(2024, 5, 1)},  # noqa: DTZ001  that is what is refused
        {"name": b"bytes"},
        {"name": {"a": 1}},
        {"words": ["\ud800"]},
        {"words": [None]},
        {"words": {"a"}},
        {"name": Ellipsis},
    ],
    ids=repr,
)
def test_what_no_field_holds_is_refused_and_clears_nothing(
    clinic: FacedWorld, values: dict[str, Any]
) -> None:
    """InvalidInput that names the field; what stood there stands."""
    who = put(clinic, "bad", {"weight": Decimal(1), "visits": 3, "name": "Ada", "words": ["x"]})
    with pytest.raises(InvalidInput) as refused:
        clinic.service("desk").put(who, values, purpose="care")
    assert (refused.value.field or "").startswith(next(iter(values)))
    view = clinic.service("desk").fetch(who, purpose="care", fields=["weight", "visits", "name", "words"])
    assert dict(view.values) == {"weight": Decimal(1), "visits": 3, "name": "Ada", "words": ["x"]}


def _members(answer: Any) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in answer.__dataclass_fields__}
