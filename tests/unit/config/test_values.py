"""Values from callers: what a type takes, what it refuses, and that no refusal repeats the value."""

import traceback
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.values import parse_json, parse_text, parse_value
from privet.domain.catalogue import ValueType
from privet.errors import InvalidInput

STRING = ValueType(kind="string", max_length=10)
TEXT = ValueType(kind="text", max_length=20)
INTEGER = ValueType(kind="integer", minimum="0", maximum="99")
NUMBER = ValueType(kind="number", minimum="0.5")
BOOLEAN = ValueType(kind="boolean")
DATE = ValueType(kind="date", minimum="1900-01-01")
MOMENT = ValueType(kind="datetime", maximum="2100-01-01T00:00:00+00:00")
EMAIL = ValueType(kind="email", max_length=254)
PHONE = ValueType(kind="phone", max_length=40)
COUNTRY = ValueType(kind="country")
BED = ValueType(kind="enum", members=("king", "twin"))
STRINGS = ValueType(kind="list", of=STRING, max_length=3)
BEDS = ValueType(kind="list", of=BED, max_length=3)
NESTED: list[Any] = []
for _ in range(500):
    NESTED = [NESTED]


ODD = timezone(timedelta(seconds=17))
"""An offset with seconds, as before time zones."""


def label(value: Any) -> str:
    """A short id of a case: megabytes do not stand in test names."""
    return value.kind if isinstance(value, ValueType) else type(value).__name__


