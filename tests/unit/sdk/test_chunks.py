"""Requests for many people: no more of them, no more bytes, than one request takes; none lost, order kept."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet import by
from privet.domain.request import SubjectRef
from privet.errors import InvalidInput
from privet.sdk import questions

HER = "pw1_" + "x" * 43
LIMIT = 1_000_000
"""Bytes of a body that a vault takes unless it is told otherwise."""

people = st.lists(
    st.text("abc", min_size=43, max_size=43).map("pw1_".__add__)
    | st.text("x", max_size=30).map(lambda t: by(email=t)),
    max_size=60,
)


@given(people, st.integers(1, 20))
def test_nobody_is_lost_and_order_is_kept(asked: list[SubjectRef], step: int) -> None:
    """The chunks end to end are the list."""
    chunks = list(questions.chunks(asked, step))
    assert all(0 < len(chunk) <= step for chunk in chunks)
    flat = [one for chunk in chunks for one in chunk]
    assert flat == [one if isinstance(one, str) else {one.field: one.value} for one in asked]


@pytest.mark.parametrize(
    "person", [by(email="x" * 5_000), by(email="𝄞" * 5_000), by(email="\n" * 5_000), HER]
)
def test_a_request_stays_below_the_vaults_limit(person: SubjectRef) -> None:
    """Whatever the people are called, escapes and UTF-8 included."""
    asked = questions.asked_of_each("p", ["a"])
    for chunk in questions.chunks([person] * 1_500, asked.step):
        assert len(questions.fetch_many(chunk, asked).body) < LIMIT


def test_many_fields_make_small_requests() -> None:
    """As in process: the log of one unit of work is bounded."""
    assert questions.asked_of_each("p", ["a"]).step == 1_000
    assert questions.asked_of_each("p", ["x" * 200] * 1_000).step == 30


def test_the_wire_has_nothing_that_json_would_change() -> None:
    """NaN would have cleared a field; half characters, huge numbers and odd objects name theirs."""
    for values in ({"a": float("nan")}, {"a": 2**70}, {"a": "\ud800"}, {"a": [b"x"]}, {"a": {"b": 1}}):
        with pytest.raises(InvalidInput) as refused:
            questions.put(HER, values, "p", None, None)
        assert refused.value.field == "a"
    with pytest.raises(InvalidInput) as refused:
        questions.put(HER, {"ada@example.org": float("nan")}, "p", None, None)
    assert "ada" not in str(refused.value) + str(refused.value.field)
    body = orjson.loads(questions.put(HER, {"a": None, "b": True, "c": 7}, "p", None, None).body)
    assert body["values"] == {"a": None, "b": True, "c": 7}


@pytest.mark.parametrize("purpose, fields", [("\ud800", ["a"]), ("p", ["\ud800"])])
def test_half_characters_are_named(purpose: str, fields: list[str]) -> None:
    """In a purpose and a field name."""
    with pytest.raises(InvalidInput, match="half characters"):
        questions.fetch(HER, purpose, fields)
