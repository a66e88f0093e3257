"""Writes log entries: leaf, sealed private part, and the tag by which the subject finds it. Stores nothing itself.

Entries about a living subject are sealed under her K_audit; those about nobody, about the erased, and the officers' own
under K_vault. By form, the two cannot be told apart. Refuses to make an entry without an act and a decision.
"""

from collections.abc import Sequence
from typing import Any

from privet.audit.entry import encode_private, seal_entry
from privet.audit.leaf import LeafForm
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys
from privet.crypto.framing import join
from privet.crypto.kdf import mac
from privet.crypto.keyring import Keyring
from privet.crypto.vaultkey import VaultKeys
from privet.domain.ids import NOBODY, EntryId, SubjectId, VaultId, WorkerId
from privet.domain.ports import Clock, EntryRow, Randomness

_DRAW = 10 + 12 + 32


class Scribe:
    """Makes the entries of one worker under one policy revision."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        vault: VaultId,
        worker: WorkerId,
        policy: str,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._vault_keys = VaultKeys(keyring, vault)
        self._refs = AccessRefs(keyring)
        self._nobody_tag = keyring.expand_root(join(b"nobody", vault))
        self._worker = worker
        self._policy = policy
        self._clock = clock
        self._randomness = randomness

    def entries(self, drafts: "Sequence[Draft]") -> list[EntryRow]:
        """One entry a draft, in order, all of one moment. Draws the batch's randomness at once."""
        now = self._clock()
        stamp = now.to_bytes(6, "big")
        drawn = self._randomness(_DRAW * len(drafts))
        refs = self._refs.seal
        worker = self._worker
        policy = self._policy
        time = b"%d" % now
        made = []
        at = 0
        said: tuple[object, ...] = ()
        form: LeafForm | None = None
        for draft in drafts:
            keys, subject, private = draft[8:]
            if form is None or draft[:8] != said:  # neighbours mostly say the same
                said = draft[:8]
                act, decision, purpose, basis, service, classes, count, written = draft[:8]
                form = LeafForm(act, decision, purpose, basis, policy, service, classes, count, written)
            entry = stamp + drawn[at : at + 10]
            nonce = drawn[at + 10 : at + 22]
            r = drawn[at + 22 : at + 54]
            at += _DRAW
            if keys is None:
                cipher = self._vault_keys.cipher(worker, now)
                # A tag of its own an entry: nothing groups the people nobody is.
                tag = mac(self._nobody_tag, entry)
            else:
                cipher = keys.audit_cipher
                tag = keys.tag
            sealed, commitment, digest = seal_entry(cipher, worker, nonce, r, private, entry)
            leaf = form.encode(entry, time, commitment, digest)
            made.append(EntryRow(EntryId(entry), leaf, sealed, tag, refs(EntryId(entry), subject)))
        return made

    def act(
        self,
        act: str,
        decision: str,
        private: dict[str, Any],
        *,
        keys: SubjectKeys | None = None,
        subject: SubjectId = NOBODY,
        purpose: str | None = None,
        basis: str | None = None,
        service: str | None = None,
        classes: Sequence[str] = (),
        count: int = 0,
        written: bytes | None = None,
        size: int | None = None,
    ) -> EntryRow:
        """One entry for an act off the hot path. `private` gains the subject; `keys` None seals it under K_vault."""
        body = encode_private({**private, "subject": subject.hex()}, size)
        draft = (
            act, decision, purpose, basis, service, sorted(set(classes)), count, written, keys, subject, body
        )  # fmt: skip
        return self.entries([draft])[0]


Draft = tuple[
    str, str, str | None, str | None, str | None, list[str], int, bytes | None, SubjectKeys | None, SubjectId, bytes
]  # fmt: skip
"""(act, decision, purpose, basis, service, classes, n, wh, keys or None for K_vault, subject, padded private)."""
