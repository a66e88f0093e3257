"""HKDF-Expand against the RFC, NIST's HMAC vectors and OpenSSL."""

import hmac
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.kdf import PreparedKey, expand, mac
from privet.errors import InvalidInput
from tests.unit.crypto.rsp import parse_pairs

VECTORS = Path(cryptography_vectors.__file__).parent
RFC5869 = parse_pairs(VECTORS / "KDF" / "rfc-5869-HKDF-SHA256.txt", start="COUNT")
RFC4231 = parse_pairs(VECTORS / "HMAC" / "rfc-4231-sha256.txt", start="Len")


@pytest.mark.parametrize("case", RFC5869, ids=lambda case: case["COUNT"])
def test_rfc_5869(case: dict[str, str]) -> None:
    """The RFC's cases, from their PRK on."""
    prk = bytes.fromhex(case["PRK"])
    assert expand(prk, bytes.fromhex(case["info"]), int(case["L"])) == bytes.fromhex(case["OKM"])


def test_rfc_5869_is_all_there() -> None:
    """An empty file of vectors would prove nothing."""
    assert len(RFC5869) == 3
    assert len(RFC4231) >= 5


@pytest.mark.parametrize("case", RFC4231, ids=lambda case: case["Len"])
def test_rfc_4231(case: dict[str, str]) -> None:
    """HMAC-SHA-256 as in the RFC."""
    assert mac(bytes.fromhex(case["Key"]), bytes.fromhex(case["Msg"])) == bytes.fromhex(case["MD"])


@given(st.binary(min_size=32, max_size=80), st.binary(max_size=200), st.integers(1, 300))
def test_agrees_with_openssl(key: bytes, info: bytes, length: int) -> None:
    """Any key, info and length give what OpenSSL's HKDF-Expand gives."""
    assert expand(key, info, length) == HKDFExpand(hashes.SHA256(), length, info).derive(key)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_prepared_key_agrees(key: bytes, info: bytes) -> None:
    """The prepared key gives what the plain function gives, again and again."""
    prepared = PreparedKey(key)
    assert prepared.expand(info) == prepared.expand(info) == expand(key, info)


def test_longest_output() -> None:
    """255 blocks are given, one byte more is refused."""
    assert expand(bytes(32), b"", 8160) == HKDFExpand(hashes.SHA256(), 8160, b"").derive(bytes(32))
    with pytest.raises(InvalidInput):
        expand(bytes(32), b"", 8161)


@pytest.mark.parametrize("length", [0, -1])
def test_no_output_is_refused(length: int) -> None:
    """Nothing is no key."""
    with pytest.raises(InvalidInput):
        expand(bytes(32), b"", length)


def test_short_keys_are_refused() -> None:
    """A key under 32 bytes does not derive."""
    with pytest.raises(InvalidInput):
        expand(bytes(31), b"info")
    with pytest.raises(InvalidInput):
        PreparedKey(bytes(31))


def test_first_block_is_an_hmac() -> None:
    """T(1) = HMAC(key, info || 0x01), RFC 5869 section 2.3."""
    assert expand(b"k" * 32, b"i") == hmac.digest(b"k" * 32, b"i\x01", "sha256")
