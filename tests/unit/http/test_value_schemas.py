"""What the OpenAPI document says a value looks like, the vault takes."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.values import parse_json
from privet.config.values.contacts import is_email, is_phone
from privet.domain.catalogue import ValueType
from privet.errors import InvalidInput
from privet.http.routes.moments import instant, moment
from privet.http.value_schemas import EMAIL, phone_pattern, value_schema


@given(st.from_regex(re.compile(phone_pattern(), re.ASCII), fullmatch=True))
def test_every_number_of_the_pattern_is_one(number: str) -> None:
    """Of every country code."""
    assert is_phone(number)


@given(st.from_regex(re.compile(EMAIL, re.ASCII), fullmatch=True))
def test_every_address_of_the_pattern_is_one(address: str) -> None:
    """So a client made from the document is not refused."""
    assert is_email(address)


@pytest.mark.parametrize(
    "number",
    ["+14155550123", "+33142685300", "+390612345678", "+4930901820", "+442079460718", "+81312345678"],
)
def test_numbers_of_every_day_are_of_the_pattern(number: str) -> None:
    """A client that checks against the document can name people in Paris, Rome, Berlin and Tokyo."""
    assert re.search(phone_pattern(), number)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "o'brien@example.org",
        "a.b.c.d.e@mail.example.org",
        "ann@my-hotel.co.uk",
        "a-name-that-is-longer-than-thirty-two@example.org",
    ],
)
def test_addresses_of_every_day_are_of_the_pattern(address: str) -> None:
    """Apostrophes, many dots, hyphens in the domain."""
    assert re.search(EMAIL, address)


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (ValueType(kind="integer", minimum="0", maximum="9"), [0, 9], [-1, 10]),
        (ValueType(kind="number", minimum="0", maximum="9"), [0.5, 9], [-0.1]),
        (ValueType(kind="enum", members=("a", "b")), ["a"], ["c"]),
        (ValueType(kind="date", minimum="1900-01-01"), ["1900-01-01", "2000-02-28"], ["1899-12-31"]),
    ],
)
def test_bounds_are_in_the_schema(kind: ValueType, good: list[Any], bad: list[Any]) -> None:
    """And mean what the vault's own check means."""
    shape = value_schema(kind)
    for value in good:
        parse_json(kind, value, where="x")
        assert _fits(shape, value)
    for value in bad:
        with pytest.raises(InvalidInput):
            parse_json(kind, value, where="x")
        assert not _fits(shape, value)


def _fits(shape: dict[str, Any], value: Any) -> bool:
    if "enum" in shape:
        return value in shape["enum"]
    if "pattern" in shape:
        return re.search(shape["pattern"], value) is not None
    return bool(shape["minimum"] <= value <= shape["maximum"])


@pytest.mark.parametrize("text", ["2024-01-31", "2024-01-31T09:30:00Z", "2024-01-31t09:30:00.5+01:00"])
def test_moments(text: str) -> None:
    """RFC 3339, in either case."""
    assert moment("since", text) is not None


def test_a_date_is_its_whole_day() -> None:
    """From its first instant to its last, in UTC, as the command line has it."""
    assert instant("since", "2024-02-29") == datetime(2024, 2, 29, tzinfo=UTC)
    assert instant("until", "9999-12-31", last=True) == datetime(
        9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC
    )
    assert instant("until", "2024-02-29T09:30:00+01:00", last=True) == datetime(
        2024, 2, 29, 8, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    ["", "2024-1-1", "2024-W05-3", "20240131", "2024-01-31 09:30:00Z", "2024-01-31T09:30:00", "2024-13-01"],
)
def test_what_is_no_moment(text: str) -> None:
    """Though Python would take some of it."""
    with pytest.raises(InvalidInput) as refused:
        moment("since", text)
    assert refused.value.field == "since"
    with pytest.raises(InvalidInput):
        instant("since", text)
