"""C2SP tlog-proof@v1: a file that proves offline that one entry is in the log.

Pure: needs the proof, the leaf and the log's verifier key, nothing else. Refuses every spelling but the
one the specification gives, and never trusts `extra`, which nothing authenticates.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from privet.audit.checkpoint import Checkpoint, parse_checkpoint, parse_decimal, parse_hash, verify_checkpoint
from privet.audit.merkle import HashReader, inclusion_proof, leaf_hash, verify_inclusion
from privet.audit.note import NoteKey
from privet.errors import IntegrityError

MEDIA_SUFFIX: Final = ".tlog-proof"

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_MAX_BYTES: Final = 2_000_000
_MAX_HASHES: Final = 63


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProof:
    """The parts of a proof. `checkpoint` is the signed note verbatim; `hashes` run from leaf to root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def make_proof(index: int, checkpoint: bytes, reader: HashReader, extra: bytes | None = None) -> LogProof:
    """The proof for entry `index` in the tree of a signed checkpoint."""
    size = parse_checkpoint(checkpoint).size
    hashes = inclusion_proof(size, index, reader)
    return LogProof(index=index, hashes=tuple(hashes), checkpoint=checkpoint, extra=extra)


def write_proof(proof: LogProof) -> bytes:
    """The text of a proof, as a `.tlog-proof` file holds it."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines.extend(base64.b64encode(node).decode() for node in proof.hashes)
    return "\n".join((*lines, "", "")).encode() + proof.checkpoint


def parse_proof(data: bytes) -> LogProof:
    """The parts, with nothing verified. Raises IntegrityError for what the specification does not allow."""
    if len(data) > _MAX_BYTES:
        raise IntegrityError("proof: too long")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise IntegrityError("proof: not text") from None
    if not blank or lines.pop(0) != _HEADER:
        raise IntegrityError("proof: not a tlog-proof")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _parse_extra(lines.pop(0)[6:])
    index = parse_decimal(lines[0][6:]) if lines and lines[0].startswith("index ") else None
    hashes = [parse_hash(line) for line in lines[1:]]
    if index is None or None in hashes or len(hashes) > _MAX_HASHES:
        raise IntegrityError("proof: malformed index or hash")
    parse_checkpoint(checkpoint)
    return LogProof(
        index=index, hashes=tuple(node for node in hashes if node), checkpoint=checkpoint, extra=extra
    )


def verify_proof(
    proof: LogProof | bytes, leaf: bytes, keys: Sequence[NoteKey] | NoteKey, *, origin: str | None = None
) -> Checkpoint:
    """Raises IntegrityError unless a known key's checkpoint covers `leaf` (its bytes). Gives that checkpoint."""
    if isinstance(proof, bytes):
        proof = parse_proof(proof)
    checkpoint = verify_checkpoint(proof.checkpoint, keys, origin=origin)
    verify_inclusion(
        size=checkpoint.size,
        index=proof.index,
        leaf=leaf_hash(leaf),
        proof=proof.hashes,
        root=checkpoint.root,
    )
    return checkpoint


def _parse_extra(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise IntegrityError("proof: extra data is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise IntegrityError("proof: extra data is not base64")
    return data