@pytest.mark.parametrize(
    "kind, value",
    [
        (STRING, "Ms. O’Né"), (STRING, ""), (STRING, "x" * 10), (TEXT, "two\nlines\tand"), (INTEGER, 0), (INTEGER, 99),
        (NUMBER, Decimal("1.10")), (BOOLEAN, True), (BOOLEAN, False), (DATE, date(1900, 1, 1)),
        (MOMENT, datetime(2024, 1, 31, 9, 30, tzinfo=UTC)),
        (MOMENT, datetime(2024, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))),
        (EMAIL, "ada@example.org"), (EMAIL, "a.b+c@sub.example.co.uk"), (EMAIL, "grüße@bücher.example"),
        (EMAIL, "x@xn--bcher-kva.example"), (PHONE, "+351 912 345 678"), (PHONE, "+1 (202) 555-0143"),
        (COUNTRY, "PT"), (COUNTRY, "prt"), (COUNTRY, "PRT"), (BED, "king"), (STRINGS, ["nuts", "milk"]), (STRINGS, []),
        (BEDS, ["king", "king"]),
    ],
)  # fmt: skip
def test_what_a_type_takes_is_kept_verbatim(kind: ValueType, value: Any) -> None:
    """Nothing is normalised, trimmed or converted."""
    taken = parse_value(kind, value, where="f")
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    "kind, value, rule",
    [
        (STRING, 7, "must be text"),
        (STRING, b"bytes", "must be text"),
        (STRING, None, "must be text"),
        (STRING, "x" * 11, "must be text of at most 10 characters"),
        (STRING, "secret" * 2_000_000, "must be text of at most 10 characters"),
        (STRING, "a\nb", "must be one line of text without control characters or half characters"),
        (STRING, "a\x00b", "must be one line of text without control characters or half characters"),
        (STRING, "a\x85b", "must be one line of text without control characters or half characters"),
        (STRING, "a\ud800", "must be one line of text without control characters or half characters"),
        (TEXT, "a\rb", "without control characters (line breaks and tabs are fine)"),
        (TEXT, "a\x1b[2J", "without control characters (line breaks and tabs are fine)"),
        (TEXT, "\udfff", "without control characters (line breaks and tabs are fine)"),
        (INTEGER, True, "must be a whole number"),
        (INTEGER, 3.0, "must be a whole number"),
        (INTEGER, "3", "must be a whole number"),
        (INTEGER, -1, "must be at least 0"),
        (INTEGER, 100, "must be at most 99"),
        (INTEGER, 2**53, "must be a whole number of at most 15 digits or so"),
        (INTEGER, 10**5000, "must be a whole number of at most 15 digits or so"),
        (NUMBER, True, "must be a number"),
        (NUMBER, "1.5", "must be a number"),
        (NUMBER, float("nan"), "must be a finite number"),
        (NUMBER, float("inf"), "must be a finite number"),
        (NUMBER, Decimal("NaN"), "must be a finite number"),
        (NUMBER, Decimal("sNaN"), "must be a finite number"),
        (NUMBER, Decimal("0.4"), "must be at least 0.5"),
        (NUMBER, Decimal("1E+400"), "must be a number of at most 34 digits"),
        (NUMBER, Decimal("1." + "3" * 40), "must be a number of at most 34 digits"),
        (NUMBER, 10**400, "must be a number of at most 34 digits"),
        (NUMBER, 1e300, "must be a number of at most 34 digits"),
        (BOOLEAN, 1, "must be true or false"),
        (BOOLEAN, "true", "must be true or false"),
        (DATE, datetime(2024, 1, 1, tzinfo=UTC), "must be a date"),
        (DATE, "2024-01-01", "must be a date"),
        (DATE, date(1899, 12, 31), "must be at least 1900-01-01"),
        (MOMENT, datetime(2024, 1, 1), "must be a date and time with its offset from UTC"),  # noqa: DTZ001
        (MOMENT, date(2024, 1, 1), "must be a date and time"),
        (
            MOMENT,
            datetime(2024, 1, 1, tzinfo=ODD),
            "must be a date and time whose offset is in whole minutes",
        ),
        (MOMENT, datetime(2101, 1, 1, tzinfo=UTC), "must be at most 2100-01-01T00:00:00+00:00"),
        (EMAIL, "ada", "must be an email address"),
        (EMAIL, "ada@localhost", "must be an email address"),
        (EMAIL, "ada@example..org", "must be an email address"),
        (EMAIL, "a b@example.org", "must be an email address"),
        (EMAIL, "a@b@example.org", "must be an email address"),
        (EMAIL, ".a@example.org", "must be an email address"),
        (EMAIL, "@example.org", "must be an email address"),
        (EMAIL, "ada@-example.org", "must be an email address"),
        (EMAIL, "ada@[127.0.0.1]", "must be an email address"),
        (EMAIL, "ada@xn--a.example", "must be an email address"),
        (EMAIL, "ada@example.org\n", "must be one line of text"),
        (EMAIL, "a" * 65 + "@example.org", "must be an email address"),
        (EMAIL, "ü" * 60 + "@" + "ü" * 50 + "." + "ü" * 50 + ".example", "must be an email address"),
        (PHONE, "912345678", "must be a phone number with its country code"),
        (PHONE, "+351 12", "must be a phone number with its country code"),
        (PHONE, "+999 123 456 789", "must be a phone number with its country code"),
        (PHONE, "call me", "must be a phone number with its country code"),
        (COUNTRY, "XX", "must be a country code"),
        (COUNTRY, "Portugal", "must be a country code"),
        (COUNTRY, "Pt", "must be a country code"),
        (COUNTRY, "ß", "must be a country code"),
        (BED, "queen", "must be one of king, twin"),
        (BED, ["king"], "must be one of king, twin"),
        (STRINGS, "nuts", "must be a list"),
        (STRINGS, {"nuts"}, "must be a list"),
        (STRINGS, ["a"] * 4, "must be a list of at most 3 items"),
        (STRINGS, ["a"] * 1_000_000, "must be a list of at most 3 items"),
        (STRINGS, ["a", 3], "f (item 2): must be text"),
        (STRINGS, [["a"]], "f (item 1): must be text"),
        (STRINGS, NESTED, "f (item 1): must be text"),
        (BEDS, ["king", "sofa"], "f (item 2): must be one of king, twin"),
    ],
    ids=label,
)
def test_what_a_type_refuses_is_said_without_the_value(kind: ValueType, value: Any, rule: str) -> None:
    """The field and the rule stand in the message; the value stands nowhere, not even in a chained exception."""
    with pytest.raises(InvalidInput) as refused:
        parse_value(kind, value, where="f")
    assert rule in str(refused.value)
    assert refused.value.field is not None
    assert refused.value.field.startswith("f")
    assert refused.value.__context__ is None
    if isinstance(value, str) and len(value) > 4:
        assert value not in str(refused.value)


def test_a_float_becomes_the_decimal_that_was_written() -> None:
    """110.1 is 110.1, not the nearest binary fraction; whole numbers are numbers too."""
    assert str(parse_value(NUMBER, 110.1, where="f")) == "110.1"
    assert parse_value(NUMBER, 7, where="f") == Decimal(7)


def test_a_phone_without_country_code_needs_a_region() -> None:
    """With a default region a national number is taken, verbatim."""
    assert parse_value(PHONE, "912 345 678", where="f", region="PT") == "912 345 678"


