"""AES key wrap: NIST SP 800-38F's vectors for 256-bit keys under 256-bit keys, and every flip."""

from pathlib import Path

import cryptography_vectors
import pytest

from privet.crypto.keywrap import unwrap_key, wrap_key
from privet.errors import IntegrityError
from tests.unit.crypto.rsp import parse_pairs

NIST = Path(cryptography_vectors.__file__).parent / "keywrap" / "kwtestvectors"


@pytest.mark.parametrize("name", ["KW_AD_256.txt", "KW_AE_256.txt"])
def test_nist(name: str) -> None:
    """Both directions; those marked FAIL do not unwrap."""
    cases = [c for c in parse_pairs(NIST / name, start="COUNT") if c["PLAINTEXT LENGTH"] == "256"]
    assert len(cases) == 100
    failed = 0
    for case in cases:
        wrapping, wrapped = bytes.fromhex(case["K"]), bytes.fromhex(case["C"])
        if "FAIL" in case:
            failed += 1
            with pytest.raises(IntegrityError):
                unwrap_key(wrapping, wrapped)
        else:
            assert unwrap_key(wrapping, wrapped) == bytes.fromhex(case["P"])
            assert wrap_key(wrapping, bytes.fromhex(case["P"])) == wrapped
    assert (failed > 0) == (name == "KW_AD_256.txt")


def test_every_bit_counts() -> None:
    """A flip anywhere, or another wrapping key, does not unwrap."""
    wrapped = wrap_key(b"w" * 32, b"k" * 32)
    for bit in range(320):
        bad = bytearray(wrapped)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            unwrap_key(b"w" * 32, bytes(bad))
    with pytest.raises(IntegrityError):
        unwrap_key(b"v" * 32, wrapped)
