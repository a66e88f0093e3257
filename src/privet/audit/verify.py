"""Verifies a stored log through the LogReader port: what `privet audit verify` does. Needs no secret.

Refuses nothing and raises for nothing in the log itself: gaps, damage and forged notes are in the report.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from privet.audit.checkpoint import parse_checkpoint
from privet.audit.damage import Damage, Fault, FsckReport, Head, StoredEntry
from privet.audit.fsck import fsck
from privet.audit.note import NoteKey
from privet.domain.ports import LogReader
from privet.errors import IntegrityError, PrivetError


def verify_log(
    log: LogReader,
    *,
    public: bytes,
    anchors: Iterable[bytes] = (),
    witnessed: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> FsckReport:
    """Rebuilds the whole log. `public` is the vault's Ed25519 public key, `anchors` are notes kept elsewhere.

    `witnessed` is the origin that the newest anchor names, where there is one. It counts, not the database's own word:
    under another name every checkpoint and anchor would be another log's, and nothing would be compared. Sound notes
    under an earlier origin (before a restore) are counted as foreign.
    """
    said, size = log.origin(), log.size()
    origin = witnessed or said
    notes = [note.encode("utf-8", "replace") for _, note in log.checkpoints()]
    kept = list(anchors)
    names = {origin, said, *_origins(notes), *_origins(kept)}
    report = fsck(
        stored_entries(log, size),
        head=Head(origin=origin, size=size),
        keys=[key for name in sorted(names) for key in _keys(name, public)],
        checkpoints=notes,
        anchors=kept,
        find_tile=log.read_tile,
        progress=progress,
    )
    if said == origin:
        return report
    renamed = Damage(fault=Fault.HEAD, what="the database gives the log another name than its newest anchor")
    return replace(report, damages=(renamed, *report.damages), total=report.total + 1)


def stored_entries(log: LogReader, size: int) -> Iterator[StoredEntry]:
    """All that is there of positions 0 to size - 1: goes on behind a missing one, where the reader stops."""
    start = 0
    while start < size:
        try:
            for row in log.entries(start, size):
                yield StoredEntry(row.pos, row.leaf, row.sealed, row.id, row.hash)
                start = row.pos + 1
            return
        except IntegrityError:
            # One question for a gap of any width: whoever can delete rows must not keep the verifier busy for days.
            found = log.find_position(start)
            if found is None or found <= start:
                return
            start = found


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
