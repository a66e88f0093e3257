"""Blind indexes: by which an email, phone or number finds its subject without being stored.

inner = HMAC-SHA-256(K_field, normalised value), kept sealed with the field; the stored index is
HMAC-SHA-256(K_index of the epoch, inner), whole, so that rotation needs `inner` only and old rows die with
their key. It leaks equality, by purpose: a look-up is an equality test. Refuses nothing about values:
normalise first (identify).
"""

from privet.crypto.framing import join, u16
from privet.crypto.kdf import mac
from privet.crypto.keyring import Keyring
from privet.domain.ids import FieldNumber, VaultId


def inner(keyring: Keyring, vault: VaultId, field: FieldNumber, normalised: bytes) -> bytes:
    """32 bytes, permanent for the field and value. Secret: seal it (kind INNER)."""
    return mac(keyring.expand_root(join(b"field", vault, u16(field))), normalised)


def index(keyring: Keyring, vault: VaultId, epoch: int, inner: bytes) -> bytes:
    """32 bytes, what the index table stores for this epoch. Raises KeyDestroyed for an epoch that is not held."""
    return mac(keyring.expand_epoch(epoch, join(b"index", vault)), inner)
