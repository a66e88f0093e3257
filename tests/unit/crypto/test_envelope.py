"""Wrapped subject keys: bound to vault, subject, epoch and use."""

import pytest

from privet.crypto.aead import FieldCipher
from privet.crypto.envelope import (
    BLOB_SIZE,
    SubjectKeys,
    keys_epoch,
    new_subject_keys,
    rewrap,
    unwrap_subject_keys,
    wrap_subject_keys,
)
from privet.crypto.framing import join, u32
from privet.crypto.kdf import expand
from privet.crypto.keyring import MemoryKeyring
from privet.crypto.keywrap import unwrap_key, wrap_key
from privet.domain.ids import SubjectId, VaultId
from privet.errors import IntegrityError, InvalidInput, KeyDestroyed


def same(left: SubjectKeys, right: SubjectKeys) -> bool:
    """Equal keys, judged by what they do."""
    sealed = left.data_cipher.seal(bytes(12), b"x", b"")
    return right.data_cipher.open(sealed, b"") == b"x" and left.tag == right.tag


def test_round_trip(keyring: MemoryKeyring, vault: VaultId, subject: SubjectId) -> None:
    """What was wrapped unwraps to the same keys; fresh keys differ."""
    keys = new_subject_keys()
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    assert len(blob) == BLOB_SIZE
    assert keys_epoch(blob) == 1
    assert same(keys, unwrap_subject_keys(keyring, vault, subject, blob))
    assert new_subject_keys().tag != keys.tag


def test_format(keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys) -> None:
    """version ‖ epoch ‖ AES-KW(K_data) ‖ AES-KW(K_audit), keys derived over the plain length-prefixed join."""
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    data, audit = (
        keyring.expand_epoch(1, join(b"wrap", vault, subject, u32(1), use)) for use in (b"data", b"audit")
    )
    assert blob == b"\1\0\0\0\1" + wrap_key(data, b"d" * 32) + wrap_key(audit, b"a" * 32)


def test_every_bit_counts(
    keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys
) -> None:
    """A flip anywhere in the column, the epoch included, is an IntegrityError."""
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    for bit in range(len(blob) * 8):
        bad = bytearray(blob)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            unwrap_subject_keys(keyring, vault, subject, bytes(bad))


def test_every_length_but_one(
    keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys
) -> None:
    """Truncated at any length, or longer, is an IntegrityError."""
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    for bad in [blob[:size] for size in range(len(blob))] + [blob + b"\0"]:
        with pytest.raises(IntegrityError):
            unwrap_subject_keys(keyring, vault, subject, bad)
        with pytest.raises(IntegrityError):
            keys_epoch(bad)


def test_of_another_subject_vault_keyring_or_use(
    keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys
) -> None:
    """A column moved to another row, vault or keyring, or with its halves swapped, does not open."""
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    with pytest.raises(IntegrityError):
        unwrap_subject_keys(keyring, vault, SubjectId(bytes(16)), blob)
    with pytest.raises(IntegrityError):
        unwrap_subject_keys(keyring, VaultId(bytes(16)), subject, blob)
    with pytest.raises(IntegrityError):
        unwrap_subject_keys(MemoryKeyring(), vault, subject, blob)
    with pytest.raises(IntegrityError):
        unwrap_subject_keys(keyring, vault, subject, blob[:5] + blob[45:] + blob[5:45])


def test_of_another_epoch(
    keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys
) -> None:
    """A blob whose epoch number was edited to another living one does not open."""
    keyring.add_epoch()
    blob = wrap_subject_keys(keyring, vault, subject, 1, keys)
    with pytest.raises(IntegrityError):
        unwrap_subject_keys(keyring, vault, subject, b"\1" + u32(2) + blob[5:])


def test_rewrap(keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys) -> None:
    """Rotation: the same keys under the new epoch; once the old one is destroyed the old blob is dead."""
    old = wrap_subject_keys(keyring, vault, subject, 1, keys)
    new = rewrap(keyring, vault, subject, old, keyring.add_epoch())
    keyring.destroy_epoch(1)
    assert keys_epoch(new) == 2
    assert same(keys, unwrap_subject_keys(keyring, vault, subject, new))
    with pytest.raises(KeyDestroyed):
        unwrap_subject_keys(keyring, vault, subject, old)


