"""Bringing a loaded copy to what may live now: keys from the keypack, wishes from the journal, the erased out again.

Works on a store that nobody else has open; a crash leaves it to be loaded anew. Refuses a keypack that is missing,
stale or damaged where rows need it, and a keyring older than the copy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from privet.audit.leaf import Act, Decision, parse_leaf
from privet.audit.scribe import Scribe
from privet.consent.ledger import LedgerBook
from privet.crypto.access import AccessRefs
from privet.crypto.envelope import SubjectKeys, unwrap_subject_keys, wrap_subject_keys
from privet.crypto.facts import open_facts, seal_facts
from privet.crypto.keyring import Keyring
from privet.decide.facts import encode_facts, parse_facts
from privet.domain.catalogue import Catalogue
from privet.domain.ids import SubjectId, VaultId
from privet.domain.ports import Clock, IndexRow, Randomness, Store, SubjectRow, WriteUnit
from privet.errors import IntegrityError, KeyDestroyed, Unavailable
from privet.store.custody.keypack import FORGOTTEN, KeypackFile
from privet.store.custody.replay import Replay, apply_wishes
from privet.store.custody.rewrap import inner_indexes, insert_lookups

_BATCH: Final = 200
_NO_TAG: Final = bytes(32)
_LOST: Final = (
    "rows of this backup need the keypack, and there is none that fits: put the newest keypack in its place"
)


class Revived(NamedTuple):
    """Counts of people. `gone`: their keys ended with their epoch and stand in no keypack; `damaged`: their row does
    not open, and stays as it is."""

    living: int
    erased: int
    gone: int
    damaged: int
    amended: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Revival:
    """What it works with."""

    store: Store
    keyring: Keyring
    vault: VaultId
    catalogue: Catalogue
    scribe: Scribe
    keypack: KeypackFile
    replay: Replay
    clock: Clock
    randomness: Randomness

    def run(self, progress: Callable[[int, int], None]) -> Revived:
        """Everybody, in order of subject id."""
        with self.store.read() as unit:
            newest = max((row.epoch for row in unit.epochs()), default=0)
            total = unit.count_subjects()
        epoch = self.keyring.current_epoch
        if newest > epoch:
            raise Unavailable("the keyring is older than this backup: put the newest keyring in its place")
        self._open_epoch(epoch)
        work = _Work(self, epoch)
        after: SubjectId | None = None
        done = 0
        while True:
            with self.store.write() as unit:
                rows = unit.subjects_after(after, _BATCH)
                for row in rows:
                    work.take(unit, row)
                work.flush(unit)
            if not rows:
                break
            after = rows[-1].subject
            done += len(rows)
            progress(done, total)
        self._unlink(work.untagged)
        self._end_epochs(epoch)
        return work.counts()

    def _open_epoch(self, epoch: int) -> None:
        with self.store.write() as unit:
            rows = unit.epochs()
            if all(row.epoch != epoch for row in rows):
                unit.open_epoch(epoch, self.clock())
            for row in rows:
                if row.epoch != epoch and row.state == "open":
                    unit.set_epoch(row.epoch, "closing")

    def _end_epochs(self, epoch: int) -> None:
        """Epochs that nobody names any more; their keys, if the keyring has some, go at the next rotation."""
        with self.store.write() as unit:
            for row in unit.epochs():
                if (
                    row.epoch != epoch
                    and row.state != "destroyed"
                    and not unit.count_subjects(epoch=row.epoch)
                ):
                    unit.delete_epoch_indexes(row.epoch)
                    unit.set_epoch(row.epoch, "destroyed")

    def _unlink(self, subjects: set[SubjectId]) -> None:
        """Who saw the data of people whose keys are gone: found by the sealed references, and cleared."""
        if not subjects:
            return
        self.store.sequence()
        refs = AccessRefs(self.keyring)
        tags: dict[bytes, SubjectId] = {}
        for entry in self.store.log.entries(0, self.store.log.size()):
            if entry.ref is not None and entry.tag is not None and entry.tag not in tags:
                subject = refs.open(entry.id, entry.ref)
                if subject in subjects and parse_leaf(entry.leaf).act != Act.ERASE:
                    tags[entry.tag] = subject
        with self.store.write() as unit:
            for tag, subject in tags.items():
                unit.erase_subject(subject, tag)


class _Work:
    """The sweep's state between rows."""

    def __init__(self, revival: Revival, epoch: int) -> None:
        self._r = revival
        self._epoch = epoch
        self._held = set(revival.keyring.epochs())
        self._book = LedgerBook(vault=revival.vault, randomness=revival.randomness)
        self._pack: Iterator[tuple[SubjectId, bytes]] = iter(())
        self._head = self._open_pack()
        self._next: tuple[SubjectId, bytes] | None = next(self._pack, None)
        self._lookups: list[IndexRow] = []
        self.untagged: set[SubjectId] = set()
        self._living = self._erased = self._gone = self._damaged = self._amended = 0

    def counts(self) -> Revived:
        return Revived(self._living, self._erased, self._gone, self._damaged, self._amended)

    def take(self, unit: WriteUnit, row: SubjectRow) -> None:
        packed = self._find_packed(row.subject)
        erased = row.subject in self._r.replay.erased or packed == FORGOTTEN
        keys, damaged = self._find_keys(row, packed)
        if erased:
            self._erased += 1
            self._erase(unit, row.subject, keys)
            tombstone = self._r.scribe.act(
                Act.ERASE.value,
                Decision.DONE.value,
                {"actor": "steward", "restore": True},
                subject=row.subject,
            )
            unit.append((tombstone,))
        elif keys is not None:
            try:
                self._revive(unit, row, keys)
            except IntegrityError:
                self._lose(unit, row, keys, damaged=True)
        else:
            self._lose(unit, row, None, damaged=damaged)

    def flush(self, unit: WriteUnit) -> None:
        """The look-ups of the batch."""
        insert_lookups(unit, self._lookups, self._r.catalogue)
        self._lookups.clear()

    def _revive(self, unit: WriteUnit, row: SubjectRow, keys: SubjectKeys) -> None:
        vault, subject = self._r.vault, row.subject
        # All that may not open comes before anything is written.
        facts = parse_facts(open_facts(keys, vault, subject, row.facts_rev, row.facts))
        moved = row.epoch != self._epoch
        indexes = list(inner_indexes(self._r.keyring, vault, self._epoch, row, keys)) if moved else []
        if moved:
            blob = wrap_subject_keys(self._r.keyring, vault, subject, self._epoch, keys)
            unit.swap_keys(subject, row.keys_rev, self._epoch, blob)
        self._lookups += indexes
        wishes = self._r.replay.wishes.get(subject)
        if wishes is not None:
            amended = apply_wishes(unit, self._book, subject, keys, facts, wishes)
            if amended != facts:
                self._amended += 1
                sealed = seal_facts(
                    keys, self._r.randomness(12), vault, subject, row.facts_rev + 1, encode_facts(amended)
                )
                unit.swap_facts(subject, row.facts_rev, sealed)
                private = {
                    "actor": "steward",
                    "withdrawn": sorted(wishes.withdrawn),
                    "objected": sorted(amended.objected),
                    "restricted": amended.restricted,
                }
                act = self._r.scribe.act(
                    Act.RESTORE.value, Decision.DONE.value, private, keys=keys, subject=subject
                )
                unit.append((act,))
        self._living += 1

    def _lose(self, unit: WriteUnit, row: SubjectRow, keys: SubjectKeys | None, *, damaged: bool) -> None:
        """Under a key that is held a damaged row stays, for `doctor` to name; under one that is gone no row may."""
        if damaged and row.epoch in self._held:
            self._damaged += 1
        else:
            self._gone += 1
            self._erase(unit, row.subject, keys)

    def _erase(self, unit: WriteUnit, subject: SubjectId, keys: SubjectKeys | None) -> None:
        if keys is None:
            self.untagged.add(subject)
        unit.erase_subject(subject, _NO_TAG if keys is None else keys.tag)

    def _find_keys(self, row: SubjectRow, packed: bytes | None) -> tuple[SubjectKeys | None, bool]:
        """(keys or None, whether what should open does not)."""
        damaged = False
        for blob in (row.keys, packed):
            if blob is None or blob == FORGOTTEN:
                continue
            try:
                return unwrap_subject_keys(self._r.keyring, self._r.vault, row.subject, blob), False
            except KeyDestroyed:
                continue
            except IntegrityError:
                damaged = True
        if row.epoch not in self._held and self._head is None:
            raise Unavailable(_LOST)
        return None, damaged

    def _open_pack(self) -> int | None:
        """The keypack's epoch, once all of it was read and found whole; None when there is none."""
        if not self._r.keypack.exists():
            return None
        head, records = self._r.keypack.read()
        for _ in records:
            pass
        if head.epoch not in self._held:
            raise Unavailable(
                f"the keypack is of epoch {head.epoch}, whose key has been destroyed: "
                "put the newest keypack in its place"
            )
        self._pack = self._r.keypack.read()[1]
        return head.epoch

    def _find_packed(self, subject: SubjectId) -> bytes | None:
        while self._next is not None and self._next[0] < subject:
            self._next = next(self._pack, None)
        return self._next[1] if self._next is not None and self._next[0] == subject else None
