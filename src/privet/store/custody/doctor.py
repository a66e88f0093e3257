"""What `privet doctor` says of keys and copies: one finding a check, each with what to do. Changes nothing.

Refuses to stop at the first fault: what a check raises becomes its finding.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.keyring import Keyring
from privet.domain.ids import SubjectId, VaultId
from privet.domain.ports import Clock, Store
from privet.errors import IntegrityError, PrivetError, RestoreNeeded
from privet.store.custody.anchors import Anchors
from privet.store.custody.backup_format import MANIFEST
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.custody.keypack_format import MAGIC as KEYPACK_MAGIC
from privet.store.custody.recovery import PENDING
from privet.store.custody.rewrap import inner_indexes
from privet.store.custody.rotation import find_unfinished, live_keys
from privet.store.custody.staging import ASIDE

EPOCH_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_PAGE: Final = 500
_KEYRING_MARK: Final = b'"privet/keyring"'

Level = Literal["ok", "warn", "fault"]


class Finding(NamedTuple):
    """One check's outcome. `fix` is empty when all is well."""

    level: Level
    sentence: str
    fix: str = ""


def doctor_custody(
    *,
    directory: Path,
    keyring_path: Path,
    store: Store,
    keyring: Keyring,
    vault: VaultId,
    keypack: KeypackFile,
    journal: JournalFile,
    anchors: Anchors,
    clock: Clock,
    backups: Sequence[Path] = (),
) -> list[Finding]:
    """Every check. `backups`: directories in which the steward keeps backups; those beside the vault are found."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _keyring(keyring_path, directory, backups),
        lambda: _epochs(store, keyring, clock),
        lambda: _people(store, keyring, vault),
        lambda: _lookups(store, keyring, vault),
        lambda: _keypack(store, keyring, keypack),
        lambda: _journal(store, journal),
        lambda: _anchors(store, anchors),
        lambda: _leftovers(directory),
    ]
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except RestoreNeeded as error:
            findings.append(Finding("fault", str(error), "run `privet restore`"))
        except PrivetError as error:
            findings.append(Finding("fault", str(error), "see docs/backup.md"))
        except OSError as error:
            findings.append(
                Finding("fault", f"a file cannot be read ({error.strerror})", "look at paths and permissions")
            )
    return findings


def find_damaged(store: Store, keyring: Keyring, vault: VaultId) -> Iterator[SubjectId]:
    """People whose wrapped keys do not open: no rotation ends while there are any."""
    after: SubjectId | None = None
    while True:
        with store.read() as unit:
            rows = unit.subjects_after(after, _PAGE)
        if not rows:
            return
        for row in rows:
            try:
                unwrap_subject_keys(keyring, vault, row.subject, row.keys)
            except IntegrityError:
                yield row.subject
        after = rows[-1].subject


def find_misled(store: Store, keyring: Keyring, vault: VaultId) -> Iterator[SubjectId]:
    """People to whom a look-up leads that their profile does not hold, or whose own is missing."""
    after: SubjectId | None = None
    while True:
        with store.read() as unit:
            rows = unit.subjects_after(after, _PAGE)
            held = {row.subject: {found.value for found in unit.indexes_of(row.subject)} for row in rows}
        if not rows:
            return
        for row in rows:
            try:
                keys = unwrap_subject_keys(keyring, vault, row.subject, row.keys)
                due = {
                    epoch: {found.value for found in inner_indexes(keyring, vault, epoch, row, keys)}
                    for epoch in keyring.epochs()
                }
            except IntegrityError:
                continue  # `find_damaged` tells of her
            if not due[row.epoch] <= held[row.subject] <= set().union(*due.values()):
                yield row.subject
        after = rows[-1].subject


def _keyring(path: Path, directory: Path, backups: Sequence[Path]) -> Iterator[Finding]:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        yield Finding("fault", "others on this machine can read the keyring file", f"chmod 600 {path}")
    else:
        yield Finding("ok", "only its owner reads the keyring file")
    beside = _backups_in(path.parent)
    if beside:
        yield Finding(
            "warn",
            f"{len(beside)} backup(s) lie in the keyring's own directory: whoever takes one takes both",
            "move the backups to another disk",
        )
    for folder in {*beside, *_backups_in(directory), *(b for given in backups for b in _backups_in(given))}:
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                with file.open("rb") as stream:
                    start = stream.read(200)
                if _KEYRING_MARK in start:
                    yield Finding(
                        "fault",
                        f"a keyring lies in the backup {folder.name}: erasure reaches no copy of it",
                        "delete it there, then change the passphrase and rotate",
                    )
                elif start.startswith(KEYPACK_MAGIC):
                    yield Finding(
                        "fault",
                        f"a keypack lies in the backup {folder.name}: archived, it gives the erased back",
                        "delete it there, then rotate",
                    )


def _backups_in(folder: Path) -> list[Path]:
    if (folder / MANIFEST).is_file():
        return [folder]
    return sorted(file.parent for file in folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []


def _epochs(store: Store, keyring: Keyring, clock: Clock) -> Iterator[Finding]:
    keyring.reload()
    with store.read() as unit:
        rows = tuple(unit.epochs())
    current = max(rows, key=lambda row: row.epoch, default=None)
    if current is None or current.epoch > keyring.current_epoch:
        yield Finding(
            "fault", "the keyring is older than the database", "put the newest keyring in its place"
        )
        return
    unfinished = find_unfinished(keyring, rows)
    if unfinished:
        yield Finding("warn", f"a key rotation has not ended: {unfinished}", "run `privet keys rotate`")
    days = (clock() - current.opened) // _DAY_MS
    if days > EPOCH_DAYS:
        yield Finding(
            "warn",
            f"this key epoch began {days} days ago: old copies of the database still open for people erased since",
            "run `privet keys rotate`",
        )
    else:
        yield Finding("ok", f"key epoch {current.epoch} is {days} days old")


def _people(store: Store, keyring: Keyring, vault: VaultId) -> Iterator[Finding]:
    damaged = list(find_damaged(store, keyring, vault))
    if damaged:
        shown = ", ".join(subject.hex() for subject in damaged[:5])
        yield Finding(
            "fault",
            f"the keys of {len(damaged)} people do not unwrap ({shown}{', …' if len(damaged) > 5 else ''})",
            "restore a backup, or erase them: until then no old key can be destroyed",
        )
    else:
        yield Finding("ok", "everybody's keys unwrap")


def _lookups(store: Store, keyring: Keyring, vault: VaultId) -> Iterator[Finding]:
    wrong = list(find_misled(store, keyring, vault))
    if wrong:
        shown = ", ".join(subject.hex() for subject in wrong[:5])
        yield Finding(
            "fault",
            f"{len(wrong)} people's look-ups are not their profiles' ({shown}{', …' if len(wrong) > 5 else ''})",
            "somebody wrote to the look-up table: restore a backup",
        )
    else:
        yield Finding("ok", "look-ups lead to who holds the values")


def _keypack(store: Store, keyring: Keyring, keypack: KeypackFile) -> Iterator[Finding]:
    with store.read() as unit:
        ended = any(row.state == "destroyed" for row in unit.epochs())
    if not keypack.exists():
        if ended:
            yield Finding(
                "fault",
                "the keypack is missing: backups from before the last rotation could not be restored",
                "put its replica back, or run `privet keys rotate`",
            )
        return
    head = keypack.find_head()
    assert head is not None
    if head.epoch not in keyring.epochs():
        yield Finding(
            "fault",
            f"the keypack is of epoch {head.epoch}, whose key is gone",
            "put its newest replica back, or run `privet keys rotate`",
        )
        return
    count = keypack.verify(live_keys(store, head.epoch))
    yield Finding("ok", f"the keypack of epoch {head.epoch} holds {count} people's keys, and each unwraps")


def _journal(store: Store, journal: JournalFile) -> Iterator[Finding]:
    count = 0
    erased: list[SubjectId] = []
    for record in journal.records():
        count += 1
        if record.act == "erase":
            erased.append(record.subject)
    unfinished = 0
    for at in range(0, len(erased), _PAGE):
        with store.read() as unit:
            unfinished += len(unit.find_rows(erased[at : at + _PAGE]))
    if unfinished:
        yield Finding(
            "warn",
            f"{unfinished} erasure(s) were begun and did not end, or were undone from a copy",
            "run `privet subject erase` for them again; a rotation or a restore would remove them",
        )
    yield Finding("ok", f"the control journal is whole: {count} records, {journal.size()} bytes")


def _anchors(store: Store, anchors: Anchors) -> Iterator[Finding]:
    held = anchors.find_latest()
    if held is None:
        yield Finding("warn", "the log has no anchor yet", "run `privet audit checkpoint`")
        return
    anchors.verify_log(store.log)
    yield Finding("ok", f"the log goes on from its anchor at entry {held[0].size}")


def _leftovers(directory: Path) -> Iterator[Finding]:
    if (directory / PENDING).exists():
        yield Finding("fault", "a restore has not ended", "run `privet restore` again with the same backup")
    aside = [file for file in directory.glob(f"*{ASIDE}*") if not file.name.endswith(("-wal", "-shm"))]
    if aside:
        yield Finding(
            "warn",
            f"{len(aside)} database(s) from before a restore are kept: they hold what had been erased since",
            f"once the restored vault is right, delete {directory}/*{ASIDE}*",
        )
    partial = [*directory.glob(".*.partial"), *directory.glob(".*.restoring")]
    if partial and not (directory / PENDING).exists():
        yield Finding(
            "warn", "a backup or restore was cut short", f"delete {', '.join(str(p) for p in partial)}"
        )
