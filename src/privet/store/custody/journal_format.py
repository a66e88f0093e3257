"""The control journal's bytes.

Header (81 bytes): magic 20 ‖ version u8 ‖ vault 16 ‖ journal id 16 ‖ sealed nothing 28, bound to what stands before it.
Frame: length u32 ‖ kind u8 ‖ crc32 u32 over (length, kind, position) ‖ sealed. The sealed body is version u8 ‖ act u8
‖ time u64 ‖ subject 16 ‖ purpose, padded to one length, under `journal_cipher`, bound to vault, journal, position, kind
and the digest of all that stands before it: so the last record vouches for the whole file. The checksum serves
crashes, not attackers: a length that checks tells a record cut short from one that was altered.
Refuses: another vault's journal, a newer version, any record that was altered, moved, dropped or put in.
"""

import struct
import zlib
from hashlib import sha256
from typing import Final, NamedTuple

from privet.crypto.aead import OVERHEAD, FieldCipher
from privet.crypto.framing import join
from privet.crypto.padding import LENGTH_SIZE, pad, unpad
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput, Unavailable

MAGIC: Final = b"privet/control-log\0\0"
VERSION: Final = 1
HEADER_SIZE: Final = 20 + 1 + 16 + 16 + OVERHEAD
KIND_ACT: Final = 1
ACTS: Final = ("erase", "withdraw", "restrict", "unrestrict", "object", "unobject", "revoke")
BODY: Final = 250
"""Every record whose purpose has at most 224 bytes is padded to this."""
MAX_SEALED: Final = 4096
FRAME_SIZE: Final = 9 + OVERHEAD + LENGTH_SIZE + BODY
"""Bytes that one act takes in the journal."""

_HEAD: Final = struct.Struct(">IBI")
HEAD_SIZE: Final = _HEAD.size
_CHECKED: Final = struct.Struct(">IBQ")
_BODY: Final = struct.Struct(">BBQ16s")
_POSITION: Final = struct.Struct(">Q")
_CONTEXT: Final = b"privet/control-log/v1"


class ControlRecord(NamedTuple):
    """One act. Positions count from 1."""

    position: int
    act: str
    subject: SubjectId
    """Of "revoke": the first 16 bytes of the API key's digest."""
    purpose: str
    at: Millis


class Mark(NamedTuple):
    """A place between records: how many stand before it, where it lies, and the digest of all before it."""

    position: int
    offset: int
    digest: bytes


def make_header(cipher: FieldCipher, vault: VaultId, journal: bytes, nonce: bytes) -> bytes:
    """The header of a new journal; `journal` is 16 fresh random bytes."""
    head = MAGIC + bytes((VERSION,)) + vault + journal
    return head + cipher.seal(nonce, b"", join(_CONTEXT, head))


def verify_header(cipher: FieldCipher, vault: VaultId, header: bytes) -> Mark:
    """The mark before the first record. Raises IntegrityError, or Unavailable for a newer version."""
    if len(header) != HEADER_SIZE or header[:20] != MAGIC:
        raise IntegrityError("the control journal is not one, or was cut short")
    if header[20] > VERSION:
        raise Unavailable("the control journal was made by a newer version of Privet: upgrade to use it")
    if header[20] != VERSION or header[21:37] != vault:
        raise IntegrityError("the control journal is of another vault")
    try:
        cipher.open(header[53:], join(_CONTEXT, header[:53]))
    except IntegrityError:
        raise IntegrityError("the control journal's header is damaged, or of another keyring") from None
    return Mark(0, HEADER_SIZE, sha256(header).digest())


def seal_record(
    cipher: FieldCipher,
    nonce: bytes,
    vault: VaultId,
    mark: Mark,
    act: str,
    subject: SubjectId,
    purpose: str,
    at: Millis,
) -> bytes:
    """The frame to append at `mark`. Raises InvalidInput for an unknown act or a purpose that is too long."""
    try:
        body = _BODY.pack(VERSION, ACTS.index(act) + 1, at, subject) + purpose.encode()
    except (ValueError, struct.error):
        raise InvalidInput(
            "the control journal knows no such act, or its time or purpose is malformed"
        ) from None
    if len(subject) != 16 or len(body) > MAX_SEALED // 2:
        raise InvalidInput("a subject id has 16 bytes, and a purpose's name at most 2000")
    padded = pad(body, BODY if len(body) <= BODY else None)
    position = mark.position + 1
    sealed = cipher.seal(nonce, padded, _context(vault, position, KIND_ACT, mark.digest))
    return _HEAD.pack(len(sealed), KIND_ACT, _checksum(len(sealed), KIND_ACT, position)) + sealed


def find_length(head: bytes, position: int) -> int | None:
    """How many sealed bytes follow a frame's head (9 bytes), or None when the head is not what was written."""
    length, kind, check = _HEAD.unpack(head)
    if not OVERHEAD <= length <= MAX_SEALED or check != _checksum(length, kind, position):
        return None
    return int(length)


def open_record(cipher: FieldCipher, vault: VaultId, mark: Mark, frame: bytes) -> ControlRecord:
    """What the frame at `mark` says. Raises IntegrityError naming the record."""
    position = mark.position + 1
    try:
        kind = frame[4]
        body = unpad(cipher.open(frame[HEAD_SIZE:], _context(vault, position, kind, mark.digest)))
        version, act, at, subject = _BODY.unpack_from(body)
        purpose = body[_BODY.size :].decode()
    except (IntegrityError, struct.error, UnicodeDecodeError):
        raise damaged(position) from None
    if kind != KIND_ACT or version != VERSION or not 1 <= act <= len(ACTS):
        raise damaged(position)
    return ControlRecord(position, ACTS[act - 1], SubjectId(subject), purpose, Millis(at))


def after(mark: Mark, frame: bytes) -> Mark:
    """The mark behind a frame."""
    return Mark(mark.position + 1, mark.offset + len(frame), sha256(mark.digest + frame).digest())


def damaged(position: int) -> IntegrityError:
    return IntegrityError(
        f"the control journal is damaged at record {position}: put back its replica before anything is restored"
    )


def _context(vault: VaultId, position: int, kind: int, digest: bytes) -> bytes:
    return join(_CONTEXT, vault, _POSITION.pack(position), bytes((kind,)), digest)


def _checksum(length: int, kind: int, position: int) -> int:
    return zlib.crc32(_CHECKED.pack(length, kind, position))
