"""Pending corrections: what waits opens in its place only, and a code proves one field of one person."""

from functools import partial

import pytest

from privet.crypto.envelope import SubjectKeys
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError
from privet.rights.pending import (
    LASTS_MS,
    encode,
    new_code,
    open_pending,
    parse_pending,
    proves,
    seal_pending,
)

VAULT = VaultId(b"v" * 16)
ADA = SubjectId(b"a" * 16)
EVE = SubjectId(b"e" * 16)
KEYS = SubjectKeys(bytes(range(32)), bytes(range(32, 64)))
CODE = "K7QF-2M9X"


@pytest.fixture
def text() -> str:
    return seal_pending(KEYS, bytes(12), VAULT, ADA, 3, b"new@example.org", CODE, 1_000)


def test_a_pending_value_opens_in_its_place_only(text: str) -> None:
    """Not for another field, person, vault or key."""
    pending = parse_pending(text)
    assert open_pending(KEYS, VAULT, ADA, 3, pending) == b"new@example.org"
    other = SubjectKeys(bytes(32), bytes(32))
    for keys, vault, subject, number in (
        (KEYS, VAULT, ADA, 4),
        (KEYS, VAULT, EVE, 3),
        (KEYS, VaultId(b"w" * 16), ADA, 3),
        (other, VAULT, ADA, 3),
    ):
        with pytest.raises(IntegrityError):
            open_pending(keys, vault, subject, number, pending)


def test_a_code_proves_one_field_of_one_person(text: str) -> None:
    """The same letters prove nothing elsewhere."""
    pending = parse_pending(text)
    assert proves(pending, VAULT, ADA, 3, CODE)
    assert not proves(pending, VAULT, ADA, 4, CODE)
    assert not proves(pending, VAULT, EVE, 3, CODE)
    assert not proves(pending, VaultId(b"w" * 16), ADA, 3, CODE)


@pytest.mark.parametrize("typed", ["k7qf2m9x", " K7QF 2M9X ", "K7QF--2M9X"])
def test_a_code_may_be_typed_carelessly(text: str, typed: str) -> None:
    """Case, spaces and dashes do not matter."""
    assert proves(parse_pending(text), VAULT, ADA, 3, typed)


@pytest.mark.parametrize("typed", ["", "-", "K7QF-2M9", "K7QF-2M9XX", "\ud800", "É", "K7QF-2M9Y"])
def test_another_code_is_wrong(text: str, typed: str) -> None:
    """Nothing but the code is the code, and odd characters are no crash."""
    assert not proves(parse_pending(text), VAULT, ADA, 3, typed)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2.3.4", "2.1.0.00.00", "1.x.0.00.00", "1.1.0.zz.00", "1.1.0.00.00.00"]
)
def test_any_other_text_is_damage(text: str) -> None:
    """IntegrityError, nothing else."""
    with pytest.raises(IntegrityError):
        parse_pending(text)


def test_a_pending_correction_comes_back_as_it_was(text: str) -> None:
    """Form and end: two days from its start, no try spent, and the code itself nowhere in it."""
    pending = parse_pending(text)
    assert encode(pending) == text
    assert pending.expires == 1_000 + LASTS_MS
    assert pending.tries == 0
    assert CODE.replace("-", "") not in text


def test_codes_are_of_letters_nobody_confuses() -> None:
    """Every byte gives a letter of Crockford's base 32; two draws differ."""
    seen = {new_code(partial(_bytes_from, start)) for start in range(0, 248, 8)}
    letters = set("".join(seen)) - {"-"}
    assert letters == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert all(len(code) == 9 for code in seen)


def _bytes_from(start: int, n: int) -> bytes:
    return bytes(range(start, start + n))
