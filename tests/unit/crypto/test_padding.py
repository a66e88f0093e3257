"""Padding: what lengths say, and what damage says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.padding import FLOOR, pad, pad_to, padme, unpad
from privet.errors import IntegrityError, InvalidInput

# Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019:
# algorithm 1, worked by hand.
PADME = [
    (0, 0), (1, 1), (2, 2), (3, 3), (7, 7), (8, 8), (9, 10), (10, 10), (11, 12), (15, 16), (16, 16), (17, 18),
    (31, 32), (32, 32), (33, 36), (100, 104), (127, 128), (129, 144), (255, 256), (1000, 1024), (1025, 1088),
    (65535, 65536), (65537, 67584), (1_000_000, 1_015_808),
]  # fmt: skip


@pytest.mark.parametrize("length, padded", PADME)
def test_padme(length: int, padded: int) -> None:
    """The lengths of the paper's rule."""
    assert padme(length) == padded


@given(st.integers(2, 2**40))
def test_padme_bounds(length: int) -> None:
    """Never shorter, at most 12 % longer, and stable: a padded length is its own."""
    padded = padme(length)
    assert length <= padded <= length * 1.12
    assert padme(padded) == padded


@given(st.binary(max_size=500))
def test_round_trip(value: bytes) -> None:
    """What was padded comes back, and its length is one of Padmé's with the floor."""
    padded = pad(value)
    assert unpad(padded) == value
    assert len(padded) == max(FLOOR, padme(4 + len(value)))


@given(st.binary(max_size=20), st.integers(20, 64))
def test_round_trip_to_a_maximum(value: bytes, size: int) -> None:
    """Every value of a bounded field takes the same room."""
    assert len(pad(value, size)) == len(pad_to(b"", size)) == 4 + size
    assert unpad(pad(value, size)) == value


def test_short_values_look_alike() -> None:
    """Up to 28 bytes a value's length does not show."""
    assert {len(pad(bytes(size))) for size in range(29)} == {FLOOR}
    assert len(pad(bytes(29))) > FLOOR


def test_too_long_for_its_field() -> None:
    """A value over its field's maximum is refused, not cut."""
    with pytest.raises(InvalidInput):
        pad_to(b"abc", 2)


def test_every_flip_in_the_zeros_is_seen() -> None:
    """Padding that is not zeros is refused wherever the bit lies."""
    padded = pad(b"value")
    for position in range(9, len(padded)):
        bad = bytearray(padded)
        bad[position] ^= 1
        with pytest.raises(IntegrityError):
            unpad(bytes(bad))


@pytest.mark.parametrize("padded", [b"", b"\0", b"\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff" + bytes(28)])
def test_lengths_that_do_not_fit(padded: bytes) -> None:
    """Too few bytes, or a length past the end."""
    with pytest.raises(IntegrityError):
        unpad(padded)


def test_a_shorter_length_uncovers_the_value() -> None:
    """A true length made smaller leaves value bytes where zeros belong: refused."""
    padded = pad(b"value")
    with pytest.raises(IntegrityError):
        unpad(b"\0\0\0\4" + padded[4:])
