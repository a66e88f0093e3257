"""Erasure (GDPR Art. 17) by destroying keys: the row, records, ledger and look-ups go, and with the keys what any log
entry says in private.

In this order, so that a crash anywhere errs to the safe side and asking again completes it: the control journal, the
keypack, then row and tombstone in one unit, then the database's own remains. The tombstone is sealed under K_vault and
holds the subject id only. Refuses while a legal hold stands (Conflict, saying why). Until the current key epoch ends, a
copy of the database made before still opens with the keyring (docs/rights.md).
"""

from collections.abc import Mapping
from typing import Any

from privet.audit.leaf import Act, Decision
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys
from privet.crypto.facts import open_facts
from privet.decide.facts import parse_facts
from privet.domain.ids import SubjectId
from privet.domain.ports import Keypack, SubjectRow
from privet.errors import IntegrityError, KeyDestroyed, NotFound
from privet.identify.current import check_current
from privet.intake.amendment import NOBODY_HERE, Amendments, Standing
from privet.rights.accesses import open_own

CUSTOMER = "customer"
_ERASED = b'{"act":"erase",'
_UNOPENED = bytes(32)
"""The tag of nobody: for a row whose keys no longer open, nothing can be grouped."""


class Erasure:
    """Erases subjects."""

    def __init__(self, *, amendments: Amendments, keypack: Keypack) -> None:
        self._amendments = amendments
        self._keypack = keypack
        self._refs = AccessRefs(amendments.keyring)

    def erase(self, subject: SubjectId, *, actor: str = CUSTOMER) -> str:
        """The tombstone's audit id. Again gives the same one, and completes what a crash left undone.

        Raises Conflict under a legal hold, Unavailable when journal, keypack or store are, and NotFound for somebody
        who was never here.
        """
        audit_id = self._amendments.insist(lambda: self._once(subject, actor))
        if audit_id is None:
            # a crash may have come between the commit and these
            self._keypack.forget(subject)
            audit_id = self._get_tombstone(subject)
        self._amendments.store.checkpoint_files()
        return audit_id

    def _get_tombstone(self, subject: SubjectId) -> str:
        """Found by its sealed reference. Looks through the log: only for somebody who is erased again."""
        store = self._amendments.store
        store.sequence()
        for row in store.log.entries_newest():
            if _ERASED in row.leaf and row.ref is not None and self._refs.open(row.id, row.ref) == subject:
                return row.id.hex()
        raise NotFound(NOBODY_HERE)

    def _once(self, subject: SubjectId, actor: str, *, unread: bool = False) -> str | None:
        """`unread`: where her facts do not open, the log has no hold. One cannot be set on such facts; if they open by
        now, they are what counts."""
        held = self._amendments
        try:
            with held.store.write() as unit:
                check_current(held.catalogue, held.keyring, unit.state())
                unit.lock_subject(subject)
                row = unit.find_rows((subject,)).get(subject)
                if row is None:
                    return None
                keys = self._find_keys(row)
                if keys is not None:
                    self._refuse_held(row, keys, unread=unread)
                held.journal.append("erase", subject, at=held.clock())
                self._keypack.forget(subject)
                unit.erase_subject(subject, _UNOPENED if keys is None else keys.tag)
                tombstone = held.scribe.act(Act.ERASE, Decision.DONE, {"actor": actor}, subject=subject)
                unit.append((tombstone,))
            return tombstone.id.hex()
        except _Unread as unclear:
            if self._find_hold(unclear.keys):
                raise Standing(self._why(unclear.keys)) from None
            return self._once(subject, actor, unread=True)
        except _HeldBack as back:
            raise Standing(self._why(back.keys)) from None

    def _find_keys(self, row: SubjectRow) -> SubjectKeys | None:
        """Her keys; None when they are gone or damaged: what cannot be opened can still be erased."""
        try:
            return unwrap_subject_keys(
                self._amendments.keyring, self._amendments.vault, row.subject, row.keys
            )
        except (KeyDestroyed, IntegrityError):
            return None

    def _refuse_held(self, row: SubjectRow, keys: SubjectKeys, *, unread: bool) -> None:
        try:
            payload = open_facts(keys, self._amendments.vault, row.subject, row.facts_rev, row.facts)
            hold = parse_facts(payload).hold
        except IntegrityError:
            if unread:
                return
            raise _Unread(keys) from None
        if hold:
            raise _HeldBack(keys)

    def _why(self, keys: SubjectKeys) -> str:
        """The sentence for her, with the reason from the log entry that set the hold."""
        said = self._find_hold(keys)
        until = f" until {said['until']}" if said.get("until") else ""
        reason = f": {said['reason_told']}" if said.get("reason_told") else ""
        contact = self._amendments.catalogue.contact
        ask = f"; ask {contact}" if contact else ""
        return f"a legal hold keeps this data{until}{reason}; it can be erased once the hold is lifted{ask}"

    def _find_hold(self, keys: SubjectKeys) -> Mapping[str, Any]:
        store = self._amendments.store
        store.sequence()
        for row in store.log.entries_newest(tag=keys.tag):
            leaf, private = open_own(keys, row)
            if leaf.act == Act.HOLD:
                return private if private.get("on") else {}
        return {}


class _HeldBack(Exception):
    def __init__(self, keys: SubjectKeys) -> None:
        super().__init__()
        self.keys = keys


class _Unread(_HeldBack):
    """Whether a hold stands is not to be read from her facts."""
