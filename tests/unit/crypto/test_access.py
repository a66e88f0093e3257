"""Access references and the vault's own keys."""

import pytest

from privet.crypto.access import AccessRefs
from privet.crypto.keyring import MemoryKeyring
from privet.crypto.vaultkey import VaultKeys, etag_key, hour_of, journal_cipher
from privet.domain.ids import EntryId, Millis, SubjectId, VaultId, WorkerId
from privet.errors import IntegrityError, InvalidInput

ENTRY, OTHER = EntryId(b"E" * 16), EntryId(b"F" * 16)
WORKER = WorkerId(b"w" * 16)
HOUR = 3_600_000


def test_ref_round_trip(keyring: MemoryKeyring, subject: SubjectId) -> None:
    """A reference opens for its entry; two entries about one subject share nothing."""
    refs = AccessRefs(keyring)
    assert refs.open(ENTRY, refs.seal(ENTRY, subject)) == subject
    assert len(refs.seal(ENTRY, subject)) == 32
    assert refs.seal(ENTRY, subject) != refs.seal(OTHER, subject)


def test_ref_hostile(keyring: MemoryKeyring, subject: SubjectId) -> None:
    """Moved, flipped, cut, or of another keyring: an IntegrityError."""
    refs = AccessRefs(keyring)
    ref = refs.seal(ENTRY, subject)
    with pytest.raises(IntegrityError):
        refs.open(OTHER, ref)
    with pytest.raises(IntegrityError):
        AccessRefs(MemoryKeyring()).open(ENTRY, ref)
    for at in range(32):
        with pytest.raises(IntegrityError):
            refs.open(ENTRY, ref[:at])
        with pytest.raises(IntegrityError):
            refs.open(ENTRY, ref[:at] + bytes((ref[at] ^ 1,)) + ref[at + 1 :])


def test_ref_ids_of_a_wrong_length(keyring: MemoryKeyring, subject: SubjectId) -> None:
    """Only 16-byte ids."""
    with pytest.raises(InvalidInput):
        AccessRefs(keyring).seal(EntryId(b""), subject)
    with pytest.raises(InvalidInput):
        AccessRefs(keyring).seal(ENTRY, SubjectId(b""))


def test_vault_key_is_by_worker_and_hour(keyring: MemoryKeyring, vault: VaultId) -> None:
    """Within the hour one cipher, kept; another hour, worker or vault, another key."""
    vault_keys = VaultKeys(keyring, vault)
    cipher = vault_keys.cipher(WORKER, Millis(HOUR))
    assert vault_keys.cipher(WORKER, Millis(2 * HOUR - 1)) is cipher
    sealed = cipher.seal(bytes(12), b"x", b"")
    assert VaultKeys(keyring, vault).cipher(WORKER, Millis(HOUR + 5)).open(sealed, b"") == b"x"
    for other in (
        vault_keys.cipher(WORKER, Millis(2 * HOUR)),
        vault_keys.cipher(WorkerId(b"v" * 16), Millis(HOUR)),
        VaultKeys(keyring, VaultId(bytes(16))).cipher(WORKER, Millis(HOUR)),
    ):
        with pytest.raises(IntegrityError):
            other.open(sealed, b"")


def test_vault_keys_are_bounded(keyring: MemoryKeyring, vault: VaultId) -> None:
    """Reading years of entries keeps a bounded number of ciphers, and evicted ones come back the same."""
    vault_keys = VaultKeys(keyring, vault)
    sealed = vault_keys.cipher(WORKER, Millis(0)).seal(bytes(12), b"x", b"")
    for hour in range(1, 600):
        vault_keys.cipher(WORKER, Millis(hour * HOUR))
        assert len(vault_keys._ciphers) <= 256
    assert vault_keys.cipher(WORKER, Millis(0)).open(sealed, b"") == b"x"


@pytest.mark.parametrize("t_ms", [-1, 2**32 * HOUR])
def test_times_out_of_range(t_ms: int) -> None:
    """No hour before 1970 and none past 32 bits."""
    with pytest.raises(InvalidInput):
        hour_of(Millis(t_ms))


def test_vault_and_worker_of_a_wrong_length(keyring: MemoryKeyring, vault: VaultId) -> None:
    """Only 16-byte ids."""
    with pytest.raises(InvalidInput):
        VaultKeys(keyring, VaultId(b""))
    with pytest.raises(InvalidInput):
        VaultKeys(keyring, vault).cipher(WorkerId(b""), Millis(0))


def test_journal_and_etags(keyring: MemoryKeyring) -> None:
    """The journal's key is the keyring's own; each service has its own ETag key."""
    sealed = journal_cipher(keyring).seal(bytes(12), b"x", b"1")
    assert journal_cipher(keyring).open(sealed, b"1") == b"x"
    with pytest.raises(IntegrityError):
        journal_cipher(MemoryKeyring()).open(sealed, b"1")
    assert len({etag_key(keyring, "a"), etag_key(keyring, "b"), etag_key(MemoryKeyring(), "a")}) == 3