@pytest.mark.parametrize("epoch", [0, -1, 2**32])
def test_no_such_epoch(
    keyring: MemoryKeyring, vault: VaultId, subject: SubjectId, keys: SubjectKeys, epoch: int
) -> None:
    """Epochs count from 1 and fit in 32 bits."""
    with pytest.raises(InvalidInput):
        wrap_subject_keys(keyring, vault, subject, epoch, keys)


def test_ids_of_a_wrong_length(keyring: MemoryKeyring, vault: VaultId, keys: SubjectKeys) -> None:
    """Ids that are not 16 bytes never reach a derivation."""
    with pytest.raises(InvalidInput):
        wrap_subject_keys(keyring, vault, SubjectId(b"short"), 1, keys)
    with pytest.raises(InvalidInput):
        wrap_subject_keys(keyring, VaultId(bytes(17)), SubjectId(bytes(15)), 1, keys)


@pytest.mark.parametrize("sizes", [(31, 32), (32, 33), (0, 0)])
def test_keys_of_a_wrong_length(sizes: tuple[int, int]) -> None:
    """Two times 32 bytes, nothing else."""
    with pytest.raises(InvalidInput):
        SubjectKeys(bytes(sizes[0]), bytes(sizes[1]))


def test_wrapping_keys_of_a_wrong_length() -> None:
    """The wrap refuses what is not a 256-bit key, and the unwrap what is not 40 bytes."""
    with pytest.raises(InvalidInput):
        wrap_key(bytes(16), bytes(32))
    with pytest.raises(InvalidInput):
        wrap_key(bytes(32), bytes(24))
    with pytest.raises(IntegrityError):
        unwrap_key(bytes(32), bytes(48))


def test_subkeys_differ(keys: SubjectKeys) -> None:
    """Each use has its own key: what one seals no other opens. Ciphers that a row needs often are made once."""
    ciphers = [
        keys.data_cipher,
        keys.audit_cipher,
        keys.facts_cipher,
        keys.ledger_cipher,
        keys.pending_cipher,
    ]
    for at, cipher in enumerate(ciphers):
        sealed = cipher.seal(bytes(12), b"x", b"")
        for other in ciphers[:at] + ciphers[at + 1 :]:
            with pytest.raises(IntegrityError):
                other.open(sealed, b"")
    assert keys.data_cipher is keys.data_cipher
    assert keys.audit_cipher is keys.audit_cipher


def test_facts_key_and_tag_are_as_documented(keys: SubjectKeys) -> None:
    """facts = Expand(K_audit, join("facts")); the tag is an HMAC under K_audit, the same each time."""
    sealed = keys.facts_cipher.seal(bytes(12), b"x", b"")
    assert FieldCipher(expand(b"a" * 32, join(b"facts"))).open(sealed, b"") == b"x"
    assert len(keys.tag) == 32
    assert keys.tag == SubjectKeys(b"other data key, 32 bytes long...", b"a" * 32).tag
    assert keys.tag != SubjectKeys(b"d" * 32, b"b" * 32).tag


def test_record_ids(keys: SubjectKeys) -> None:
    """16 bytes; the same key in a collection is the same record, anything else another."""
    ids = {keys.record_id(collection, key) for collection in (1, 2) for key in (b"", b"a", b"b")}
    assert len(ids) == 6
    assert {len(record) for record in ids} == {16}
    assert keys.record_id(1, b"a") == keys.record_id(1, b"a")
    assert SubjectKeys(b"e" * 32, b"a" * 32).record_id(1, b"a") != keys.record_id(1, b"a")


def test_receipt_pseudonym(keys: SubjectKeys) -> None:
    """16 bytes, the same in each of her receipts, another person's differ, and it is not her access tag."""
    pseudonym = keys.receipt_pseudonym
    assert len(pseudonym) == 16
    assert pseudonym == keys.receipt_pseudonym != SubjectKeys(b"d" * 32, b"b" * 32).receipt_pseudonym
    assert not keys.tag.startswith(pseudonym)
