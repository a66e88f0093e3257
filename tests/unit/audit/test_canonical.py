"""Canonical JSON: RFC 8785 by another hand is the oracle, and only canonical bytes parse."""

import contextlib
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.canonical import MAX_BYTES, MAX_DEPTH, MAX_INT, canonical, parse_canonical, unsafe_canonical
from privet.audit.leaf import Act
from privet.errors import IntegrityError, InvalidInput

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INTS = st.integers(-MAX_INT, MAX_INT)
VALUES = st.recursive(
    st.none() | st.booleans() | INTS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_same_bytes_as_rfc8785(value: Any) -> None:
    """Every value in range has the bytes that the rfc8785 package gives, and parses back to itself."""
    data = canonical(value)
    assert data == rfc8785.dumps(value) == unsafe_canonical(value)
    assert parse_canonical(data) == value


@pytest.mark.parametrize(
    "code", [*range(0x20), 0x7F, 0x80, 0x2028, 0xFEFF, 0xFFFF, 0x1F600, ord('"'), ord("\\"), ord("/")]
)
def test_escapes_are_those_of_rfc8785(code: int) -> None:
    """Controls, quotes, the byte order mark and astral characters are escaped, or not, as RFC 8785 says."""
    assert canonical({"k": chr(code)}) == rfc8785.dumps({"k": chr(code)})


@given(st.dictionaries(KEYS, st.integers(0, 9), max_size=12))
def test_key_order_is_that_of_rfc8785(value: dict[str, int]) -> None:
    """ASCII keys sort alike by bytes and by UTF-16 units, whatever order they came in."""
    assert canonical(dict(reversed(value.items()))) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        1.0, float("nan"), {"a": [0.5]}, MAX_INT + 1, -MAX_INT - 1, 2**70, "\ud800", {"a": "\udfff"}, {"é": 1},
        {1: 2},
        {"a": b"x"}, object(), {"a": {1, 2}}, {"\ud800": 1},
    ],
)  # fmt: skip
def test_values_without_a_canonical_form(value: Any) -> None:
    """Floats, big integers, lone surrogates, foreign keys and foreign types are InvalidInput."""
    with pytest.raises(InvalidInput):
        canonical(value)


@pytest.mark.parametrize("value", ["\ud800", 2**53, b"x", {"a": 2**70}])
def test_the_unchecked_form_still_refuses_what_json_cannot_hold(value: Any) -> None:
    """Without the walk, lone surrogates, big integers and foreign types are still InvalidInput."""
    with pytest.raises(InvalidInput):
        unsafe_canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b" 1", b"1 ", b"01", b"-0", b"1.0", b"1e3", b"1.5", b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a": 1}',
        b'"\\u0041"', b'"\\/"', b'"\\u000A"', b'"\\ud800"', b'"\xff"', b"\xef\xbb\xbf1", b"nul", b"NaN",
        b"9007199254740992", b"-9007199254740992", b"99999999999999999999999", '{"é":1}'.encode(), b"[1,]", b"1\n",
        b'"\\u00e9"', b"[" * 100_000, b"[" * 500 + b"]" * 500,
    ],
)  # fmt: skip
def test_other_spellings_are_refused(data: bytes) -> None:
    """White space, other orders, escapes, numbers, duplicates, bad UTF-8 and depth are IntegrityError."""
    with pytest.raises(IntegrityError):
        parse_canonical(data)


def test_an_enum_of_strings_is_its_value() -> None:
    """Codes may be members of a StrEnum: they are written as plain strings."""
    assert canonical({"act": Act.READ}) == b'{"act":"read"}'


def test_depth_and_length_limits() -> None:
    """Nesting up to MAX_DEPTH and bytes up to the limit pass, one more of either does not."""
    assert parse_canonical(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))
    for depth in (MAX_DEPTH + 1, 200):
        with pytest.raises(IntegrityError, match="deep"):
            parse_canonical(b"[" * depth + b"1" + b"]" * depth)
    assert parse_canonical(b'"x"', limit=3) == "x"
    for data, limit in ((b'"xy"', 3), (b'"' + b"x" * MAX_BYTES + b'"', MAX_BYTES)):
        with pytest.raises(IntegrityError, match="long"):
            parse_canonical(data, limit=limit)


def test_an_error_never_quotes_the_value() -> None:
    """The message of a refusal has nothing of what was refused."""
    with pytest.raises(InvalidInput) as caught:
        canonical({"secret-key": "hunter2\ud800"})
    assert "hunter2" not in str(caught.value)
    assert "secret-key" not in str(caught.value)


@given(st.binary(max_size=60) | VALUES.map(rfc8785.dumps))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    """What parses is what it encodes to; the rest raises IntegrityError and nothing else."""
    with contextlib.suppress(IntegrityError):
        assert canonical(parse_canonical(data)) == data
