"""Checkpoints: those of the real Go checksum database verify; ours are strict."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verify_checkpoint
from privet.audit.merkle import MAX_SIZE
from privet.audit.note import parse_vkey, sign_note
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import KEY, ORIGIN, SIGNER, public_vectors

SUMDB = public_vectors()["checkpoints"]
ROOT = bytes(range(32))
ROOT64 = base64.b64encode(ROOT).decode()
SIGNED = sign_checkpoint(Checkpoint(origin=ORIGIN, size=7, root=ROOT), SIGNER)


@pytest.mark.parametrize("note", SUMDB["notes"])
def test_real_checkpoints_of_the_go_checksum_database(note: str) -> None:
    """Four years of sum.golang.org's checkpoints verify under its key, and say what they say."""
    key = parse_vkey(SUMDB["vkey"])
    checkpoint = verify_checkpoint(note.encode(), key, origin=SUMDB["origin"])
    lines = note.split("\n")
    assert (checkpoint.origin, str(checkpoint.size)) == (lines[0], lines[1])
    assert note.startswith(checkpoint.text())
    with pytest.raises(IntegrityError, match="another log"):
        verify_checkpoint(note.encode(), key)


def test_round_trip_with_extensions() -> None:
    """Origin, size, root and extension lines come back; the key's name stands for the origin."""
    checkpoint = Checkpoint(origin=ORIGIN, size=MAX_SIZE, root=ROOT, extensions=("a", "b c"))
    data = sign_checkpoint(checkpoint, SIGNER)
    assert parse_checkpoint(data) == checkpoint == verify_checkpoint(data, KEY)
    assert parse_checkpoint(SIGNED).extensions == ()


def test_another_log_s_checkpoint_is_refused() -> None:
    """A checkpoint of another origin, though signed by a known key, is not this log's."""
    data = sign_checkpoint(Checkpoint(origin="other", size=1, root=ROOT), SIGNER, ORIGIN)
    with pytest.raises(IntegrityError, match="another log"):
        verify_checkpoint(data, KEY)
    with pytest.raises(IntegrityError, match="another log"):
        verify_checkpoint(SIGNED, KEY, origin="other")


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n", f"{ORIGIN}\n07\n{ROOT64}\n", f"{ORIGIN}\n-1\n{ROOT64}\n", f"{ORIGIN}\n+7\n{ROOT64}\n",
        f"{ORIGIN}\n7 \n{ROOT64}\n", f"{ORIGIN}\n٧\n{ROOT64}\n", f"{ORIGIN}\n{2**53}\n{ROOT64}\n",
        f"{ORIGIN}\n{'9' * 40}\n{ROOT64}\n",
        f"{ORIGIN}\n7\n{ROOT64[:-1]}\n", f"{ORIGIN}\n7\n{ROOT64[:-2]}9=\n", f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\né\n",
        f"\n7\n{ROOT64}\n", f"{ORIGIN}\n7\n{ROOT64}\n\n", f"{ORIGIN}\n7\n{ROOT64}\n\nx\n", f"{ORIGIN}\n7\n\n",
    ],
)  # fmt: skip
def test_malformed_checkpoints(text: str) -> None:
    """Signed or not: leading zeros, signs, foreign digits, absurd sizes, cut roots and blank lines are refused."""
    with pytest.raises(IntegrityError):
        verify_checkpoint(sign_note(text, ORIGIN, SIGNER), KEY)


@pytest.mark.parametrize(
    "bad",
    [{"origin": ""}, {"origin": "a\nb"}, {"size": -1}, {"size": MAX_SIZE + 1}, {"root": b"x"}, {"extensions": ("",)},
    {"extensions": ("a\n",)}],
)  # fmt: skip
def test_checkpoints_that_cannot_be(bad: dict[str, object]) -> None:
    """Nothing can be signed that would not parse."""
    parts: dict[str, object] = {"origin": ORIGIN, "size": 1, "root": ROOT} | bad
    with pytest.raises(InvalidInput):
        Checkpoint(**parts)  # type: ignore[arg-type]


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_any_single_bit_spoils_a_checkpoint(bit: int) -> None:
    """Flip one bit anywhere: refused."""
    spoiled = bytearray(SIGNED)
    spoiled[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        verify_checkpoint(bytes(spoiled), KEY)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60), st.text(max_size=10))
def test_any_text_is_a_checkpoint_or_refused(first: str, second: str) -> None:
    """Hostile text, well signed, raises IntegrityError and nothing else."""
    text = f"{first}\n{second}\n{ROOT64}\n"
    with contextlib.suppress(IntegrityError, InvalidInput):
        note = sign_note(text, ORIGIN, SIGNER)
        assert parse_checkpoint(note).text() == text
