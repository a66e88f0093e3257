"""The outbox of a worker: entries in a stream, each chained to the last, before the sequencer takes them.

So that the sequencer (privet.store.sequencer) can refuse an entry altered, moved or taken from another stream.
"""

import struct
from hashlib import sha256
from typing import Final

from privet.errors import InvalidInput

_START: Final = b"privet/stream/v1"
_LINK: Final = b"privet/chain/v1"
_HEAD: Final = struct.Struct(">32sQI")


def chain_start(stream: bytes) -> bytes:
    """The hash that the first entry (seq 0) of a stream (a 16-byte worker id) is chained to."""
    if len(stream) != 16:
        raise InvalidInput("chain: a stream id has 16 bytes")
    return sha256(_START + stream).digest()


def chain_hash(previous: bytes, seq: int, leaf: bytes, sealed: bytes) -> bytes:
    """SHA-256("privet/chain/v1" ‖ previous(32) ‖ u64 seq ‖ u32 length of leaf ‖ leaf ‖ sealed)."""
    return sha256(_LINK + _HEAD.pack(previous, seq, len(leaf)) + leaf + sealed).digest()
