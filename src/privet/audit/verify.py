"""Verifies a stored log through the LogReader port: what `privet audit verify` does. Needs no secret.

Refuses nothing and raises for nothing in the log itself: gaps, damage and forged notes are in the report.
"""

from collections.abc import Callable, Iterable, Iterator

from privet.audit.checkpoint import parse_checkpoint
from privet.audit.damage import FsckReport, Head, StoredEntry
from privet.audit.fsck import MAX_GAP, fsck
from privet.audit.note import NoteKey
from privet.domain.ports import LogReader
from privet.errors import IntegrityError, PrivetError


def verify_log(
    log: LogReader,
    *,
    public: bytes,
    anchors: Iterable[bytes] = (),
    progress: Callable[[int], None] | None = None,
) -> FsckReport:
    """Rebuilds the whole log. `public` is the vault's Ed25519 public key, `anchors` are notes kept elsewhere.

    Sound notes under an earlier origin (before a restore) are counted as foreign.
    """
    origin, size = log.origin(), log.size()
    notes = [note.encode("utf-8", "replace") for _, note in log.checkpoints()]
    kept = list(anchors)
    names = {origin, *_origins(notes), *_origins(kept)}
    return fsck(
        stored_entries(log, size),
        head=Head(origin=origin, size=size),
        keys=[key for name in sorted(names) for key in _keys(name, public)],
        checkpoints=notes,
        anchors=kept,
        find_tile=log.read_tile,
        progress=progress,
    )


def stored_entries(log: LogReader, size: int) -> Iterator[StoredEntry]:
    """All that is there of positions 0 to size - 1: goes on behind a missing one, where the reader stops."""
    start, gap = 0, 0
    while start < size and gap <= MAX_GAP:
        try:
            for row in log.entries(start, size):
                yield StoredEntry(row.pos, row.leaf, row.sealed, row.id, row.hash)
                start, gap = row.pos + 1, 0
            return
        except IntegrityError:
            start, gap = start + 1, gap + 1


def _origins(notes: Iterable[bytes]) -> Iterator[str]:
    for note in notes:
        try:
            yield parse_checkpoint(note).origin
        except PrivetError:
            continue


def _keys(name: str, public: bytes) -> list[NoteKey]:
    """The vault's key under `name`, unless no note can carry that name."""
    try:
        return [NoteKey(name=name, public=public)]
    except PrivetError:
        return []
