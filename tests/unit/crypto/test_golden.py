"""Bytes that were stored once must open for ever (tests/vectors/crypto_golden.json)."""

import json
from pathlib import Path

import pytest

from privet.crypto.access import AccessRefs
from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.facts import open_facts
from privet.crypto.fields import (
    INNER,
    PROFILE,
    field_aad_prefix,
    open_value,
    open_values,
    parse_packed,
)
from privet.crypto.keyring import FileKeyring
from privet.crypto.pairwise import PairwiseIds
from privet.crypto.signing import Verifier
from privet.crypto.vaultkey import VaultKeys, journal_cipher
from privet.domain.ids import PROFILE_RECORD, RecordId
from tests.vectors import make_crypto_golden as made

GOLDEN: dict[str, str] = json.loads(made.TARGET.read_text(encoding="ascii"))
RING = made.golden_keyring()


def stored(name: str) -> bytes:
    return bytes.fromhex(GOLDEN[name])


def test_code_still_makes_them() -> None:
    """The generator's --check: no format has changed unnoticed."""
    assert made.golden() == GOLDEN
    assert made.main(["--check"]) == 0


def test_check_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--check fails on a file that differs, and the generator mends it."""
    monkeypatch.setattr(made, "TARGET", tmp_path / "golden.json")
    made.TARGET.write_text("{}")
    assert made.main(["--check"]) == 1
    assert made.main([]) == 0
    assert made.main(["--check"]) == 0


@pytest.mark.parametrize(
    "name,collection,record", [("profile", PROFILE, PROFILE_RECORD), ("record", 5, made.RECORD)]
)
def test_a_stored_row_opens(name: str, collection: int, record: RecordId) -> None:
    """From the wrapped keys to the values, as a read goes."""
    keys = unwrap_subject_keys(RING, made.VAULT, made.SUBJECT, stored("keys"))
    prefix = field_aad_prefix(made.VAULT, made.SUBJECT, collection, record)
    row = stored(name)
    assert open_values(keys.data_cipher, prefix, row, [1, 2])[0] == {1: b'"Ada"', 2: b"true"}
    (inner,) = (entry for entry in parse_packed(row) if entry[1] == INNER)
    assert open_value(keys.data_cipher, prefix, inner) == b"i" * 32


def test_stored_facts_and_private_parts_open() -> None:
    """Facts, log entries with and without a subject, ledger, pending values and the journal."""
    keys = unwrap_subject_keys(RING, made.VAULT, made.SUBJECT, stored("keys"))
    assert open_facts(keys, made.VAULT, made.SUBJECT, 9, stored("facts")) == made.PAYLOAD
    vault_cipher = VaultKeys(RING, made.VAULT).cipher(made.WORKER, made.T_MS)
    for cipher, name, context in [
        (keys.audit_cipher, "private_part", made.ENTRY),
        (vault_cipher, "vault_private_part", made.ENTRY),
        (keys.ledger_cipher, "ledger", made.ENTRY),
        (keys.pending_cipher, "pending", made.ENTRY),
        (journal_cipher(RING), "journal", b""),
    ]:
        assert cipher.open(stored(name), context) == made.PAYLOAD


def test_stored_ids_parse() -> None:
    """Ids that services hold, and references in the access table."""
    ids = PairwiseIds(RING, made.VAULT)
    assert ids.parse(made.SERVICE, GOLDEN["pairwise"]) == made.SUBJECT
    assert ids.parse_record(made.SERVICE, GOLDEN["pairwise_record"]) == (made.SUBJECT, 5, made.RECORD)
    assert AccessRefs(RING).open(made.ENTRY, stored("access_ref")) == made.SUBJECT


def test_stored_signature_verifies() -> None:
    """A checkpoint's key and signature."""
    Verifier(stored("public_key")).verify(made.PAYLOAD, stored("signature"))


def test_stored_keyring_opens(tmp_path: Path) -> None:
    """The file opens with its passphrase and holds the keys it was made with."""
    path = tmp_path / "keyring"
    path.write_text(GOLDEN["keyring_file"])
    ring = FileKeyring.open(path, made.PASSPHRASE)
    assert ring.epochs() == (1, 2)
    assert len(ring.signer().public) == 32