@pytest.mark.parametrize(
    "kind, text, value",
    [
        (STRING, " as it is", " as it is"),
        (INTEGER, "42", 42), (INTEGER, " 42 ", 42), (INTEGER, "+7", 7),
        (NUMBER, "12.50", Decimal("12.50")), (NUMBER, "7", Decimal(7)),
        (BOOLEAN, "true", True), (BOOLEAN, "YES", True), (BOOLEAN, "1", True),
        (BOOLEAN, "false", False), (BOOLEAN, "No", False), (BOOLEAN, "0", False),
        (DATE, "2024-02-29", date(2024, 2, 29)),
        (MOMENT, "2024-01-31T09:30:00Z", datetime(2024, 1, 31, 9, 30, tzinfo=UTC)),
        (MOMENT, "2024-01-31 09:30+01:00", datetime(2024, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=1)))),
        (EMAIL, "ada@example.org", "ada@example.org"),
        (STRINGS, "nuts; milk ;", ["nuts", "milk"]), (STRINGS, "", []), (STRINGS, '["a;b", "c"]', ["a;b", "c"]),
        (BEDS, "king;twin", ["king", "twin"]),
        (ValueType(kind="list", of=DATE, max_length=3), '["2024-01-31"]', [date(2024, 1, 31)]),
        (ValueType(kind="list", of=INTEGER, max_length=3), "1;2", [1, 2]),
    ],
)  # fmt: skip
def test_text_forms_of_a_csv_cell(kind: ValueType, text: str, value: Any) -> None:
    """Each type has one plain way to be written."""
    assert parse_text(kind, text, where="f") == value


@pytest.mark.parametrize(
    "kind, text",
    [
        (INTEGER, "4.0"), (INTEGER, "1,000"), (INTEGER, "٣"), (INTEGER, ""), (INTEGER, "9" * 5000), (INTEGER, "0x1f"),
        (NUMBER, "1,5"), (NUMBER, "1e5"), (NUMBER, "NaN"), (NUMBER, "inf"), (NUMBER, ".5"), (NUMBER, ""),
        (BOOLEAN, "maybe"), (BOOLEAN, ""), (BOOLEAN, "2"),
        (DATE, "31/01/2024"), (DATE, "20240131"), (DATE, "2024-W01-1"), (DATE, "2023-02-29"), (DATE, ""),
        (MOMENT, "2024-01-31T09:30:00"), (MOMENT, "2024-01-31"), (MOMENT, "2024-01-31T25:00:00Z"),
        (STRINGS, "[1]"), (STRINGS, "[" * 100_000), (STRINGS, '{"a": 1}' * 3), (STRINGS, "[NaN]"), (STRINGS, "a;b;c;d"),
        (BEDS, "king;sofa"),
    ],
    ids=label,
)  # fmt: skip
def test_text_that_could_mean_two_things_is_refused(kind: ValueType, text: str) -> None:
    """Ambiguous dates, thousands separators, other digits, times without offset."""
    with pytest.raises(InvalidInput) as refused:
        parse_text(kind, text, where="f")
    assert refused.value.__context__ is None


def test_json_has_texts_for_what_it_has_no_types_for() -> None:
    """Dates, datetimes and numbers may be texts in JSON; booleans and integers may not."""
    assert parse_json(DATE, "2024-01-31", where="f") == date(2024, 1, 31)
    assert parse_json(NUMBER, "1.10", where="f") == Decimal("1.10")
    assert parse_json(NUMBER, 1.5, where="f") == Decimal("1.5")
    assert parse_json(ValueType(kind="list", of=DATE, max_length=2), ["2024-01-31"], where="f") == [
        date(2024, 1, 31)
    ]
    for kind, wrong in ((BOOLEAN, "true"), (INTEGER, "3"), (DATE, 20240131), (STRINGS, ["a"] * 4)):
        with pytest.raises(InvalidInput):
            parse_json(kind, wrong, where="f")


@given(
    st.sampled_from(
        [STRING, TEXT, INTEGER, NUMBER, BOOLEAN, DATE, MOMENT, EMAIL, PHONE, COUNTRY, BED, STRINGS, BEDS]
    ),
    st.one_of(
        st.text(), st.integers(), st.floats(), st.decimals(), st.binary(), st.lists(st.text()), st.none()
    ),
)
def test_any_value_is_taken_or_refused(kind: ValueType, value: Any) -> None:
    """Nothing but InvalidInput leaves, whatever comes; and as text, too."""
    for attempt in (parse_value, parse_json, parse_text):
        if attempt is parse_text and not isinstance(value, str):
            continue
        try:
            attempt(kind, value, where="f")
        except InvalidInput:
            continue


def test_a_refused_value_is_in_no_printed_traceback() -> None:
    """What a log would print of the exception holds neither the value nor a part of it."""
    with pytest.raises(InvalidInput) as refused:
        parse_text(EMAIL, "zanzibar-secret@nowhere", where="guests.csv line 3, column mail")
    shown = "".join(traceback.format_exception(refused.value))
    assert "zanzibar" not in "\n".join(line for line in shown.splitlines() if "parse_text(EMAIL" not in line)
    assert str(refused.value) == "guests.csv line 3, column mail: must be an email address"
