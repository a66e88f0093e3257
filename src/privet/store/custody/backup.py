"""Backup: a consistent copy of the data, made while the vault is in use, with what else is needed to read it.

Refuses to overwrite, and never carries the keyring, the keypack or the control journal: a copy of the data beside the
keys is a copy without a lock, and one that holds the keypack would give the erased back. Those three are kept apart,
the latter two replicated and never archived (docs/backup.md).
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Scribe
from privet.crypto.keyring import Keyring
from privet.domain.ids import VaultId
from privet.domain.ports import Clock, Store
from privet.errors import Conflict, Unavailable
from privet.store.custody.anchors import Anchors
from privet.store.custody.backup_format import (
    ANCHOR,
    DATABASE,
    MANIFEST,
    SIGNATURE,
    Manifest,
    digest_of,
    sign_manifest,
)
from privet.store.custody.durable import disk, replace_file, sync, sync_directory
from privet.store.custody.journal import JournalFile

SETTINGS: Final = "privet.toml"
CATALOGUE: Final = "catalogue.yaml"
NOTICES: Final = "notices"
BUNDLES: Final = "bundles"
"""Policy revisions, by which the log's decisions are replayed."""
_PASSWORD: Final = re.compile(rb"(://[^\s:@/\"']+):[^\s@\"']*@")
_MOST: Final = 16 << 20

KEEP_APART: Final = (
    "the keyring: apart from this backup and from the passphrase; without it nothing here opens",
    "the keypack: replicated in its newest state, never archived; without it only this epoch's people return",
    "the control journal: replicated; without it nothing is restored, since the erased could return",
)


class BackedUp(NamedTuple):
    """`keep_apart`: what else a restore needs, in sentences."""

    path: Path
    entries: int
    size: int
    keep_apart: tuple[str, ...] = KEEP_APART


def backup(
    *,
    store: Store,
    directory: Path,
    target: Path,
    keyring: Keyring,
    vault: VaultId,
    journal: JournalFile,
    anchors: Anchors,
    scribe: Scribe,
    clock: Clock,
    progress: Callable[[int, int], None] | None = None,
    actor: str = "steward",
) -> BackedUp:
    """Makes the directory `target`, whole or not at all; other processes go on reading and writing.

    Raises Conflict when `target` exists, Unavailable when the disk is full or fails; nothing is left then.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  a link to a backup disk stays a link
    if target.exists() or target.is_symlink():
        raise Conflict("the backup's target exists already; a backup never overwrites")
    partial = target.with_name(f".{target.name}.partial")
    with disk():
        shutil.rmtree(partial, ignore_errors=True)  # what a crash left
        partial.mkdir(mode=0o700, parents=True)
    try:
        made = _fill(
            partial, store, directory, keyring, vault, journal, anchors, scribe, clock, progress, actor
        )
        with disk():
            partial.rename(target)
            sync_directory(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return made._replace(path=target)


def _fill(
    path: Path,
    store: Store,
    directory: Path,
    keyring: Keyring,
    vault: VaultId,
    journal: JournalFile,
    anchors: Anchors,
    scribe: Scribe,
    clock: Clock,
    progress: Callable[[int, int], None] | None,
    actor: str,
) -> BackedUp:
    # Before the copy: an act whose line stands behind this mark may be missing from it, and is applied at a restore.
    mark = journal.mark()
    made = clock()
    anchor = anchors.find_latest()  # also before, so that the copy's log is never behind its anchor
    with store.write() as unit:
        unit.append(
            (scribe.act(Act.BACKUP.value, Decision.DONE.value, {"actor": actor, "journal": mark.position}),)
        )
    size = store.log.size()
    store.backup(str(path / DATABASE), progress)
    for name, data in _settings(directory):
        replace_file(path / name, data)
    if anchor is not None:
        replace_file(path / ANCHOR, anchor[1])
    files = {
        str(file.relative_to(path)): digest_of(file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }
    manifest = Manifest(
        vault=vault,
        made=made,
        backend=store.backend,
        origin=store.log.origin(),
        size=size,
        journal=mark,
        files=files,
    ).encode()
    replace_file(path / MANIFEST, manifest)
    replace_file(path / SIGNATURE, sign_manifest(manifest, keyring.signer()))
    with disk():
        for file in (path / DATABASE,):
            fd = os.open(file, os.O_RDONLY)
            try:
                sync(fd)
            finally:
                os.close(fd)
        for folder in (*(found for found in path.rglob("*") if found.is_dir()), path):
            sync_directory(folder)
    return BackedUp(path, size, sum(found for found, _ in files.values()))


def _settings(directory: Path) -> Iterator[tuple[str, bytes]]:
    """The files a vault directory is opened with. A database password is left out: it is not for a backup disk."""
    for name in (SETTINGS, CATALOGUE):
        file = directory / name
        if file.is_file():
            yield name, _PASSWORD.sub(rb"\1@", _read(file)) if name == SETTINGS else _read(file)
    with disk():
        found = [*sorted((directory / NOTICES).glob("*.md")), *sorted((directory / BUNDLES).glob("*.tar.gz"))]
    for file in found:
        yield f"{file.parent.name}/{file.name}", _read(file)


def _read(path: Path) -> bytes:
    with disk(), path.open("rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise Unavailable(f"{path.name} is over 16 MiB: it is no settings file")
    return data
