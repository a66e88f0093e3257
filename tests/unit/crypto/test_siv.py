"""AES-SIV: RFC 5297 by OpenSSL's vectors, and refusals. Wycheproof's stand in test_wycheproof."""

from pathlib import Path

import cryptography_vectors
import pytest

from privet.crypto.siv import Siv
from privet.errors import IntegrityError, InvalidInput
from tests.unit.crypto.rsp import parse_pairs

OPENSSL = parse_pairs(
    Path(cryptography_vectors.__file__).parent / "ciphers" / "AES" / "SIV" / "openssl.txt", start="COUNT"
)


def test_openssl_vectors() -> None:
    """All with 512-bit keys seal and open, with one context and with several."""
    ours = [case for case in OPENSSL if len(case["Key"]) == 128]
    assert ours
    for case in ours:
        context = [bytes.fromhex(case[name]) for name in ("AAD", "AAD2", "AAD3") if name in case]
        plaintext, sealed = bytes.fromhex(case["Plaintext"]), bytes.fromhex(case["Tag"] + case["Ciphertext"])
        assert Siv(bytes.fromhex(case["Key"])).seal(plaintext, context) == sealed
        assert Siv(bytes.fromhex(case["Key"])).open(sealed, context) == plaintext


def test_contexts_are_apart() -> None:
    """Contexts are a list: joined, reordered, dropped or added ones do not open."""
    siv = Siv(bytes(64))
    sealed = siv.seal(b"id", [b"a", b"b"])
    for context in ([b"ab"], [b"b", b"a"], [b"a"], [b"a", b"b", b""], []):
        with pytest.raises(IntegrityError):
            siv.open(sealed, context)


@pytest.mark.parametrize("size", [0, 1, 16])
def test_too_short(size: int) -> None:
    """A tag alone holds no id."""
    with pytest.raises(IntegrityError):
        Siv(bytes(64)).open(bytes(size), [])


def test_what_is_refused() -> None:
    """Smaller keys, and nothing to seal."""
    for size in (0, 32, 48, 65):
        with pytest.raises(InvalidInput):
            Siv(bytes(size))
    with pytest.raises(InvalidInput):
        Siv(bytes(64)).seal(b"", [])
