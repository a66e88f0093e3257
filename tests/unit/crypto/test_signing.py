"""Ed25519: RFC 8032's author's vectors, and refusals."""

from pathlib import Path

import cryptography_vectors
import pytest

from privet.crypto.signing import Signer, Verifier
from privet.errors import IntegrityError, InvalidInput

SIGN_INPUT = Path(cryptography_vectors.__file__).parent / "asymmetric" / "Ed25519" / "sign.input"


def test_sign_input() -> None:
    """Each line of sign.input: seed and public key, public key, message, signature and message."""
    lines = SIGN_INPUT.read_text().splitlines()
    assert len(lines) == 1024
    for line in lines[::8]:
        secret, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        signer = Signer(secret[:32])
        assert signer.public == public
        assert signer.sign(message) == signed[:64]
        signer.verifier().verify(message, signed[:64])


def test_every_bit_counts() -> None:
    """A flip in the signature or the message, or another key, raises."""
    signer = Signer(b"s" * 32)
    signature = signer.sign(b"message")
    for bit in range(512):
        bad = bytearray(signature)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            signer.verifier().verify(b"message", bytes(bad))
    with pytest.raises(IntegrityError):
        signer.verifier().verify(b"Message", signature)
    with pytest.raises(IntegrityError):
        Signer(b"t" * 32).verifier().verify(b"message", signature)


@pytest.mark.parametrize("size", [0, 1, 63, 65])
def test_signatures_of_a_wrong_length(size: int) -> None:
    """64 bytes or nothing."""
    with pytest.raises(IntegrityError):
        Signer(b"s" * 32).verifier().verify(b"", bytes(size))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_keys_of_a_wrong_length(size: int) -> None:
    """Seeds and public keys have 32 bytes."""
    with pytest.raises(InvalidInput):
        Signer(bytes(size))
    with pytest.raises(InvalidInput):
        Verifier(bytes(size))


def test_verify_returns_nothing() -> None:
    """There is no boolean to forget; and the verifier shows its public key."""
    verifier = Signer(b"s" * 32).verifier()
    assert verifier.verify(b"m", Signer(b"s" * 32).sign(b"m")) is None  # type: ignore[func-returns-value]
    assert verifier.public.hex() in repr(verifier)
