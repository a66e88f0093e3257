"""Ledger entries without a store: what was sealed opens in its place only."""

from dataclasses import replace

import pytest

from privet.consent.ledger import LedgerEntry, fold, open_ledger, seal_entry
from privet.consent.receipt import issue_receipt
from privet.crypto.envelope import SubjectKeys
from privet.crypto.signing import Signer
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import SubjectId, VaultId
from privet.domain.ports import LedgerRow
from privet.errors import IntegrityError, InvalidInput

VAULT = VaultId(b"v" * 16)
ADA = SubjectId(b"a" * 16)
EVE = SubjectId(b"e" * 16)


def seal(keys: SubjectKeys, record: ConsentRecord, subject: SubjectId = ADA) -> LedgerRow:
    return seal_entry(keys, bytes([record.seq]) * 12, VAULT, subject, LedgerEntry(record, None))


def test_every_altered_byte_is_refused(keys: SubjectKeys, record: ConsentRecord) -> None:
    """No byte of a sealed entry may differ."""
    row = seal(keys, record)
    for at in range(len(row.sealed)):
        altered = bytearray(row.sealed)
        altered[at] ^= 1
        with pytest.raises(IntegrityError):
            open_ledger(keys, VAULT, ADA, [row._replace(sealed=bytes(altered))])


def test_a_truncated_entry_is_refused(keys: SubjectKeys, record: ConsentRecord) -> None:
    """No shorter form opens, down to nothing."""
    row = seal(keys, record)
    for size in range(len(row.sealed)):
        with pytest.raises(IntegrityError):
            open_ledger(keys, VAULT, ADA, [row._replace(sealed=row.sealed[:size])])


def test_entries_do_not_move(keys: SubjectKeys, record: ConsentRecord) -> None:
    """Not to another subject, vault or place; two do not change places; none may be missing before another."""
    first, second = seal(keys, record), seal(keys, replace(record, seq=2, status=ConsentStatus.WITHDRAWN))
    with pytest.raises(IntegrityError):
        open_ledger(keys, VAULT, EVE, [first])
    with pytest.raises(IntegrityError):
        open_ledger(keys, VaultId(b"w" * 16), ADA, [first])
    with pytest.raises(IntegrityError):
        open_ledger(keys, VAULT, ADA, [second])
    with pytest.raises(IntegrityError):
        open_ledger(keys, VAULT, ADA, [first._replace(seq=2), second._replace(seq=1)])
    with pytest.raises(IntegrityError):
        open_ledger(SubjectKeys(bytes(32), bytes(32)), VAULT, ADA, [first])


def test_what_was_sealed_is_what_opens(keys: SubjectKeys, record: ConsentRecord) -> None:
    """In order of number whatever the order of rows, and the fold is the last of each purpose."""
    later = replace(record, seq=2, status=ConsentStatus.WITHDRAWN, until=None)
    opened = open_ledger(keys, VAULT, ADA, [seal(keys, later), seal(keys, record)])
    assert [entry.record for entry in opened] == [record, later]
    assert fold(opened)["marketing.email"].status is ConsentStatus.WITHDRAWN


@pytest.mark.parametrize("with_receipt", [False, True])
def test_lengths_do_not_tell_a_yes_from_a_no(
    keys: SubjectKeys, record: ConsentRecord, catalogue: Catalogue, with_receipt: bool
) -> None:
    """Every status takes the same room, with its receipt or without."""
    sizes = set()
    for status in ConsentStatus:
        said = replace(record, status=status, until=record.until if status.permits else None)
        receipt = issue_receipt(catalogue, said, pseudonym=bytes(16), signer=Signer(bytes(32)))
        entry = LedgerEntry(said, receipt if with_receipt else None)
        sizes.add(len(seal_entry(keys, bytes(12), VAULT, ADA, entry).sealed))
    assert len(sizes) == 1


def test_numbers_count_from_one(keys: SubjectKeys, record: ConsentRecord) -> None:
    """There is no entry 0."""
    with pytest.raises(InvalidInput):
        seal(keys, replace(record, seq=0))
