"""C2SP tlog-checkpoint: a signed note that says how large the log is and what its root is.

Refuses sizes with leading zeros or beyond 2**53 - 1, roots that are not the one base64 spelling of
32 bytes, empty lines, and (when verifying) another origin than the one expected.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from privet.audit.merkle import HASH_BYTES, MAX_SIZE
from privet.audit.note import NoteKey, NoteSigner, parse_note, sign_note, verify_note
from privet.errors import IntegrityError, InvalidInput

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A tree head: `origin` names the log, `root` is 32 bytes, `extensions` are opaque lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or "\n" in line for line in lines):
            raise InvalidInput("checkpoint: origin and extension lines are single and not empty")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise InvalidInput("checkpoint: impossible size or root")

    def text(self) -> str:
        """The note text, ending in a newline."""
        root = base64.b64encode(self.root).decode()
        return "\n".join((self.origin, str(self.size), root, *self.extensions, ""))


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner, name: str | None = None) -> bytes:
    """The signed note. The key's name is the origin unless another is given."""
    return sign_note(checkpoint.text(), name or checkpoint.origin, signer)


def parse_checkpoint(data: bytes) -> Checkpoint:
    """What a signed checkpoint says, with no signature verified. Raises IntegrityError."""
    return _parse_text(parse_note(data).text)


def verify_checkpoint(
    data: bytes, keys: Sequence[NoteKey] | NoteKey, *, origin: str | None = None
) -> Checkpoint:
    """The checkpoint, once a known key's signature holds and the origin is the one expected.

    Without `origin`, the origin must be the name of one of the keys that signed.
    """
    note = verify_note(data, keys)
    checkpoint = _parse_text(note.text)
    names = {signature.name for signature in note.signatures} if origin is None else {origin}
    if checkpoint.origin not in names:
        raise IntegrityError("checkpoint: of another log")
    return checkpoint


def parse_decimal(text: str) -> int | None:
    """A size or index as C2SP writes it: ASCII digits, no leading zero, at most 2**53 - 1."""
    value = int(text) if _DECIMAL.fullmatch(text) else MAX_SIZE + 1
    return value if value <= MAX_SIZE else None


def parse_hash(text: str) -> bytes | None:
    """32 bytes from their only base64 spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == HASH_BYTES and base64.b64encode(data).decode() == text else None


def _parse_text(text: str) -> Checkpoint:
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise IntegrityError("checkpoint: not origin, size and root")
    size, root = parse_decimal(lines[1]), parse_hash(lines[2])
    if size is None or root is None:
        raise IntegrityError("checkpoint: malformed size or root")
    return Checkpoint(origin=lines[0], size=size, root=root, extensions=tuple(lines[3:]))
