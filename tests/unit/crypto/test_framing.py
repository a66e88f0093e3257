"""Joins that cannot be confused."""

from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.framing import join, u16, u32

PARTS = st.lists(st.binary(max_size=8), max_size=5)


def test_layout() -> None:
    """A part stands behind its length, u32 big endian."""
    assert join(b"ab", b"") == b"\0\0\0\2ab\0\0\0\0"


def test_nothing_joins_to_nothing() -> None:
    """No parts and one empty part differ."""
    assert join() == b""
    assert join(b"") != b""


@given(PARTS, PARTS)
def test_injective(left: list[bytes], right: list[bytes]) -> None:
    """Two lists join equally only if they are equal, wherever the borders lie."""
    assert (join(*left) == join(*right)) == (left == right)


def test_numbers_are_big_endian() -> None:
    """Catalogue numbers take two bytes, epochs four."""
    assert u16(0x0102) == b"\1\2"
    assert u32(0x01020304) == b"\1\2\3\4"
