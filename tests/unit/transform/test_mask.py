"""Masks: recognisable, not usable, of the same kind, and never the value."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.values import Value
from privet.domain.catalogue import ValueType
from privet.transform.mask import mask

CASES: list[tuple[str, Value, Value]] = [
    ("email", "ann.johnson@example.org", "a•••@•••.org"),
    ("phone", "+351 912 345 678", "•••78"),
    ("string", "Johnson", "J•••"),
    ("text", "Two pillows", "T•••"),
    ("string", "", "•••"),
    ("enum", "king", "•••"),
    ("boolean", True, "•••"),
    ("country", "PRT", "•••"),
    ("date", date(1984, 5, 3), date(1984, 1, 1)),
    ("datetime", datetime(1984, 5, 3, 7, 8, tzinfo=UTC), datetime(1984, 1, 1, tzinfo=UTC)),
    ("integer", 1234, 1000),
    ("integer", -56, -10),
    ("integer", 0, 0),
    ("number", Decimal("98.70"), Decimal(10)),
]


@pytest.mark.parametrize("kind, value, masked", CASES)
def test_a_mask_of_each_type(kind: str, value: Value, masked: Value) -> None:
    """One example a type, as docs/catalogue.md shows them."""
    assert mask(ValueType(kind=kind), value) == masked  # type: ignore[arg-type]  # parametrised


def test_a_list_tells_neither_items_nor_their_number() -> None:
    """A masked list is there or not there."""
    kind = ValueType(kind="list", of=ValueType(kind="string"))
    assert mask(kind, ["nuts"]) == mask(kind, ["nuts", "milk"]) == ["•••"]
    assert mask(kind, []) == []


@given(st.text(min_size=2, max_size=50))
def test_a_masked_text_has_one_character_of_it_at_most(value: str) -> None:
    """Whatever the text, its first character is all that is left."""
    assert mask(ValueType(kind="string"), value) == value[0] + "•••"


@given(st.from_regex(r"[a-z]{1,20}@[a-z]{1,20}\.[a-z]{2,6}", fullmatch=True))
def test_two_addresses_of_one_initial_and_top_domain_look_alike(value: str) -> None:
    """The length of neither local part nor domain shows."""
    masked = mask(ValueType(kind="email"), value)
    assert masked == f"{value[0]}•••@•••.{value.rpartition('.')[2]}"
