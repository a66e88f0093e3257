"""Project Wycheproof through our own wrappers (tests/vectors/wycheproof.json says where from)."""

import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from privet.crypto.aead import FieldCipher
from privet.crypto.kdf import expand, mac
from privet.crypto.keywrap import unwrap_key, wrap_key
from privet.crypto.signing import Verifier
from privet.crypto.siv import Siv
from privet.errors import IntegrityError, InvalidInput

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "wycheproof.json").read_text(encoding="utf-8")
)
COUNTS = {
    "aes_gcm": 66,
    "aes_wrap": 68,
    "aead_aes_siv_cmac": 300,
    "hkdf_sha256": 86,
    "hmac_sha256": 87,
    "ed25519": 151,
}


def cases(name: str) -> list[tuple[str, bool, dict[str, bytes]]]:
    """(what it is, whether it must work, its parts as bytes)."""
    return [
        (
            f"{name} {case['id']} {case['comment']}",
            case["result"] == "valid",
            {part: bytes.fromhex(text) for part, text in case.items() if part not in META},
        )
        for case in VECTORS[name]
        if case["result"] != "acceptable"
    ]


META = {"id", "result", "comment", "size"}


@pytest.mark.parametrize("name, count", COUNTS.items())
def test_nothing_is_missing(name: str, count: int) -> None:
    """The file holds as many cases as were extracted."""
    assert len(VECTORS[name]) == count


def test_aes_gcm() -> None:
    """Valid cases seal and open, the others do not open."""
    for what, valid, case in cases("aes_gcm"):
        cipher = FieldCipher(case["key"])
        sealed = case["iv"] + case["ct"] + case["tag"]
        if valid:
            assert cipher.open(sealed, case["aad"]) == case["msg"], what
            assert cipher.seal(case["iv"], case["msg"], case["aad"]) == sealed, what
        else:
            with pytest.raises(IntegrityError):
                cipher.open(sealed, case["aad"])


def test_aes_siv() -> None:
    """The AEAD form of RFC 5297 section 3: the nonce is the last context."""
    for what, valid, case in cases("aead_aes_siv_cmac"):
        siv, context = Siv(case["key"]), [case["aad"], case["iv"]]
        sealed = case["tag"] + case["ct"]
        if valid and case["msg"]:
            assert siv.open(sealed, context) == case["msg"], what
            assert siv.seal(case["msg"], context) == sealed, what
        else:  # an empty plaintext is refused too: we have no use for one
            with pytest.raises(IntegrityError):
                siv.open(sealed, context)


def test_aes_wrap() -> None:
    """Valid 32-byte keys wrap and unwrap; every other case, of whatever length, is refused."""
    worked = 0
    for what, valid, case in cases("aes_wrap"):
        if valid and len(case["msg"]) == 32:
            worked += 1
            assert wrap_key(case["key"], case["msg"]) == case["ct"], what
            assert unwrap_key(case["key"], case["ct"]) == case["msg"], what
        else:
            with pytest.raises(IntegrityError):
                unwrap_key(case["key"], case["ct"])
    assert worked > 0


def test_hkdf() -> None:
    """Expand of the extracted key gives the output; an output too long is refused."""
    for (what, valid, case), raw in zip(cases("hkdf_sha256"), VECTORS["hkdf_sha256"], strict=True):
        prk = hmac.digest(case["salt"] or bytes(32), case["ikm"], "sha256")
        if valid:
            assert expand(prk, case["info"], raw["size"]) == case["okm"], what
        else:
            with pytest.raises(InvalidInput):
                expand(prk, case["info"], raw["size"])


def test_hmac() -> None:
    """Valid tags are ours, invalid ones are not."""
    for what, valid, case in cases("hmac_sha256"):
        assert (mac(case["key"], case["msg"]) == case["tag"]) == valid, what


def test_ed25519() -> None:
    """Valid signatures verify, the others raise."""
    for _what, valid, case in cases("ed25519"):
        verifier = Verifier(case["pk"])
        if valid:
            verifier.verify(case["msg"], case["sig"])
        else:
            with pytest.raises(IntegrityError):
                verifier.verify(case["msg"], case["sig"])
