"""Proof files: written as tlog-proof says, verified offline, refused when anything is off."""

import base64
import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.merkle import ListReader, leaf_hash
from privet.audit.proof import LogProof, make_proof, parse_proof, verify_proof, write_proof
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import KEY, ORIGIN, make_log, sign

LOG = make_log(21, (21,))
READER = ListReader([leaf_hash(entry.leaf) for entry in LOG.entries])
PROOF = make_proof(5, LOG.checkpoints[0], READER)
FILE = write_proof(PROOF)


def test_the_text_is_that_of_the_specification() -> None:
    """Header, extra, index, hashes, a blank line, the checkpoint verbatim (cases of transparency-dev/formats)."""
    first, second = sha256(b"hash1").digest(), sha256(b"hash2").digest()
    one, two = base64.b64encode(first).decode(), base64.b64encode(second).decode()
    cases = [
        (LogProof(index=5, hashes=(first, second), checkpoint=b"c\n"), f"index 5\n{one}\n{two}\n\nc\n"),
        (LogProof(index=10, hashes=(first,), checkpoint=b"c\n", extra=b"extra information"),
         f"extra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n{one}\n\nc\n"),
        (LogProof(index=0, hashes=(), checkpoint=b"c\n"), "index 0\n\nc\n"),
    ]  # fmt: skip
    for proof, want in cases:
        assert write_proof(proof).decode() == "c2sp.org/tlog-proof@v1\n" + want


def test_every_entry_s_proof_verifies_offline() -> None:
    """From the file, the leaf and the public key alone; another entry's leaf does not."""
    for pos, entry in enumerate(LOG.entries):
        data = write_proof(make_proof(pos, LOG.checkpoints[0], READER, extra=b""))
        assert verify_proof(data, entry.leaf, KEY).size == 21
        with pytest.raises(IntegrityError, match="another root"):
            verify_proof(data, LOG.entries[pos - 1].leaf, KEY)


def test_round_trip() -> None:
    """What is written parses to the same parts, with and without extra data."""
    assert parse_proof(FILE) == PROOF
    extra = make_proof(20, LOG.checkpoints[0], READER, extra=b"\x00\xff")
    assert parse_proof(write_proof(extra)) == extra
    verify_proof(extra, LOG.entries[20].leaf, KEY, origin=ORIGIN)


def test_a_proof_of_one_entry_has_no_hashes() -> None:
    """The log of one entry proves it by its checkpoint alone."""
    log = make_log(1, (1,))
    data = write_proof(make_proof(0, log.checkpoints[0], ListReader([leaf_hash(log.entries[0].leaf)])))
    verify_proof(data, log.entries[0].leaf, KEY)


def test_no_proof_beyond_the_checkpoint() -> None:
    """An entry that the checkpoint does not cover has no proof under it."""
    with pytest.raises(InvalidInput):
        make_proof(21, LOG.checkpoints[0], READER)


@given(st.integers(0, len(FILE) * 8 - 1))
def test_any_single_bit_spoils_a_proof(bit: int) -> None:
    """Flip one bit anywhere in the file: refused."""
    spoiled = bytearray(FILE)
    spoiled[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        verify_proof(bytes(spoiled), LOG.entries[5].leaf, KEY)


@given(st.integers(0, len(FILE) - 1))
def test_any_truncation_spoils_a_proof(size: int) -> None:
    """Cut anywhere: refused."""
    with pytest.raises(IntegrityError):
        verify_proof(FILE[:size], LOG.entries[5].leaf, KEY)


def test_another_key_s_checkpoint_is_refused() -> None:
    """A sound tree under a checkpoint of another log's origin proves nothing here."""
    other = sign(21, LOG.head.root or b"", "other")
    with pytest.raises(IntegrityError):
        verify_proof(make_proof(5, other, READER), LOG.entries[5].leaf, KEY)


HEAD = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "head",
    [
        b"wrong-header\nindex 0\n", HEAD + b"extra !!notbase64!!\nindex 0\n", HEAD + b"extra AAB=\nindex 0\n", HEAD,
        HEAD + b"index notanumber\n", HEAD + b"index -5\n", HEAD + b"index 05\n", HEAD + b"index 0 \n",
        HEAD + b"extra AAAA\n",
        HEAD + b"index 0\n!!notbase64!!\n", HEAD + b"index 0\n" + base64.b64encode(bytes(64)) + b"\n",
        HEAD + b"index 0\r\n",
        HEAD + b"index 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64, HEAD + b"index 0\n" + b"a" * 65_536 + b"\n",
        HEAD + b"index 0\nextra AAAA\n", HEAD + "index ٠\n".encode(), b"\xff\n",
        HEAD + b"index 0\n" + b"A" * 2_000_000,
    ],
)  # fmt: skip
def test_malformed_proofs(head: bytes) -> None:
    """Wrong header, order, base64, hash length,
    number or size: refused (and the cases of transparency-dev/formats)."""
    with pytest.raises(IntegrityError):
        parse_proof(head + b"\n" + LOG.checkpoints[0])


@given(
    st.binary(max_size=100)
    | st.text(max_size=60).map(lambda t: HEAD + t.encode("utf-8", "replace") + b"\n\n" + LOG.checkpoints[0])
)
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    """Hostile files raise IntegrityError and nothing else; what parses is what it is written as."""
    with contextlib.suppress(IntegrityError):
        assert write_proof(parse_proof(data)) == data
