"""Answers as bytes: what goes in by View comes out of the SDK's own reader the same."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import orjson
import pytest

from privet.config.values import parse_text
from privet.domain.answer import History, Record, Refusal, View, Withheld
from privet.domain.catalogue import ValueType
from privet.http.wire import Wire, types_of
from privet.rights.papers import plain
from privet.sdk.answers import parse_view

VALUES: dict[str, object] = {
    "given_name": 'Zoë "the" Ōmura\u2028\\',
    "born": date(1980, 1, 31),
    "seen": datetime(2026, 1, 31, 9, 30, 0, 5, tzinfo=UTC),
    "spent": Decimal("1.10"),
    "points": 2**53 - 1,
    "vip": True,
    "nothing": None,
    "words": ["a", "b"],
    "days": [date(2026, 1, 1), date(2026, 1, 2)],
    "empty": [],
}
KEPT = {"email": Withheld("purpose_not_permitted", "not for this")}


def view(values: dict[str, object], withheld: dict[str, Withheld] | None = None) -> View:
    return View.of("pw1_abc", values, withheld or {}, "0" * 32, "ab.1")


def test_the_sdk_reads_what_was_meant() -> None:
    """Every type, to the last zero of 1.10 and the microsecond; also what was withheld."""
    sent = view(VALUES, KEPT)
    found = parse_view(orjson.loads(Wire().view(sent)))
    assert dict(found.values) == VALUES
    assert str(found["spent"]) == "1.10"
    assert dict(found.withheld) == KEPT
    assert (found.subject, found.audit_id, found.revision) == (sent.subject, sent.audit_id, sent.revision)


@pytest.mark.parametrize(
    "number, text", [("1E-7", "0.0000001"), ("-1.50E-9", "-0.00000000150"), ("2E+3", "2000")]
)
def test_an_exact_number_is_told_in_the_form_in_which_it_is_taken(number: str, text: str) -> None:
    """In digits, however small: with a power of ten it could not be written back as it was read."""
    told = json.loads(Wire().view(view({"spent": Decimal(number), "all": [Decimal(number)]})))
    assert told["values"] == {"spent": text, "all": [text]}
    kind = ValueType(kind="number")
    assert parse_text(kind, text, where="spent") == Decimal(number)
    assert plain(Decimal(number)) == text


def test_types_stand_there_only_where_json_has_no_type() -> None:
    """One word a field; a list's is that of what is in it."""
    told = json.loads(Wire().view(view(VALUES)))
    assert told["types"] == {"born": "date", "seen": "datetime", "spent": "number", "days": "date"}
    assert "types" not in json.loads(Wire().view(view({"a": "x", "b": 1, "c": None, "d": [], "e": ["x"]})))
    assert types_of([("a", [])]) == {}


@pytest.mark.parametrize("number", [2**53, -(2**63), 2**64, 10**60, -(10**60)])
def test_whole_numbers_of_any_size_are_numbers(number: int) -> None:
    """Beyond what orjson can write too, beside values of other types."""
    told = json.loads(Wire().view(view({**VALUES, "points": number}, KEPT)))
    assert told["values"]["points"] == number
    assert told["values"]["given_name"] == VALUES["given_name"]
    assert told["values"]["spent"] == "1.10"


def test_withheld_is_encoded_once_and_never_mistaken_for_anothers() -> None:
    """Kept by identity, and the mapping with it, so that no other can take its place."""
    wire = Wire()
    for number in range(3_000):
        kept = {f"field{number}": Withheld("paused", f"m{number}")}
        told = json.loads(wire.view(view({}, kept)))
        assert told["withheld"] == {f"field{number}": {"reason": "paused", "message": f"m{number}"}}
    shared = MappingProxyType(KEPT)
    refusal = Refusal(reasons=("paused",), withheld=shared, message="no", audit_id="1" * 32)
    assert wire.refusal(refusal) == wire.refusal(refusal)


def test_answers_to_many_stand_in_their_order() -> None:
    """Views and refusals side by side; none is an empty list."""
    refusal = Refusal(reasons=("paused",), withheld=KEPT, message="no", audit_id="1" * 32)
    told = json.loads(Wire().many([view({"a": 1}), refusal, view({"a": 2})]))["answers"]
    assert [one.get("values") for one in told] == [{"a": 1}, None, {"a": 2}]
    assert told[1]["reasons"] == ["paused"]
    assert json.loads(Wire().many([])) == {"answers": []}


def test_a_history_has_its_times_and_types() -> None:
    """Dates as dates, datetimes with their zone, a reduced time as null."""
    records = (
        Record(id="pr1_a", time=date(2026, 1, 2), values={"rate": Decimal("9.90")}),
        Record(id="pr1_b", time=datetime(2026, 1, 1, tzinfo=UTC), values={"rate": None}),
        Record(id="pr1_c", time=None, values={"rate": Decimal(1)}),
    )
    told = json.loads(Wire().history(History(records=records, withheld=KEPT, audit_id="2" * 32)))
    assert [one["time"] for one in told["records"]] == ["2026-01-02", "2026-01-01T00:00:00+00:00", None]
    assert told["types"] == {"rate": "number"}
    assert told["records"][0]["values"] == {"rate": "9.90"}
    assert told["withheld"]["email"]["reason"] == "purpose_not_permitted"


def test_a_view_made_the_short_way_is_the_same_view() -> None:
    """Equal to one of the constructor, as frozen, and as silent about its values."""
    short = view(VALUES, KEPT)
    long = View(subject="pw1_abc", values=VALUES, withheld=KEPT, audit_id="0" * 32, revision="ab.1")
    assert short == long
    assert repr(short) == repr(long)
    assert "Zoë" not in repr(short)
    with pytest.raises(AttributeError):
        short.subject = "other"  # type: ignore[misc]  # that is the point
