"""What each cryptographic step of a read costs, by itself, in microseconds."""

import os
from collections.abc import Callable
from functools import partial

from privet.crypto.access import AccessRefs
from privet.crypto.aead import FieldCipher
from privet.crypto.envelope import new_subject_keys, unwrap_subject_keys, wrap_subject_keys
from privet.crypto.facts import open_facts, seal_facts
from privet.crypto.fields import field_aad_prefix, open_values, pack, seal_value
from privet.crypto.kdf import mac
from privet.crypto.keyring import MemoryKeyring
from privet.crypto.pairwise import PairwiseIds
from privet.domain.ids import EntryId, SubjectId, VaultId
from tests.bench.figures import Figure, micro

_FIELDS = range(1, 11)


def run(*, quick: bool) -> list[Figure]:
    """In the order of a read."""
    keyring, vault, subject = MemoryKeyring(), VaultId(os.urandom(16)), SubjectId(os.urandom(16))
    pairwise, refs, entry = PairwiseIds(keyring, vault), AccessRefs(keyring), EntryId(os.urandom(16))
    keys = new_subject_keys()
    wrapped = wrap_subject_keys(keyring, vault, subject, 1, keys)
    facts = seal_facts(keys, os.urandom(12), vault, subject, 1, b"{}")
    prefix = field_aad_prefix(vault, subject)
    row = pack(
        seal_value(keys.data_cipher, os.urandom(12), prefix, number, b"a value", schema=1, revision=1)
        for number in _FIELDS
    )
    key, private = os.urandom(32), os.urandom(600)
    steps: dict[str, Callable[[], object]] = {
        "pairwise id, parse": partial(pairwise.parse, "desk", pairwise.issue("desk", subject)),
        "subject keys, unwrap both": partial(unwrap_subject_keys, keyring, vault, subject, wrapped),
        "AES-256-GCM, new object": partial(FieldCipher, key),
        "facts, open": partial(open_facts, keys, vault, subject, 1, facts),
        "ten fields, open": partial(open_values, keys.data_cipher, prefix, row, _FIELDS),
        "one field, open": partial(open_values, keys.data_cipher, prefix, row, _FIELDS[:1]),
        "entry, seal 600 bytes": partial(keys.audit_cipher.seal, os.urandom(12), private, entry),
        "access tag, HMAC": partial(mac, key, b"index"),
        "access reference, seal": partial(refs.seal, entry, subject),
    }
    return [micro(name, step, quick=quick) for name, step in steps.items()]
