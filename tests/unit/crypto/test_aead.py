"""The AEAD wrapper: NIST's vectors, and every way to be wrong."""

from pathlib import Path

import cryptography_vectors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.aead import OVERHEAD, FieldCipher
from privet.errors import IntegrityError, InvalidInput
from tests.unit.crypto.rsp import parse_pairs

GCM = Path(cryptography_vectors.__file__).parent / "ciphers" / "AES" / "GCM"
NIST = [
    case
    for case in parse_pairs(GCM / "gcmDecrypt256.rsp", start="Count")
    if case["IVlen"] == "96" and case["Taglen"] == "128"
]


def test_nist_gcm() -> None:
    """All of NIST's AES-256-GCM cases with 96-bit nonces and whole tags, those that must fail included."""
    failing = 0
    for case in NIST:
        cipher = FieldCipher(bytes.fromhex(case["Key"]))
        nonce, aad = bytes.fromhex(case["IV"]), bytes.fromhex(case["AAD"])
        sealed = nonce + bytes.fromhex(case["CT"] + case["Tag"])
        if "FAIL" in case:
            failing += 1
            with pytest.raises(IntegrityError):
                cipher.open(sealed, aad)
        else:
            plaintext = bytes.fromhex(case["PT"])
            assert cipher.open(sealed, aad) == plaintext
            assert cipher.seal(nonce, plaintext, aad) == sealed
    assert len(NIST) > 300
    assert 50 < failing < len(NIST) - 50


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_round_trip(plaintext: bytes, aad: bytes) -> None:
    """What was sealed opens in its context; the overhead is 28 bytes."""
    cipher = FieldCipher(b"k" * 32)
    sealed = cipher.seal(b"n" * 12, plaintext, aad)
    assert cipher.open(sealed, aad) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD


def test_every_bit_counts() -> None:
    """A flip anywhere, nonce and tag included, is seen."""
    cipher = FieldCipher(b"k" * 32)
    sealed = cipher.seal(b"n" * 12, b"plaintext", b"aad")
    for bit in range(len(sealed) * 8):
        bad = bytearray(sealed)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            cipher.open(bytes(bad), b"aad")


def test_every_truncation_is_seen() -> None:
    """Cut at any length, from either end, or longer: refused."""
    cipher = FieldCipher(b"k" * 32)
    sealed = cipher.seal(b"n" * 12, b"plaintext", b"aad")
    for size in range(len(sealed)):
        with pytest.raises(IntegrityError):
            cipher.open(sealed[:size], b"aad")
        with pytest.raises(IntegrityError):
            cipher.open(sealed[size + 1 :], b"aad")
    with pytest.raises(IntegrityError):
        cipher.open(sealed + b"\0", b"aad")


@pytest.mark.parametrize("aad", [b"", b"aa", b"aad\0", b"Aad"])
def test_another_context(aad: bytes) -> None:
    """The right bytes in the wrong place do not open."""
    cipher = FieldCipher(b"k" * 32)
    with pytest.raises(IntegrityError):
        cipher.open(cipher.seal(b"n" * 12, b"plaintext", b"aad"), aad)


def test_another_key() -> None:
    """Only the key that sealed opens."""
    with pytest.raises(IntegrityError):
        FieldCipher(b"j" * 32).open(FieldCipher(b"k" * 32).seal(b"n" * 12, b"", b""), b"")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_key_sizes(size: int) -> None:
    """Only 256-bit keys."""
    with pytest.raises(InvalidInput):
        FieldCipher(bytes(size))


@pytest.mark.parametrize("size", [0, 8, 11, 13, 16])
def test_nonce_sizes(size: int) -> None:
    """Only 96-bit nonces."""
    with pytest.raises(InvalidInput):
        FieldCipher(bytes(32)).seal(bytes(size), b"", b"")
