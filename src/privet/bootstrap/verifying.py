"""Verifying the log: an independent rebuild, which needs no passphrase and no key but the public one.

The public key stands in one line beside the anchors, `anchors/log.vkey`; keep a copy where the administrators cannot
change it. Refuses to call a log sound that disagrees with any checkpoint or anchor.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from privet.audit.damage import FsckReport, Head, StoredEntry
from privet.audit.fsck import fsck
from privet.audit.note import NoteKey, parse_vkey
from privet.config.settings import Settings
from privet.domain.ports import LogReader, Store
from privet.errors import PrivetError, Unavailable
from privet.store.custody.anchors import Anchors
from privet.store.custody.durable import replace_file

VERIFIER_KEY = "log.vkey"


def write_verifier_key(settings: Settings, public: bytes) -> None:
    """The log's public key in C2SP form (name+id+key), for whoever verifies it."""
    replace_file(
        settings.anchors_path / VERIFIER_KEY, f"{NoteKey(name=settings.log_origin, public=public)}\n".encode()
    )


def read_verifier_key(settings: Settings, path: Path | None = None) -> NoteKey:
    """The key, from the vault's anchors or another file. Raises Unavailable, InvalidInput."""
    file = path or settings.anchors_path / VERIFIER_KEY
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unavailable(f"the log's public key cannot be read at {file}; name it with --key FILE") from None
    return parse_vkey(text.strip())


def verify_store(
    store: Store, settings: Settings, key: NoteKey, progress: Callable[[int], None] | None = None
) -> FsckReport:
    """Rebuilds the whole log and holds it against every checkpoint and anchor. Never raises for a damaged log."""
    log = store.log
    origin = log.origin()
    key = NoteKey(name=origin, public=key.public)
    size = log.size()
    return fsck(
        _entries(log, size),
        head=Head(origin=origin, size=size),
        keys=key,
        checkpoints=(note.encode() for _, note in log.checkpoints()),
        anchors=Anchors(settings.anchors_path, key.public).notes(),
        find_tile=log.read_tile,
        progress=progress,
    )


def _entries(log: LogReader, size: int) -> Iterator[StoredEntry]:
    """All entries; a gap is the verifier's to report, so reading goes on behind it."""
    start = 0
    while start < size:
        try:
            for row in log.entries(start, size):
                yield StoredEntry(row.pos, row.leaf, row.sealed, row.id)
                start = row.pos + 1
        except PrivetError:
            start += 1
