"""The private part of an entry: sealed for whom it concerns, committed to in the leaf.

private = JSON, padded; pc = SHA-256("privet/entry/v1" ‖ r ‖ private);
sealed = version(1) ‖ worker(16) ‖ nonce(12) ‖ AES-256-GCM(r ‖ private, associated data = entry id);
ph = SHA-256(sealed).
Refuses to open what was altered, moved to another entry, or says something else than its leaf commits to.
"""

from hashlib import sha256
from typing import Any, Final, TypeAlias

from privet.audit.canonical import parse_canonical, unsafe_canonical
from privet.audit.leaf import Leaf
from privet.crypto.aead import OVERHEAD, FieldCipher
from privet.crypto.padding import LENGTH_SIZE, pad, unpad
from privet.domain.ids import WorkerId
from privet.errors import IntegrityError, InvalidInput

VERSION: Final = b"\x01"
R_BYTES: Final = 32

_COMMIT: Final = b"privet/entry/v1"
_MOST: Final = 8 << 20
"""A read may name 1,000 fields of 200 characters, each of which stands twice in its entry."""
_WORKER_END: Final = 17
_LEAST: Final = _WORKER_END + OVERHEAD + R_BYTES + LENGTH_SIZE

Private: TypeAlias = dict[str, Any]
"""What an entry says in private: JSON of str, int, bool, None, list and dict. Keys that repeat what was asked
(a purpose, a field that nobody knows) may be any text; all others are ASCII.

Keys in use: subject (hex), fields, reasons ({field: code}), input (the decision's canonical input), facts (revision),
peer, service detail, and whatever else an act has to tell. Keys with no meaning to a reader are kept.
"""


def encode_private(private: Private, size: int | None = None) -> bytes:
    """The padded bytes of `private`, as sealed and committed to.

    With `size`, 4 + size bytes whatever it says, so that refusals cannot be told apart by length: compute it
    from the request alone (InvalidInput if the JSON is longer). Without, Padmé with a 32-byte floor.
    """
    return pad(unsafe_canonical(private), size)


def parse_private(private: bytes) -> Private:
    """What padded private bytes say. Raises IntegrityError."""
    value = parse_canonical(unpad(private), any_keys=True, limit=_MOST)
    if type(value) is not dict:
        raise IntegrityError("entry: the private part is not an object")
    return value


def seal_entry(
    cipher: FieldCipher, worker: bytes, nonce: bytes, r: bytes, private: bytes, entry_id: bytes
) -> tuple[bytes, bytes, bytes]:
    """(sealed, pc, ph). `private` is from encode_private; `r` (32 bytes) and `nonce` (12) are fresh randomness."""
    if len(worker) != 16 or len(r) != R_BYTES or len(entry_id) != 16:
        raise InvalidInput("entry: worker and id have 16 bytes, r has 32")
    opening = r + private
    sealed = VERSION + worker + cipher.seal(nonce, opening, entry_id)
    return sealed, sha256(_COMMIT + opening).digest(), sha256(sealed).digest()


def worker_of(sealed: bytes) -> WorkerId:
    """Which worker start sealed this: with the hour of t_ms it names the K_vault to try. Raises IntegrityError."""
    if len(sealed) < _LEAST or sealed[:1] != VERSION:
        raise IntegrityError("entry: unknown format")
    return WorkerId(sealed[1:_WORKER_END])


def open_entry(cipher: FieldCipher, sealed: bytes, entry_id: bytes) -> tuple[bytes, bytes]:
    """(r, private), private still padded (see parse_private). Raises IntegrityError."""
    worker_of(sealed)
    opening = cipher.open(sealed[_WORKER_END:], entry_id)
    return opening[:R_BYTES], opening[R_BYTES:]


def verify_sealed(leaf: Leaf, sealed: bytes) -> None:
    """Raises IntegrityError unless `sealed` is the ciphertext that the leaf names. Needs no key."""
    if sha256(sealed).digest() != leaf.ph:
        raise IntegrityError("entry: the sealed part is not the one its leaf names")


def verify_opening(leaf: Leaf, sealed: bytes, r: bytes, private: bytes) -> None:
    """Raises IntegrityError unless leaf, ciphertext and opening (padded bytes) belong together."""
    verify_sealed(leaf, sealed)
    if len(r) != R_BYTES or sha256(_COMMIT + r + private).digest() != leaf.pc:
        raise IntegrityError("entry: the private part is not the one its leaf commits to")


def read_entry(cipher: FieldCipher, leaf: Leaf, sealed: bytes) -> Private:
    """What an entry says in private: opened, verified against its leaf, parsed. Raises IntegrityError."""
    r, private = open_entry(cipher, sealed, leaf.id)
    verify_opening(leaf, sealed, r, private)
    return parse_private(private)
