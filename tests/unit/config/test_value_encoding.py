"""Values as bytes: verbatim there and back, one length where lengths would tell, refused where not of the type."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.values import decode_value, encode_value, max_size, parse_value
from privet.domain.catalogue import ValueType
from privet.errors import IntegrityError

STRING = ValueType(kind="string", max_length=200)
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
_texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=50)
CASES: list[tuple[ValueType, st.SearchStrategy[Any]]] = [
    (STRING, _texts),
    (ValueType(kind="text", max_length=10_000), _texts.map(lambda t: t + "\n\t")),
    (ValueType(kind="integer"), st.integers(-(2**53) + 1, 2**53 - 1)),
    (
        ValueType(kind="number"),
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    ),
    (ValueType(kind="boolean"), st.booleans()),
    (ValueType(kind="date"), st.dates()),
    (ValueType(kind="datetime"), st.datetimes(timezones=_offsets)),
    (ValueType(kind="enum", members=("a", "ß", "long member")), st.sampled_from(["a", "ß", "long member"])),
    (ValueType(kind="list", of=STRING, max_length=9), st.lists(_texts, max_size=9)),
    (ValueType(kind="list", of=ValueType(kind="date"), max_length=9), st.lists(st.dates(), max_size=9)),
    (ValueType(kind="list", of=ValueType(kind="boolean"), max_length=9), st.lists(st.booleans(), max_size=9)),
    (
        ValueType(kind="list", of=ValueType(kind="number"), max_length=9),
        st.lists(st.integers(0, 9).map(Decimal), max_size=9),
    ),
]


@pytest.mark.parametrize(
    "kind, values", CASES, ids=[f"{k.kind}-{k.of.kind if k.of else ''}" for k, _ in CASES]
)
def test_every_value_comes_back_as_it_was_put(kind: ValueType, values: st.SearchStrategy[Any]) -> None:
    """Equal, of the same type, of the same text, and never longer than the size it is padded to."""

    @given(values)
    def back(value: Any) -> None:
        checked = parse_value(kind, value, where="f")
        data = encode_value(kind, checked)
        found = decode_value(kind, data)
        assert found == value
        assert str(found) == str(checked)
        most = max_size(kind)
        assert most is None or len(data) <= most

    back()


@pytest.mark.parametrize(
    "kind, value, data",
    [
        (STRING, "Né", "Né".encode()),
        (ValueType(kind="integer"), -7, b"-7"),
        (ValueType(kind="number"), Decimal("1.10"), b"1.10"),
        (ValueType(kind="boolean"), True, b"1"),
        (ValueType(kind="boolean"), False, b"0"),
        (ValueType(kind="date"), date(2024, 1, 31), b"2024-01-31"),
        (ValueType(kind="datetime"), datetime(2024, 1, 31, 9, 30, tzinfo=UTC), b"2024-01-31T09:30:00+00:00"),
        (ValueType(kind="list", of=ValueType(kind="integer")), [1, 2], b'["1","2"]'),
        (ValueType(kind="list", of=STRING), ["a;b", "ü"], '["a;b","ü"]'.encode()),
    ],
)
def test_the_bytes_are_fixed(kind: ValueType, value: Any, data: bytes) -> None:
    """The stored form: to change it is to change a format."""
    assert encode_value(kind, value) == data
    assert decode_value(kind, data) == value


@pytest.mark.parametrize(
    "kind, size",
    [
        (ValueType(kind="boolean"), 1),
        (ValueType(kind="date"), 10),
        (ValueType(kind="datetime"), 32),
        (ValueType(kind="country"), 3),
        (ValueType(kind="enum", members=("a", "größe")), 7),
        (STRING, None),
        (ValueType(kind="list", of=ValueType(kind="boolean")), None),
    ],
)
def test_types_with_few_values_are_padded_to_one_length(kind: ValueType, size: int | None) -> None:
    """A sealed length tells no boolean, enum or date from another."""
    assert max_size(kind) == size


@pytest.mark.parametrize(
    "kind, data",
    [
        (STRING, b"\xff\xfe"),
        (ValueType(kind="integer"), b"seven"),
        (ValueType(kind="integer"), b"9" * 5_000),
        (ValueType(kind="number"), b"x"),
        (ValueType(kind="boolean"), b"2"),
        (ValueType(kind="boolean"), b""),
        (ValueType(kind="date"), b"2024-13-01"),
        (ValueType(kind="datetime"), b"\x80"),
        (ValueType(kind="list", of=STRING), b"[1]"),
        (ValueType(kind="list", of=STRING), b"7"),
        (ValueType(kind="list", of=STRING), b'{"a":1}'),
        (ValueType(kind="list", of=STRING), b"[" * 100_000),
        (ValueType(kind="list", of=ValueType(kind="boolean")), b'["2"]'),
    ],
)
def test_bytes_of_another_type_are_an_integrity_error(kind: ValueType, data: bytes) -> None:
    """Never a ValueError or KeyError, and never the bytes in the message or its cause."""
    with pytest.raises(IntegrityError) as refused:
        decode_value(kind, data)
    assert refused.value.__context__ is None
    assert str(refused.value).startswith(f"a stored value does not read as {kind.kind}")
