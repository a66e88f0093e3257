"""The outbox chain: dense, in order, and nothing altered or moved."""

from hashlib import sha256

import pytest

from privet.audit.chain import chain_hash, chain_start, verify_chain
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import make_entry

STREAM = b"stream-16-bytes."
Row = tuple[int, bytes, bytes, bytes]


def rows(count: int, stream: bytes = STREAM) -> list[Row]:
    last, made = chain_start(stream), []
    for seq in range(count):
        entry = make_entry(seq)
        last = chain_hash(last, seq, entry.leaf, entry.sealed)
        made.append((seq, entry.leaf, entry.sealed, last))
    return made


def test_a_sound_stream_verifies_whole_or_in_parts() -> None:
    """The whole stream, and any suffix from the hash before it, gives the last hash and the next number."""
    chain = rows(5)
    assert verify_chain(chain_start(STREAM), 0, chain) == (5, chain[-1][3])
    assert verify_chain(chain[1][3], 2, chain[2:]) == (5, chain[-1][3])
    assert verify_chain(chain[-1][3], 5, []) == (5, chain[-1][3])


def test_the_hash_is_that_of_the_format() -> None:
    """Length-prefixed: bytes cannot move between leaf and sealed part."""
    want = sha256(
        b"privet/chain/v1" + bytes(32) + (7).to_bytes(8, "big") + (2).to_bytes(4, "big") + b"abc"
    ).digest()
    assert chain_hash(bytes(32), 7, b"ab", b"c") == want != chain_hash(bytes(32), 7, b"a", b"bc")


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_a_gap_is_named(gone: int) -> None:
    """A missing entry is named by its number."""
    chain = rows(5)
    del chain[gone]
    with pytest.raises(IntegrityError, match=f"entry {gone} is missing"):
        verify_chain(chain_start(STREAM), 0, chain)


def test_altered_swapped_and_foreign_entries_are_named() -> None:
    """An altered leaf or sealed part, two entries swapped, or another stream's entries: refused at the first."""
    chain = rows(5)
    seq, leaf, sealed, link = chain[2]
    swapped = [(i, chain[j][1], chain[j][2], chain[i][3]) for i, j in enumerate((0, 1, 3, 2, 4))]
    for bad in (
        [*chain[:2], (seq, leaf + b"x", sealed, link), *chain[3:]],
        [*chain[:2], (seq, leaf, b"", link)],
        swapped,
    ):
        with pytest.raises(IntegrityError, match="entry 2 is not"):
            verify_chain(chain_start(STREAM), 0, bad)
    with pytest.raises(IntegrityError, match="entry 0 is not"):
        verify_chain(chain_start(STREAM), 0, rows(2, b"another-16-bytes"))


def test_a_stream_id_has_16_bytes() -> None:
    """Another length is InvalidInput."""
    with pytest.raises(InvalidInput):
        chain_start(b"short")
