"""Blind indexes: equal for equal values in one field, vault and epoch, and for nothing else."""

import pytest

from privet.crypto import blind
from privet.crypto.framing import join
from privet.crypto.kdf import mac
from privet.crypto.keyring import MemoryKeyring
from privet.domain.ids import FieldNumber, VaultId
from privet.errors import KeyDestroyed

EMAIL, PHONE = FieldNumber(1), FieldNumber(2)


def test_inner_is_by_field_vault_value_and_keyring(keyring: MemoryKeyring, vault: VaultId) -> None:
    """The same value in another field, vault or keyring gives another inner part; equal questions equal ones."""
    inners = {
        blind.inner(keyring, vault, EMAIL, b"a@example.org"),
        blind.inner(keyring, vault, EMAIL, b"b@example.org"),
        blind.inner(keyring, vault, PHONE, b"a@example.org"),
        blind.inner(keyring, VaultId(bytes(16)), EMAIL, b"a@example.org"),
        blind.inner(MemoryKeyring(), vault, EMAIL, b"a@example.org"),
    }
    assert len(inners) == 5
    assert blind.inner(keyring, vault, EMAIL, b"a@example.org") in inners


def test_formulas(keyring: MemoryKeyring, vault: VaultId) -> None:
    """As documented: HMAC under keys expanded from the root and the epoch's KEK."""
    inner = blind.inner(keyring, vault, EMAIL, b"x")
    assert inner == mac(keyring.expand_root(join(b"field", vault, b"\0\1")), b"x")
    assert blind.index(keyring, vault, 1, inner) == mac(keyring.expand_epoch(1, join(b"index", vault)), inner)


def test_rotation_needs_the_inner_part_only(keyring: MemoryKeyring, vault: VaultId) -> None:
    """The index changes with the epoch, the inner part does not, and a destroyed epoch gives no index again."""
    inner = blind.inner(keyring, vault, EMAIL, b"x")
    before = blind.index(keyring, vault, 1, inner)
    keyring.add_epoch()
    assert blind.inner(keyring, vault, EMAIL, b"x") == inner
    assert len({before, blind.index(keyring, vault, 2, inner), inner}) == 3
    keyring.destroy_epoch(1)
    with pytest.raises(KeyDestroyed):
        blind.index(keyring, vault, 1, inner)
