"""Who saw my data: every log entry about a subject, newest first, with the true reasons of what was refused.

Found by her tag, opened under her K_audit, each held against its leaf. Refuses (IntegrityError, naming the entry) to
pass over one that does not open or is not what its leaf commits to. Looking is logged too, before anything is shown.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from privet.audit.entry import open_entry, read_entry
from privet.audit.leaf import Act, Decision, Leaf, parse_leaf
from privet.crypto.envelope import SubjectKeys
from privet.domain.answer import Access
from privet.domain.ids import EntryId, SubjectId, from_millis
from privet.domain.ports import LoggedRow
from privet.errors import IntegrityError
from privet.intake.amendment import Amendment, Amendments, Held

CUSTOMER = "customer"


class AccessBook:
    """Reads the log as one subject may see it."""

    def __init__(self, *, amendments: Amendments) -> None:
        self._amendments = amendments

    def accesses(
        self,
        subject: SubjectId,
        *,
        limit: int | None = None,
        thorough: bool = False,
        actor: str = CUSTOMER,
    ) -> tuple[Access, ...]:
        """All of them, or the `limit` newest; the first is this very look. `thorough`: see `read`."""
        keys = self._look(subject, actor)
        found: list[Access] = []
        for access in self.read(keys, thorough=thorough):
            if limit is not None and len(found) >= limit:
                break
            found.append(access)
        return tuple(found)

    def _look(self, subject: SubjectId, actor: str) -> SubjectKeys:
        def look(held: Held) -> Amendment[SubjectKeys]:
            entry = self._amendments.scribe.act(
                Act.ACCESS,
                Decision.DONE,
                {"actor": actor, "what": "accesses"},
                keys=held.keys,
                subject=held.subject,
            )
            return Amendment(result=held.keys, entry=entry)

        return self._amendments.amend(subject, look)

    def since(
        self, subject: SubjectId, after: str | None = None, *, actor: str = CUSTOMER
    ) -> Iterator[Access]:
        """Those older than the entry `after` (its audit id), or all: newest first, opened as the caller goes on.

        For pages: none before this one is read. An id that is no entry of hers starts at the newest. Logged at once.
        """
        keys = self._look(subject, actor)
        return self.read(keys, before=self._place(keys, after))

    def _place(self, keys: SubjectKeys, after: str | None) -> int | None:
        try:
            wanted = EntryId(bytes.fromhex(after or ""))
        except ValueError:
            return None
        row = self._amendments.store.log.find_entry(wanted) if len(wanted) == 16 else None
        return row.pos if row is not None and row.tag == keys.tag else None

    def read(
        self, keys: SubjectKeys, *, thorough: bool = False, before: int | None = None
    ) -> Iterator[Access]:
        """Newest first, page by page, as far as the caller goes. The caller has logged the look.

        `thorough` tries her key on every entry of the log (a few µs each) rather than trust the index, which is not
        under the log's hashes: who can write the database could hide an entry from her there, but not here.
        """
        store = self._amendments.store
        store.sequence()
        tag = keys.tag
        for row in store.log.entries_newest(before, tag=None if thorough else tag):
            if row.tag == tag or _is_hers(keys, row):
                leaf, private = open_own(keys, row)
                yield to_access(leaf, private)


def _is_hers(keys: SubjectKeys, row: LoggedRow) -> bool:
    try:
        open_entry(keys.audit_cipher, row.sealed, row.id)
    except IntegrityError:
        return False
    return True


def open_own(keys: SubjectKeys, row: LoggedRow) -> tuple[Leaf, Mapping[str, Any]]:
    """One entry about the subject whose keys these are. Raises IntegrityError, naming the entry."""
    try:
        leaf = parse_leaf(row.leaf)
        return leaf, read_entry(keys.audit_cipher, leaf, row.sealed)
    except IntegrityError as damage:
        raise IntegrityError(f"log entry {row.pos} ({row.id.hex()}): {damage.message}") from None


def to_access(leaf: Leaf, private: Mapping[str, Any]) -> Access:
    """The line she reads. Raises IntegrityError for a private part of an unknown form."""
    try:
        reasons = dict(private.get("reasons") or {})
        if "reason" in private and not reasons:
            reasons = {"": private["reason"]}
        return Access(
            audit_id=leaf.id.hex(),
            at=from_millis(leaf.t_ms),
            act=leaf.act,
            decision=leaf.decision.value,
            service=leaf.service or str(private.get("actor", "")),
            purpose=leaf.purpose or str((private.get("input") or private).get("purpose") or ""),
            fields=_fields(leaf, private),
            withheld=reasons,
        )
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise IntegrityError(f"log entry {leaf.id.hex()}: its private part has an unknown form") from error


def _fields(leaf: Leaf, private: Mapping[str, Any]) -> tuple[str, ...]:
    """What was released or written. A read names its effects a letter a field, in order of the question's fields."""
    if leaf.decision in (Decision.REFUSE, Decision.FAILED):
        return ()
    if "fields" in private:
        return tuple(private["fields"])
    question = private.get("input")
    if not question:
        return ()
    effects = zip(sorted(question["fields"]), private["effects"], strict=True)
    return tuple(path for path, effect in effects if effect != "d")
