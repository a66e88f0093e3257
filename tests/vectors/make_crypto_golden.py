"""Golden bytes of every sealed format, from fixed keys, ids and nonces.

    python -m tests.vectors.make_crypto_golden [--check]

Ours, made by this program with privet.crypto; the primitives are checked against others' vectors elsewhere. A change
here is a change of format: it needs a new version byte and a migration, not a new golden file.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from privet.crypto import blind
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys, wrap_subject_keys
from privet.crypto.facts import seal_facts
from privet.crypto.fields import INNER, field_aad_prefix, pack, seal_value
from privet.crypto.keyring import FileKeyring, MemoryKeyring, ScryptCost
from privet.crypto.pairwise import PairwiseIds
from privet.crypto.vaultkey import VaultKeys, etag_key, journal_cipher
from privet.domain.ids import EntryId, FieldNumber, Millis, RecordId, SubjectId, VaultId, WorkerId

TARGET = Path(__file__).with_name("crypto_golden.json")
PROVENANCE = (
    "made by tests/vectors/make_crypto_golden.py; keys are SHA-256 of 'golden N', ids and nonces as in it"
)

VAULT = VaultId(b"V" * 16)
SUBJECT = SubjectId(b"S" * 16)
RECORD = RecordId(b"R" * 16)
ENTRY = EntryId(b"E" * 16)
WORKER = WorkerId(b"W" * 16)
T_MS = Millis(1_790_000_000_000)
NONCE = bytes(range(12))
PASSPHRASE = b"golden passphrase"
SERVICE = "front-desk"
PAYLOAD = b'{"consent":{"marketing.email":"given"}}'


def counted(seed: str) -> Callable[[int], bytes]:
    """A reproducible source of bytes: SHA-256 of seed and counter."""
    state = 0

    def draw(size: int) -> bytes:
        nonlocal state
        out = b""
        while len(out) < size:
            out += hashlib.sha256(f"{seed} {state}".encode()).digest()
            state += 1
        return out[:size]

    return draw


def golden_keyring() -> MemoryKeyring:
    """Two epochs from the fixed source."""
    keyring = MemoryKeyring(counted("golden"))
    keyring.add_epoch()
    return keyring


def golden_keys() -> SubjectKeys:
    return SubjectKeys(b"d" * 32, b"a" * 32)


def keyring_file() -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "keyring"
        FileKeyring.create(path, PASSPHRASE, cost=ScryptCost(log2_n=4), random=counted("golden")).add_epoch()
        return path.read_text(encoding="ascii")


def packed_row(keys: SubjectKeys, prefix: bytes) -> bytes:
    return pack(
        [
            seal_value(keys.data_cipher, NONCE, prefix, 1, b'"Ada"', schema=1, revision=1),
            seal_value(keys.data_cipher, NONCE[::-1], prefix, 2, b"true", schema=3, revision=70_000, to=5),
            seal_value(
                keys.data_cipher, bytes(12), prefix, 1, b"i" * 32, schema=1, revision=1, kind=INNER, to=32
            ),
        ]
    )


def golden() -> dict[str, str]:
    """Name → text, or bytes as hex."""
    keyring, keys = golden_keyring(), golden_keys()
    ids, refs = PairwiseIds(keyring, VAULT), AccessRefs(keyring)
    inner = blind.inner(keyring, VAULT, FieldNumber(2), b"ada@example.org")
    found = {
        "keys": wrap_subject_keys(keyring, VAULT, SUBJECT, 2, keys),
        "profile": packed_row(keys, field_aad_prefix(VAULT, SUBJECT)),
        "record": packed_row(keys, field_aad_prefix(VAULT, SUBJECT, 5, RECORD)),
        "record_id": keys.record_id(5, b"booking 17"),
        "facts": seal_facts(keys, NONCE, VAULT, SUBJECT, 9, PAYLOAD),
        "access_tag": keys.tag,
        "access_ref": refs.seal(ENTRY, SUBJECT),
        "private_part": keys.audit_cipher.seal(NONCE, PAYLOAD, ENTRY),
        "ledger": keys.ledger_cipher.seal(NONCE, PAYLOAD, ENTRY),
        "pending": keys.pending_cipher.seal(NONCE, PAYLOAD, ENTRY),
        "receipt_pseudonym": keys.receipt_pseudonym,
        "vault_private_part": VaultKeys(keyring, VAULT).cipher(WORKER, T_MS).seal(NONCE, PAYLOAD, ENTRY),
        "journal": journal_cipher(keyring).seal(NONCE, PAYLOAD, b""),
        "etag_key": etag_key(keyring, SERVICE),
        "blind_inner": inner,
        "blind_index": blind.index(keyring, VAULT, 2, inner),
        "public_key": keyring.signer().public,
        "signature": keyring.signer().sign(PAYLOAD),
    }
    return {
        "provenance": PROVENANCE,
        **{name: value.hex() for name, value in found.items()},
        "pairwise": ids.issue(SERVICE, SUBJECT),
        "pairwise_record": ids.issue_record(SERVICE, SUBJECT, 5, RECORD),
        "keyring_file": keyring_file(),
    }


def main(arguments: list[str]) -> int:
    text = json.dumps(golden(), indent=1) + "\n"
    if "--check" in arguments:
        if TARGET.read_text(encoding="ascii") != text:
            print(f"{TARGET.name} is not what the code makes: a format has changed", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
