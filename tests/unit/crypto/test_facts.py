"""Sealed facts: no refusal becomes a consent by moving bytes about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.envelope import SubjectKeys
from privet.crypto.facts import open_facts, seal_facts
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

KEYS = SubjectKeys(b"d" * 32, b"a" * 32)
VAULT = VaultId(b"V" * 16)
SUBJECT = SubjectId(b"S" * 16)
SEALED = seal_facts(KEYS, bytes(12), VAULT, SUBJECT, 7, b'{"consent":{}}')


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_round_trip(payload: bytes, revision: int) -> None:
    """What was sealed opens at its revision."""
    sealed = seal_facts(KEYS, bytes(12), VAULT, SUBJECT, revision, payload)
    assert open_facts(KEYS, VAULT, SUBJECT, revision, sealed) == payload


def test_every_bit_and_every_length() -> None:
    """Any flip and any truncation is an IntegrityError."""
    for bit in range(len(SEALED) * 8):
        bad = bytearray(SEALED)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            open_facts(KEYS, VAULT, SUBJECT, 7, bytes(bad))
    for size in range(len(SEALED)):
        with pytest.raises(IntegrityError):
            open_facts(KEYS, VAULT, SUBJECT, 7, SEALED[:size])


def test_of_another_place() -> None:
    """Another revision (a replay), subject, vault or key does not open."""
    with pytest.raises(IntegrityError):
        open_facts(KEYS, VAULT, SUBJECT, 6, SEALED)
    with pytest.raises(IntegrityError):
        open_facts(KEYS, VAULT, SubjectId(b"T" * 16), 7, SEALED)
    with pytest.raises(IntegrityError):
        open_facts(KEYS, VaultId(b"W" * 16), SUBJECT, 7, SEALED)
    with pytest.raises(IntegrityError):
        open_facts(SubjectKeys(b"d" * 32, b"b" * 32), VAULT, SUBJECT, 7, SEALED)


@pytest.mark.parametrize("revision", [-1, 2**32])
def test_revisions_out_of_range(revision: int) -> None:
    """A revision is a u32."""
    with pytest.raises(InvalidInput):
        seal_facts(KEYS, bytes(12), VAULT, SUBJECT, revision, b"")


def test_one_more_consent_does_not_show() -> None:
    """Lengths are multiples of 256: a change of a few words leaves the size as it is."""
    sizes = {len(seal_facts(KEYS, bytes(12), VAULT, SUBJECT, 1, bytes(size))) for size in range(253)}
    assert sizes == {1 + 28 + 256}
    longer = len(seal_facts(KEYS, bytes(12), VAULT, SUBJECT, 1, bytes(253)))
    assert longer == 1 + 28 + 512
