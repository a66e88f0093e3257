"""Rotation: every living person's keys move under a new epoch's key, and the old one is destroyed.

Old copies of the database then hold nothing that opens. Four steps, each of which a crash may end anywhere; running
it again goes on where it stopped, and readers and writers in other processes work throughout:

1. open: a key for e+1 in the keyring, then its row in the database. Not the other way: a row without a key would stop
   every writer, a key without a row does nothing.
2. close: no transaction creates keys under e any more.
3. rewrap: rows and blind indexes, in batches.
4. retire: the keypack of e+1 is written and compared; no row names e; the database says that e is destroyed; readers
   that began before that are let finish; the keyring destroys e. Not the other way: a database that lists an epoch
   whose key is gone would fail every look-up. A crash in between leaves a key that opens nothing in the database, and
   the next run destroys it: never on the database's word alone, only after the same checks.

Refuses to rewrap whom the control journal says was erased, to destroy a key while one row does not unwrap, and
to run with a keyring older than the database.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ids import SubjectId, VaultId
from privet.domain.ports import Clock, EpochRow, Store, WriteUnit
from privet.errors import IntegrityError, Unavailable
from privet.store.custody.durable import locked
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.rewrap import Rewrapping

AGAIN: Final = "run `privet keys rotate` again: it goes on where it stopped"
_BUSY: Final = "another process is rotating the keys of this vault; wait for it to end"
_SWEEP: Final = 1_000
_NO_TAG: Final = bytes(32)

Progress = Callable[[str, int, int], None]
"""(step, done, total). The steps, in order: keyring, open, closed, rewrap, rewrapped, keypack, retired, destroyed,
done."""


class Rotated(NamedTuple):
    """What a rotation did. `resumed`: it finished an earlier one, and began none."""

    epoch: int
    retired: tuple[int, ...]
    people: int
    resumed: bool


def rotate(
    *,
    store: Store,
    keyring: Keyring,
    vault: VaultId,
    catalogue: Catalogue,
    scribe: Scribe,
    keypack: KeypackFile,
    journal: JournalFile,
    clock: Clock,
    progress: Progress | None = None,
    grace_s: float = 0.25,
    actor: str = "steward",
) -> Rotated:
    """Rotates once, or finishes a rotation that did not end.

    `grace_s`: how long a read that is under way may take when the old key goes; twice that is waited in all.
    Raises Unavailable (another rotation, a full disk, a stale keyring) and IntegrityError (rows that do not unwrap);
    after either the vault is usable, and running it again goes on.
    """
    with locked(keypack.path.with_name(f".{keypack.path.name}.rotation"), _BUSY, wait_s=0):
        return _Rotation(
            store,
            keyring,
            vault,
            catalogue,
            scribe,
            keypack,
            journal,
            clock,
            progress or _silent,
            grace_s,
            actor,
        ).run()


def find_unfinished(keyring: Keyring, epochs: tuple[EpochRow, ...]) -> str | None:
    """What an interrupted rotation left, in a few words, or None."""
    live = [row.epoch for row in epochs if row.state != "destroyed"]
    if keyring.current_epoch > max(live, default=0):
        return f"epoch {keyring.current_epoch} is in the keyring and not yet in the database"
    if len(live) > 1:
        return f"epoch {min(live)} is not yet retired"
    if len(keyring.epochs()) > 1:
        return f"epoch {keyring.epochs()[0]} is not yet destroyed in the keyring"
    return None


def live_keys(store: Store, epoch: int) -> Iterator[tuple[SubjectId, bytes]]:
    """(subject, keys) of every row that names `epoch`, ascending; each page in a transaction of its own."""
    after: SubjectId | None = None
    while True:
        with store.read() as unit:
            rows = unit.subjects_after(after, _SWEEP, epoch=epoch)
        if not rows:
            return
        for row in rows:
            yield row.subject, row.keys
        after = rows[-1].subject


class _Rotation(NamedTuple):
    store: Store
    keyring: Keyring
    vault: VaultId
    catalogue: Catalogue
    scribe: Scribe
    keypack: KeypackFile
    journal: JournalFile
    clock: Clock
    progress: Progress
    grace_s: float
    actor: str

    def run(self) -> Rotated:
        self.keyring.reload()
        with self.store.read() as unit:
            rows = tuple(unit.epochs())
        newest = max((row.epoch for row in rows), default=0)
        if newest > self.keyring.current_epoch:
            raise Unavailable(
                "the keyring is older than the database: put back the newest keyring before rotating"
            )
        resumed = find_unfinished(self.keyring, rows) is not None
        epoch = self.keyring.current_epoch if resumed else self.keyring.add_epoch()
        self.progress("keyring", epoch, epoch)
        self._open(epoch, rows)
        self._close(epoch)
        self._forget()
        people = self._rewrap(epoch)
        retired = self._retire(epoch)
        with suppress(Unavailable):  # what a long read keeps in the log opens with a key that is gone
            self.store.checkpoint_files()
        self.progress("done", people, people)
        return Rotated(epoch, retired, people, resumed)

    def _open(self, epoch: int, rows: tuple[EpochRow, ...]) -> None:
        if all(row.epoch != epoch for row in rows):
            with self.store.write() as unit:
                unit.open_epoch(epoch, self.clock())
                self._log(unit, "open", epoch)
        self.progress("open", epoch, epoch)

    def _close(self, epoch: int) -> None:
        with self.store.write() as unit:
            old = [row.epoch for row in unit.epochs() if row.epoch < epoch and row.state == "open"]
            for number in old:
                unit.set_epoch(number, "closing")
                self._log(unit, "close", number)
        if old and self.store.backend != "sqlite":
            time.sleep(self.grace_s)  # transactions that loaded the vault's state before the new epoch opened
        self.progress("closed", epoch, epoch)

    def _forget(self) -> None:
        """Whoever the journal says was erased gets no new key, though somebody put her row back from a copy."""
        erased = sorted({record.subject for record in self.journal.records() if record.act == "erase"})
        for start in range(0, len(erased), _SWEEP):
            with self.store.write() as unit:
                for subject, row in unit.find_rows(erased[start : start + _SWEEP]).items():
                    try:
                        tag = unwrap_subject_keys(self.keyring, self.vault, subject, row.keys).tag
                    except IntegrityError:
                        tag = _NO_TAG
                    unit.erase_subject(subject, tag)
                    private = {"actor": self.actor, "rotation": True}
                    unit.append(
                        (self.scribe.act(Act.ERASE.value, Decision.DONE.value, private, subject=subject),)
                    )

    def _rewrap(self, epoch: int) -> int:
        moving = Rewrapping(
            store=self.store, keyring=self.keyring, vault=self.vault, catalogue=self.catalogue, epoch=epoch
        )
        people = damaged = 0
        for old in self._old(epoch):
            moved = moving.move_all(old, lambda done, total: self.progress("rewrap", done, total))
            people += moved.people
            damaged += moved.damaged
        if damaged:
            raise IntegrityError(
                f"the keys of {damaged} people do not unwrap, so no key was destroyed: restore or erase them "
                f"(`privet doctor` lists them), then {AGAIN}"
            )
        self.progress("rewrapped", people, people)
        return people

    def _retire(self, epoch: int) -> tuple[int, ...]:
        old = self._old(epoch)
        self.keypack.write(
            epoch,
            lambda: live_keys(self.store, epoch),
            self.journal,
            lambda done: self.progress("keypack", done, 0),
        )
        with self.store.write() as unit:
            rows = unit.epochs()
            if any(unit.count_subjects(epoch=row.epoch) for row in rows if row.epoch < epoch):
                raise IntegrityError(f"rows still name another epoch than {epoch}: {AGAIN}")
            for row in rows:
                if row.epoch < epoch and row.state != "destroyed":
                    unit.delete_epoch_indexes(row.epoch)
                    unit.set_epoch(row.epoch, "destroyed")
                    self._log(unit, "retire", row.epoch)
        self.progress("retired", epoch, epoch)
        held = [number for number in self.keyring.epochs() if number < epoch]
        if held:
            time.sleep(self.grace_s)
        for number in held:
            self.keyring.destroy_epoch(number)
        self.progress("destroyed", epoch, epoch)
        if held:
            with self.store.write() as unit:
                for number in held:
                    self._log(unit, "destroy", number)
        return tuple(old)

    def _old(self, epoch: int) -> list[int]:
        """Epochs before `epoch` that live in the database or the keyring."""
        with self.store.read() as unit:
            live = {row.epoch for row in unit.epochs() if row.state != "destroyed"}
        return sorted(number for number in live | set(self.keyring.epochs()) if number < epoch)

    def _log(self, unit: WriteUnit, step: str, epoch: int) -> None:
        private = {"actor": self.actor, "step": step, "epoch": epoch}
        unit.append((self.scribe.act(Act.ROTATE.value, Decision.DONE.value, private),))


def _silent(_step: str, _done: int, _total: int) -> None:
    """No progress asked for."""
