"""What of an outbox is taken into the log: dense, in order, nothing altered or moved; and all that stands before."""

from typing import Any

import pytest

from privet.audit.chain import chain_hash, chain_start
from privet.store.sequencer import Waiting, take_prefix

STREAM, OTHER = b"stream-16-bytes.", b"another-16-bytes"


def rows(count: int, stream: bytes = STREAM) -> list[Waiting]:
    """A stream as a worker writes it."""
    last, made = chain_start(stream), []
    for seq in range(count):
        leaf, sealed = b"leaf %d" % seq, b"sealed %d" % seq
        last = chain_hash(last, seq, leaf, sealed)
        made.append(Waiting(stream, seq, bytes(16), leaf, sealed, None, None, last))
    return made


def test_a_sound_stream_is_taken_whole_or_in_parts() -> None:
    """From its start, or from any entry on by the hash before it; of nothing nothing."""
    stream = rows(5)
    assert take_prefix(0, chain_start(STREAM), stream) == (stream, stream[-1].chain, False)
    assert take_prefix(2, stream[1].chain, stream[2:]) == (stream[2:], stream[-1].chain, False)
    assert take_prefix(5, stream[-1].chain, []) == ([], stream[-1].chain, False)


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_a_gap_is_waited_for(gone: int) -> None:
    """What is missing may be on its way: what stands before it is taken, what follows is not, and nobody is blamed."""
    stream = rows(5)
    last = stream[gone - 1].chain if gone else chain_start(STREAM)
    found = take_prefix(0, chain_start(STREAM), [*stream[:gone], *stream[gone + 1 :]])
    assert found == (stream[:gone], last, False)


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": b"leaf 2x"},
        {"sealed": b""},
        {"leaf": b"leaf 3", "sealed": b"sealed 3"},
        {"chain": bytes(32)},
        {"leaf": b"leaf 2s", "sealed": b"ealed 2"},
    ],
    ids=["leaf", "sealed part", "another entry", "hash", "bytes moved"],
)
def test_what_was_altered_is_broken(change: dict[str, Any]) -> None:
    """And all before it is taken."""
    stream = rows(5)
    stream[2] = stream[2]._replace(**change)
    assert take_prefix(0, chain_start(STREAM), stream) == (stream[:2], stream[1].chain, True)


def test_entries_of_another_stream_are_broken() -> None:
    """From the first on, and in the middle: their hashes lead elsewhere."""
    ours, theirs = rows(4), rows(4, OTHER)
    assert take_prefix(0, chain_start(STREAM), theirs) == ([], chain_start(STREAM), True)
    mixed = [*ours[:2], *theirs[2:]]
    assert take_prefix(0, chain_start(STREAM), mixed) == (ours[:2], ours[1].chain, True)
