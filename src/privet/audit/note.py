"""C2SP signed notes: text with Ed25519 signature lines, and the keys that name themselves in one line.

Refuses text that is not UTF-8 or holds control characters, notes over the limits, signatures that are
not strict base64, a bad signature by a known key, and a note that no known key signed.
Signatures by unknown keys are ignored, as the specification asks.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from privet.crypto.signing import PUBLIC_SIZE, Verifier
from privet.errors import IntegrityError, InvalidInput

MAX_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_ED25519: Final = b"\x01"
_DASH: Final = "\u2014 "


class NoteSigner(Protocol):
    """What signs a note: privet.crypto.signing.Signer is one."""

    @property
    def public(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """A 64-byte Ed25519 signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteKey:
    """A public key under a name. Raises InvalidInput for a name or key that no note can carry."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)
    _verifier: Verifier = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "_verifier", Verifier(self.public))
        object.__setattr__(self, "key_id", key_id(self.name, self.public))

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises IntegrityError unless `signature` is this key's over `message`."""
        self._verifier.verify(message, signature)

    def __str__(self) -> str:
        """The verifier key in one line: name+id+base64(0x01 ‖ public)."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """One signature line. `signature` is what follows the 4-byte key id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A note as parsed: nothing about its signatures has been verified. `text` ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]


def key_id(name: str, public: bytes) -> bytes:
    """The 4-byte id of an Ed25519 key: SHA-256(name ‖ newline ‖ 0x01 ‖ public)[:4]."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def parse_vkey(text: str) -> NoteKey:
    """The key that `str(NoteKey)` wrote; InvalidInput for anything else, other algorithms included."""
    name, _, rest = text.partition("+")
    claimed, _, encoded = rest.partition("+")
    data = _decode(encoded)
    if data is None or len(data) != 1 + PUBLIC_SIZE or data[:1] != _ED25519:
        raise InvalidInput("verifier key: not name+id+base64 of an Ed25519 key")
    key = NoteKey(name=name, public=data[1:])
    if claimed != key.key_id.hex():
        raise InvalidInput("verifier key: its id is not that of the name and key")
    return key


def sign_note(text: str, name: str, signer: NoteSigner) -> bytes:
    """`text` (ending in a newline) signed under `name`."""
    data = _text_bytes(text)
    _check_name(name)
    signature = Signature(name=name, key_id=key_id(name, signer.public), signature=signer.sign(data))
    return data + b"\n" + signature.line().encode()


def add_signature(note: bytes, signature: Signature) -> bytes:
    """The note with one more line, as a witness's cosignature is added. Does not verify it."""
    parse_note(note)
    _check_name(signature.name)
    return note + signature.line().encode()


def parse_note(data: bytes) -> Note:
    """Splits text from signature lines. Raises IntegrityError for what the specification forbids."""
    if len(data) > MAX_BYTES:
        raise IntegrityError("note: too long")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise IntegrityError("note: not UTF-8") from None
    if _has_controls(text):
        raise IntegrityError("note: a control character")
    head, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise IntegrityError("note: no signature lines after the last blank line")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise IntegrityError("note: too many signatures")
    return Note(text=head + "\n", signatures=tuple(_parse_line(line) for line in lines))


def verify_note(data: bytes, keys: Sequence[NoteKey] | NoteKey) -> Note:
    """The note, with only the signatures that verified: at least one, by `keys`. Raises IntegrityError."""
    note = parse_note(data)
    known = _index((keys,) if isinstance(keys, NoteKey) else keys)
    message = note.text.encode()
    verified: dict[tuple[str, bytes], Signature] = {}
    for signature in note.signatures:
        who = (signature.name, signature.key_id)
        key = known.get(who)
        if key is None:
            continue
        key.verify(message, signature.signature)
        verified.setdefault(who, signature)
    if not verified:
        raise IntegrityError("note: not signed by a known key")
    return Note(text=note.text, signatures=tuple(verified.values()))


def _index(keys: Iterable[NoteKey]) -> dict[tuple[str, bytes], NoteKey]:
    known: dict[tuple[str, bytes], NoteKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key).public != key.public:
            raise InvalidInput("note: two keys share a name and an id")
    return known


def _parse_line(line: str) -> Signature:
    dash, name, encoded = line[: len(_DASH)], *line[len(_DASH) :].partition(" ")[::2]
    data = _decode(encoded)
    if dash != _DASH or not _is_name(name) or data is None or len(data) < 5:
        raise IntegrityError("note: a malformed signature line")
    return Signature(name=name, key_id=data[:4], signature=data[4:])


def _decode(text: str) -> bytes | None:
    """Strict base64 (RFC 4648 §4): no other spelling of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name) and not _has_controls(name)


def _has_controls(text: str) -> bool:
    return any(c < " " and c != "\n" for c in text)


def _check_name(name: str) -> None:
    if not _is_name(name) or not _is_utf8(name):
        raise InvalidInput("note: a key name is not empty and has no space, plus sign or control character")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text_bytes(text: str) -> bytes:
    if not text.endswith("\n") or _has_controls(text) or not _is_utf8(text):
        raise InvalidInput("note: text must be UTF-8 without control characters, and end in a newline")
    return text.encode()
