"""Opens the private part of log entries for those who may: officers, and whoever replays a decision.

An entry about a living subject opens under her K_audit, found by the entry's sealed reference; one about nobody under
K_vault. Refuses nothing quietly: an entry whose keys were destroyed is reported as sealed for good, one that does not
match its leaf raises IntegrityError.
"""

from typing import NamedTuple

from privet.audit.entry import Private, open_entry, read_entry, worker_of
from privet.audit.leaf import Leaf
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys
from privet.crypto.keyring import Keyring
from privet.crypto.vaultkey import VaultKeys
from privet.domain.ids import NOBODY, SubjectId, VaultId
from privet.domain.ports import LoggedRow, Store
from privet.errors import IntegrityError, KeyDestroyed

_KEPT = 4096


class ReadEntry(NamedTuple):
    """An opened entry. `private` is None when nothing opens it any more: its subject was erased."""

    subject: SubjectId | None
    private: Private | None

    def __repr__(self) -> str:
        return "ReadEntry(hidden)"


class EntryReader:
    """Opens entries of one vault; keeps the keys of subjects it met for as long as one query runs."""

    def __init__(self, *, store: Store, keyring: Keyring, vault: VaultId) -> None:
        self._store = store
        self._keyring = keyring
        self._vault = vault
        self._refs = AccessRefs(keyring)
        self._vault_keys = VaultKeys(keyring, vault)
        self._known: dict[SubjectId, SubjectKeys | None] = {}

    def read(self, row: LoggedRow, leaf: Leaf) -> ReadEntry:
        """The private part. Raises IntegrityError when it opens and is not what the leaf commits to."""
        if row.ref is None:
            return ReadEntry(None, None)
        subject = self._refs.open(row.id, row.ref)
        keys = None if subject == NOBODY else self._keys(subject)
        if keys is None:
            cipher = self._vault_keys.cipher(worker_of(row.sealed), leaf.t_ms)
            try:
                return ReadEntry(subject, read_entry(cipher, leaf, row.sealed))
            except IntegrityError:
                if subject == NOBODY:
                    raise
                return ReadEntry(subject, None)
        cipher = keys.audit_cipher
        try:
            open_entry(cipher, row.sealed, leaf.id)
        except IntegrityError:
            # an entry about her made while her row did not open is under the vault's key
            cipher = self._vault_keys.cipher(worker_of(row.sealed), leaf.t_ms)
        return ReadEntry(subject, read_entry(cipher, leaf, row.sealed))

    def keys(self, subject: SubjectId) -> SubjectKeys | None:
        """A subject's keys, None when she is gone or they do not open."""
        return self._keys(subject)

    def _keys(self, subject: SubjectId) -> SubjectKeys | None:
        if subject not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            with self._store.read() as unit:
                row = unit.find_rows([subject]).get(subject)
            try:
                keys = (
                    None
                    if row is None
                    else unwrap_subject_keys(self._keyring, self._vault, subject, row.keys)
                )
            except (KeyDestroyed, IntegrityError):
                keys = None
            self._known[subject] = keys
        return self._known[subject]
