"""The outbox chain: what an entry's hash is made of. What is refused by it: tests/unit/store/test_sequencer.py."""

from hashlib import sha256

import pytest

from privet.audit.chain import chain_hash, chain_start
from privet.errors import InvalidInput


def test_the_hash_is_that_of_the_format() -> None:
    """Length-prefixed: bytes cannot move between leaf and sealed part."""
    want = sha256(
        b"privet/chain/v1" + bytes(32) + (7).to_bytes(8, "big") + (2).to_bytes(4, "big") + b"abc"
    ).digest()
    assert chain_hash(bytes(32), 7, b"ab", b"c") == want != chain_hash(bytes(32), 7, b"a", b"bc")


def test_each_stream_starts_with_a_hash_of_its_own() -> None:
    """SHA-256("privet/stream/v1" ‖ stream): entries of one stream follow on no other."""
    stream = b"stream-16-bytes."
    assert chain_start(stream) == sha256(b"privet/stream/v1" + stream).digest()


def test_a_stream_id_has_16_bytes() -> None:
    """Another length is InvalidInput."""
    with pytest.raises(InvalidInput):
        chain_start(b"short")
