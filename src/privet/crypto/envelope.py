"""A subject's two data keys and their wrapping under an epoch's key.

K_data seals her fields, K_audit what the log says of her; both are random, 32 bytes, wrapped apart by
AES-KW (RFC 3394) under keys derived from the epoch's KEK for this vault, subject, epoch and use. Stored
form (`keys` column, 85 bytes): version 1 ‖ epoch u32 ‖ wrapped K_data (40) ‖ wrapped K_audit (40). Refuses
a blob of another subject, vault, epoch or use, and never shows a key: callers get ciphers.
"""

import os

from privet.crypto.aead import FieldCipher
from privet.crypto.framing import join, u16, u32
from privet.crypto.kdf import expand, mac
from privet.crypto.keyring import Keyring
from privet.crypto.keyring_material import MAX_EPOCH, Random
from privet.crypto.keywrap import unwrap_key, wrap_key
from privet.crypto.secrecy import Secret
from privet.domain.ids import RecordId, SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput

VERSION = 1
BLOB_SIZE = 85

_FACTS = join(b"facts")
_LEDGER = join(b"ledger")
_PENDING = join(b"pending")
_RECEIPT = join(b"receipt")
_RECORD = join(b"record")
_TAG = b"index"
# join("wrap", vault, subject, epoch, use) with the constant lengths spelt out: this is on the way of every read.
_WRAP_HEAD = join(b"wrap") + u32(16)
_SIXTEEN = u32(16)
_FOUR = u32(4)
_USE_DATA = join(b"data")
_USE_AUDIT = join(b"audit")


class SubjectKeys(Secret):
    """K_data and K_audit of one subject. Ciphers are made at first use and kept: hold it for one row, not longer."""

    __slots__ = ("_audit", "_audit_cipher", "_data", "_data_cipher")

    def __init__(self, data: bytes, audit: bytes) -> None:
        if len(data) != 32 or len(audit) != 32:
            raise InvalidInput("a subject's keys have 32 bytes each")
        self._data = data
        self._audit = audit
        self._data_cipher: FieldCipher | None = None
        self._audit_cipher: FieldCipher | None = None

    @property
    def data_cipher(self) -> FieldCipher:
        """For her fields and records (fields.py)."""
        cipher = self._data_cipher
        if cipher is None:
            cipher = self._data_cipher = FieldCipher(self._data)
        return cipher

    @property
    def audit_cipher(self) -> FieldCipher:
        """For the private part of log entries about her."""
        cipher = self._audit_cipher
        if cipher is None:
            cipher = self._audit_cipher = FieldCipher(self._audit)
        return cipher

    @property
    def facts_cipher(self) -> FieldCipher:
        """For her sealed facts (facts.py). Made anew each time: a row needs it once."""
        return FieldCipher(expand(self._audit, _FACTS))

    @property
    def ledger_cipher(self) -> FieldCipher:
        """For the entries of her consent ledger (consent/ledger.py). Made anew each time."""
        return FieldCipher(expand(self._audit, _LEDGER))

    @property
    def pending_cipher(self) -> FieldCipher:
        """For corrected look-up values that wait for their proof (rights/pending.py). Made anew each time."""
        return FieldCipher(expand(self._data, _PENDING))

    @property
    def receipt_pseudonym(self) -> bytes:
        """16 bytes that stand for her in her receipts, and nowhere else; nobody relates them to her without K_audit."""
        return expand(self._audit, _RECEIPT)[:16]

    @property
    def tag(self) -> bytes:
        """HMAC(K_audit, "index"), 32 bytes: names her rows in the access table; unlinkable without K_audit."""
        return mac(self._audit, _TAG)

    def record_id(self, collection: int, key: bytes) -> RecordId:
        """16 bytes naming one record by its business key: the same key gives the same id, to her vault alone."""
        return RecordId(mac(expand(self._data, _RECORD), join(u16(collection), key))[:16])

    def wrapped_under(self, data_wrap: bytes, audit_wrap: bytes) -> bytes:
        """Both keys by AES-KW, 80 bytes. For `wrap_subject_keys`, which derives the wrapping keys."""
        return wrap_key(data_wrap, self._data) + wrap_key(audit_wrap, self._audit)


def new_subject_keys(random: Random = os.urandom) -> SubjectKeys:
    """Two fresh keys."""
    drawn = random(64)
    return SubjectKeys(drawn[:32], drawn[32:])


def wrap_subject_keys(
    keyring: Keyring, vault: VaultId, subject: SubjectId, epoch: int, keys: SubjectKeys
) -> bytes:
    """The `keys` column. Raises KeyDestroyed for an epoch the keyring does not hold."""
    if not 1 <= epoch <= MAX_EPOCH:
        raise InvalidInput("epochs count from 1")
    number = u32(epoch)
    context = _wrap_context(vault, subject, number)
    wrapped = keys.wrapped_under(
        keyring.expand_epoch(epoch, context + _USE_DATA), keyring.expand_epoch(epoch, context + _USE_AUDIT)
    )
    return bytes((VERSION,)) + number + wrapped


def unwrap_subject_keys(keyring: Keyring, vault: VaultId, subject: SubjectId, blob: bytes) -> SubjectKeys:
    """The keys again. Raises IntegrityError for an altered, foreign or moved blob, KeyDestroyed for an ended epoch."""
    epoch = keys_epoch(blob)
    expand_epoch, context = keyring.expand_epoch, _wrap_context(vault, subject, blob[1:5])
    return SubjectKeys(
        unwrap_key(expand_epoch(epoch, context + _USE_DATA), blob[5:45]),
        unwrap_key(expand_epoch(epoch, context + _USE_AUDIT), blob[45:]),
    )


def keys_epoch(blob: bytes) -> int:
    """The epoch a blob claims (nothing is opened). Raises IntegrityError unless it has the form of one."""
    if len(blob) != BLOB_SIZE or blob[0] != VERSION:
        raise IntegrityError("wrapped keys have a wrong length or an unknown version")
    return int.from_bytes(blob[1:5], "big")


def rewrap(keyring: Keyring, vault: VaultId, subject: SubjectId, blob: bytes, to_epoch: int) -> bytes:
    """The same keys under another epoch: what rotation does to a row. Nothing sealed under them changes."""
    return wrap_subject_keys(
        keyring, vault, subject, to_epoch, unwrap_subject_keys(keyring, vault, subject, blob)
    )


def _wrap_context(vault: bytes, subject: bytes, epoch: bytes) -> bytes:
    if len(vault) != 16 or len(subject) != 16:
        raise InvalidInput("vault and subject ids have 16 bytes")
    return _WRAP_HEAD + vault + _SIXTEEN + subject + _FOUR + epoch
