"""The keypack's bytes: who has keys, and her wrapped keys of one epoch.

Header (48 bytes): magic 16 ‖ version u8 ‖ vault 16 ‖ epoch u32 ‖ count u64 ‖ zeros 3. Then `count` records of 101
bytes, subject 16 ‖ keys 85 (envelope), ascending by subject. Then HMAC-SHA-256 over header and subjects by a vault key:
nobody drops or adds a person. Keys are bound to subject, vault and epoch by their own wrapping; a forgotten
person's are zeros. Refuses another vault's keypack, a newer version, truncation, bytes behind the end, wrong order.
"""

import hmac
import os
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from privet.crypto.envelope import BLOB_SIZE, keys_epoch
from privet.crypto.framing import join
from privet.crypto.keyring import Keyring
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError, Unavailable
from privet.store.custody.durable import disk
from privet.store.faults import explain

MAGIC: Final = b"privet/keypack\0\0"
VERSION: Final = 1
RECORD_SIZE: Final = 16 + BLOB_SIZE
MAC_SIZE: Final = 32
FORGOTTEN: Final = bytes(BLOB_SIZE)

_HEADER: Final = struct.Struct(">16sB16sIQ3x")
HEADER_SIZE: Final = _HEADER.size
_CHUNK: Final = 4096


class PackHead(NamedTuple):
    epoch: int
    people: int


def encode_head(vault: VaultId, epoch: int, count: int) -> bytes:
    return _HEADER.pack(MAGIC, VERSION, vault, epoch, count)


def new_mac(keyring: Keyring, vault: VaultId) -> "hmac.HMAC":
    return hmac.new(keyring.expand_root(join(b"keypack", vault)), digestmod=sha256)


def parse_head(data: bytes, size: int, vault: VaultId) -> PackHead:
    """The header of a file of `size` bytes. Raises IntegrityError, or Unavailable for a newer version."""
    if len(data) < HEADER_SIZE:
        raise _damaged("it was cut short")
    magic, version, owner, epoch, count = _HEADER.unpack_from(data)
    if magic != MAGIC or data[HEADER_SIZE - 3 : HEADER_SIZE] != bytes(3):
        raise _damaged("it is not a keypack")
    if version > VERSION:
        raise Unavailable("the keypack was made by a newer version of Privet: upgrade to use it")
    if version != VERSION or owner != vault:
        raise IntegrityError("the keypack is of another vault")
    wanted = HEADER_SIZE + count * RECORD_SIZE + MAC_SIZE
    if size != wanted:
        raise _damaged("it was cut short" if size < wanted else "there are bytes behind its end")
    return PackHead(epoch, count)


def read_pack(
    path: Path, keyring: Keyring, vault: VaultId
) -> "tuple[PackHead, Iterator[tuple[SubjectId, bytes]]]":
    """Head, and (subject, keys or FORGOTTEN) of each record. The iterator raises IntegrityError at what is wrong,
    at the latest at its end: use nothing of it before. FileNotFoundError when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error) from None
    try:
        with disk():
            start = os.pread(fd, HEADER_SIZE, 0)
            head = parse_head(start, os.fstat(fd).st_size, vault)
    except BaseException:
        os.close(fd)
        raise
    return head, _records(fd, start, head, new_mac(keyring, vault))


def find_record(fd: int, subject: SubjectId, count: int) -> int | None:
    """Offset of the subject's record, by binary search."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        at = HEADER_SIZE + middle * RECORD_SIZE
        found = os.pread(fd, 16, at)
        if found == subject:
            return at
        if found < subject:
            low = middle + 1
        else:
            high = middle
    return None


def _records(fd: int, start: bytes, head: PackHead, mac: "hmac.HMAC") -> Iterator[tuple[SubjectId, bytes]]:
    try:
        mac.update(start)
        last = b""
        with os.fdopen(fd, "rb") as file:
            file.seek(HEADER_SIZE)
            left = head.people
            while left:
                with disk():
                    data = file.read(min(left, _CHUNK) * RECORD_SIZE)
                if not data or len(data) % RECORD_SIZE:
                    raise _damaged("it was cut short")
                left -= len(data) // RECORD_SIZE
                for at in range(0, len(data), RECORD_SIZE):
                    subject = data[at : at + 16]
                    keys = data[at + 16 : at + RECORD_SIZE]
                    if subject <= last:
                        raise _damaged("its records are out of order")
                    if keys != FORGOTTEN and keys_epoch(keys) != head.epoch:
                        raise _damaged("a record is of another epoch")
                    last = subject
                    mac.update(subject)
                    yield SubjectId(subject), keys
            if not hmac.compare_digest(file.read(), mac.digest()):
                raise _damaged("people were added to it or dropped from it, or it is of another keyring")
    except OSError:
        raise Unavailable("the keypack cannot be read: look at the machine's log") from None


def _damaged(why: str) -> IntegrityError:
    return IntegrityError(f"the keypack is damaged ({why}): put its replica back")
