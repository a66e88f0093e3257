"""Restore: data of a backup, keys of the current keypack, wishes of the control journal. All three or nothing.

It brings back the living, never a withdrawn consent and never an erased person, and goes on under a new log that names
the last anchor of the old one, since the two share only their beginning. The live database is untouched until the
restored one is complete; then one rename swaps them. After a crash, running it again begins anew or finishes.
Refuses an altered backup, a journal that lacks what the backup knew, a keypack whose key is gone, and to run while
another process has the vault open.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from privet.audit.checkpoint import Checkpoint
from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.config.settings.serving import DatabaseSettings
from privet.crypto.keyring import Keyring
from privet.domain.catalogue import Catalogue
from privet.domain.ids import Millis, VaultId, WorkerId
from privet.domain.ports import Clock, Randomness, Store
from privet.errors import Conflict, IntegrityError, RestoreNeeded, Unavailable
from privet.store.copying import load_backup
from privet.store.custody.anchors import Anchors, log_root, make_checkpoint
from privet.store.custody.backup_format import DATABASE, MANIFEST, Manifest, read_backup, read_unsigned
from privet.store.custody.durable import disk, locked, read_bytes, replace_file, sync_directory
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.replay import fold_journal
from privet.store.custody.revival import Revival, Revived
from privet.store.custody.staging import Stage, find_stage
from privet.store.opening import open_store

PENDING: Final = "restore.pending"
_BUSY: Final = "another process is restoring this vault"
_RESTARTED: Final = "/restored-"

Progress = Callable[[str, int, int], None]
"""(step, done, total). The steps, in order: verified, load, loaded, people, revived, logged, swapped, done."""


Numbered = Callable[[Mapping[tuple[str, str], int]], Catalogue]
"""Gives the catalogue its permanent numbers, as a database keeps them by (kind, name)."""


class Restored(NamedTuple):
    """What came back. `aside`: the database that was live, kept until the steward deletes it; None where there was
    none. It holds what the vault held, erased people's wrapped keys included, until their epoch's key is destroyed."""

    people: Revived
    made: Millis
    origin: str
    lost_entries: int
    aside: Path | None


def put_back_settings(backup: Path, directory: Path) -> tuple[str, ...]:
    """Writes those of a backup's settings, catalogue, notices and policies that `directory` lacks; returns their names.

    For a vault whose directory is lost: then the keyring, keypack and journal are put in their places by hand.
    Raises as `read_unsigned`; their signature is verified when the vault is restored.
    """
    manifest = read_unsigned(backup)
    written = []
    for name in manifest.files:
        if name.endswith((".toml", ".yaml", ".md", ".tar.gz")) and not (directory / name).exists():
            lost = Unavailable("the backup lost a file while it was read")
            replace_file(directory / name, read_bytes(backup / name, lost, limit=1 << 24))
            written.append(name)
    return tuple(written)


def verify_not_restoring(directory: Path) -> None:
    """Raises RestoreNeeded while a restore of the vault in `directory` has not ended. For whoever opens a vault."""
    if (directory / PENDING).exists():
        raise RestoreNeeded(
            "a restore of this vault has not ended: run `privet restore` again with the same backup"
        )


def restore(
    *,
    backup: Path,
    directory: Path,
    database_url: str,
    keyring: Keyring,
    vault: VaultId,
    catalogue: Numbered,
    keypack: KeypackFile,
    journal: JournalFile,
    anchors: Anchors,
    scribe: Scribe,
    worker: WorkerId,
    clock: Clock,
    randomness: Randomness,
    progress: Progress | None = None,
    actor: str = "steward",
    database: DatabaseSettings | None = None,
) -> Restored:
    """Restores the vault in `directory` from a backup. `catalogue` gets the numbers of the backup's database.

    Raises IntegrityError naming the part of the backup, journal or keypack that is damaged, Unavailable for what is
    missing, in use, or a full disk: the live database then is as it was.
    """
    with locked(directory / ".restore.lock", _BUSY, wait_s=0):
        return _Restoring(
            backup,
            directory,
            database_url,
            keyring,
            vault,
            catalogue,
            keypack,
            journal,
            anchors,
            scribe,
            worker,
            clock,
            randomness,
            progress or _silent,
            actor,
            database,
        ).run()


class _Restoring(NamedTuple):
    backup: Path
    directory: Path
    database_url: str
    keyring: Keyring
    vault: VaultId
    catalogue: Numbered
    keypack: KeypackFile
    journal: JournalFile
    anchors: Anchors
    scribe: Scribe
    worker: WorkerId
    clock: Clock
    randomness: Randomness
    progress: Progress
    actor: str
    database: DatabaseSettings | None

    def run(self) -> Restored:
        self.keyring.reload()
        manifest = read_backup(self.backup, self.keyring.signer(), self.vault)
        self.progress("verified", 0, 0)
        stage = find_stage(self.database_url, self.database)
        stage.verify_unused()
        done = self._find_pending()
        if done is None:
            self.journal.verify_extends(manifest.journal)
            token = self._begin(stage)
            store = self._create(stage, token, manifest)
            try:
                done = {**self._revive(store, manifest), "token": token}
            finally:
                store.close()
            replace_file(self.directory / PENDING, json.dumps(done).encode())
        self.progress("logged", 0, 0)
        aside = stage.publish(Millis(done["at"]))
        self.progress("swapped", 0, 0)
        self.anchors.write(done["note"].encode(), successor=True)
        with disk():
            (self.directory / PENDING).unlink()
            sync_directory(self.directory)
        self.progress("done", 0, 0)
        return Restored(Revived(*done["people"]), manifest.made, done["origin"], done["lost"], aside)

    def _begin(self, stage: Stage) -> str:
        """Takes away what an interrupted restore left, and says on disk which restore is under way."""
        found = self._read_pending()
        before = found.get("token") if found.get("database") == self._place() else None
        stage.discard(before if isinstance(before, str) else None)
        token = before if isinstance(before, str) else self.randomness(16).hex()
        if stage.in_place:  # nobody may open it before it is complete
            told = {"backup": self._digest(), "database": self._place(), "token": token}
            replace_file(self.directory / PENDING, json.dumps(told).encode())
        return token

    def _create(self, stage: Stage, token: str, manifest: Manifest) -> Store:
        """A new database with everything of the backup in it."""
        store = open_store(
            stage.url,
            database=self.database,
            create=True,
            vault=self.vault,
            worker=self.worker,
            origin=manifest.origin,
            clock=self.clock,
            randomness=self.randomness,
        )
        try:
            stage.mark(store, token)
            load_backup(self.backup / DATABASE, store, lambda done, total: self.progress("load", done, total))
        except Conflict as error:
            store.close()
            raise IntegrityError(f"the backup's database cannot be loaded: {error}") from None
        except BaseException:
            store.close()
            raise
        self.progress("loaded", 0, 0)
        return store

    def _revive(self, store: Store, manifest: Manifest) -> dict[str, Any]:
        """Everything that happens in the staged database. Returns what the last steps need, as JSON."""
        store.sequence()
        size = store.log.size()
        last = self._verify_past(store, manifest, size)
        replay = fold_journal(self.journal.records(), position=manifest.journal.position, made=manifest.made)
        with store.read() as unit:
            catalogue = self.catalogue(unit.numbers())
        people = Revival(
            store=store,
            keyring=self.keyring,
            vault=self.vault,
            catalogue=catalogue,
            scribe=self.scribe,
            keypack=self.keypack,
            replay=replay,
            clock=self.clock,
            randomness=self.randomness,
        ).run(lambda done, total: self.progress("people", done, total))
        self.progress("revived", 0, 0)
        at = self.clock()
        origin = f"{last.origin.partition(_RESTARTED)[0]}{_RESTARTED}{at}"
        store.restart_log(origin)
        private = {
            "actor": self.actor,
            "backup": self._digest(),
            "made": manifest.made,
            "from": {"origin": last.origin, "size": last.size, "root": last.root.hex()},
            "people": people._asdict(),
        }
        with store.write() as unit:
            unit.append((self.scribe.act(Act.RESTORE.value, Decision.DONE.value, private),))
        store.sequence()
        note = make_checkpoint(store.log, store.log.size(), self.keyring.signer())
        store.add_checkpoint(store.log.size(), note.decode())
        store.checkpoint_files()
        return {
            "backup": self._digest(),
            "database": self._place(),
            "at": at,
            "origin": origin,
            "note": note.decode(),
            "people": list(people),
            "lost": max(0, last.size - size) if last.origin == manifest.origin else last.size,
        }

    def _verify_past(self, store: Store, manifest: Manifest, size: int) -> Checkpoint:
        """The last that was witnessed of this vault's log; the copy must be its past, or end where it ends."""
        log = store.log
        if log.origin() != manifest.origin or size < manifest.size:
            raise IntegrityError("the backup's database is not the one its manifest tells of")
        held = self.anchors.find_latest()
        if held is None or (held[0].origin == manifest.origin and held[0].size < size):
            held_root = held[0].root if held is not None else None
            if held is not None and log_root(log, held[0].size) != held_root:
                raise _fork()
            return Checkpoint(origin=manifest.origin, size=size, root=log_root(log, size))
        if held[0].origin == manifest.origin and held[0].size == size and log_root(log, size) != held[0].root:
            raise _fork()
        return held[0]

    def _digest(self) -> str:
        return sha256(
            read_bytes(self.backup / MANIFEST, Unavailable("the backup is gone"), limit=1 << 23)
        ).hexdigest()

    def _find_pending(self) -> dict[str, Any] | None:
        """What an interrupted restore of this backup into this database had reached; None when it must begin anew."""
        found = self._read_pending()
        complete = {"backup", "database", "token", "at", "origin", "note", "people", "lost"} == set(found)
        same = complete and (found["backup"], found["database"]) == (self._digest(), self._place())
        return found if same else None

    def _read_pending(self) -> dict[str, Any]:
        file = self.directory / PENDING
        if not file.exists():
            return {}
        try:
            found = json.loads(read_bytes(file, Unavailable("gone")))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _place(self) -> str:
        """Which database is restored into, without its password."""
        return sha256(self.database_url.encode()).hexdigest()


def _fork() -> IntegrityError:
    return IntegrityError(
        "the backup's log is not the past of the log that was witnessed: use another backup"
    )


def _silent(_step: str, _done: int, _total: int) -> None:
    """No progress asked for."""
