"""The log outside an officer's session: the steward's queries, proofs, and a verifier that needs no passphrase.

Refuses a proof that is not signed by the log's own key.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from privet.audit.checkpoint import parse_checkpoint
from privet.audit.damage import FsckReport
from privet.audit.leaf import Act, Decision, Leaf, parse_leaf
from privet.audit.note import NoteKey
from privet.audit.proof import make_proof, parse_proof, verify_proof, write_proof
from privet.audit.tiles import WIDTH, Tile, TileReader, tile_root
from privet.bootstrap.officer import OfficerAudit
from privet.bootstrap.parts import Parts
from privet.bootstrap.vault import system_clock
from privet.bootstrap.verifying import read_verifier_key, verify_store
from privet.config.settings import load_settings
from privet.domain.ids import EntryId, WorkerId
from privet.domain.ports import LogReader
from privet.errors import IntegrityError, InvalidInput, NotFound, Unavailable
from privet.store.opening import open_store

_MOST_PROOF = 2_000_000
_BEYOND = 2**62
"""No log has a position like this."""
RESTORED = "/restored-"


class StewardAudit(OfficerAudit):
    """The audit log as the steward reads it: the same answers, logged under her own name."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, "")

    def _log(self, act: Act, private: dict[str, Any], decision: Decision = Decision.DONE) -> None:
        with self._parts.store.write() as unit:
            unit.append([self._parts.scribe.act(act, decision, {"actor": "steward", **private})])
        self._parts.checkpointer.tick()


def prove_entry(parts: Parts, audit_id: str, *, actor: str) -> bytes:
    """A `.tlog-proof` (C2SP) that the log holds an entry, with the leaf as its extra data. Logged.

    Raises InvalidInput for what is no audit id, NotFound.
    """
    try:
        entry = EntryId(bytes.fromhex(audit_id))
    except ValueError:
        entry = EntryId(b"")
    if len(entry) != 16:
        raise InvalidInput("an audit id has 32 hexadecimal digits", field="audit_id")
    store = parts.store
    store.sequence()
    row = store.log.find_entry(entry)
    if row is None:
        raise NotFound("the log has no entry with that audit id")
    with store.write() as unit:
        unit.append([parts.scribe.act(Act.PROVE, Decision.DONE, {"actor": actor, "entry": audit_id})])
    store.sequence()
    parts.checkpointer.sign()
    checkpoint = _newest(store.log)
    size = parse_checkpoint(checkpoint).size
    if size <= row.pos:
        raise Unavailable("no signed checkpoint covers this entry yet; try again in a second")
    reader = TileReader(_Tiles(store.log), size)
    return write_proof(make_proof(row.pos, checkpoint, reader, extra=row.leaf))


def newest_checkpoint(parts: Parts) -> bytes:
    """The signed checkpoint over the log as it is now, stored and anchored. Raises Unavailable."""
    parts.store.sequence()
    parts.checkpointer.sign()
    return _newest(parts.store.log)


def stored_checkpoint(parts: Parts) -> bytes:
    """The newest anchored checkpoint as it stands; signs nothing. Raises Unavailable before there is any."""
    found = parts.anchors.find_latest()
    if found is None:
        raise Unavailable("the log has no signed checkpoint yet; try again in a second")
    return found[1]


def has_tile(parts: Parts, tile: Tile) -> bool:
    """Whether the log, as far as it is sequenced, has so much of this tile. Sequences nothing: strangers may ask."""
    last = (tile.n * WIDTH + tile.width) * WIDTH**tile.level - 1
    return last < _BEYOND and parts.store.log.find_position(last) is not None


def log_tile(parts: Parts, tile: Tile) -> bytes:
    """The hashes of one tile, full or partial. The caller has checked that the log is as large."""
    return _Tiles(parts.store.log).read_tile(tile.level, tile.n, tile.width)


def _newest(log: LogReader) -> bytes:
    origin, found = log.origin(), b""
    for _, note in log.checkpoints():
        data = note.encode()
        if data.partition(b"\n")[0].decode() == origin:
            found = data
    if not found:
        raise Unavailable("the log has no signed checkpoint yet; try again in a second")
    return found


class _Tiles:
    """Tiles of any width, out of the full ones and the leaves that the log keeps."""

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        full = self._log.read_tile(level, n) if width == WIDTH else None
        if full is not None:
            return full
        if level == 0:
            return b"".join(self._log.leaf_hashes(n * WIDTH, n * WIDTH + width))
        return b"".join(
            tile_root(self.read_tile(level - 1, below, WIDTH))
            for below in range(n * WIDTH, n * WIDTH + width)
        )


class Proved(NamedTuple):
    """What a proof proves: the leaf, its position, and the signed log it stands in."""

    leaf: Leaf
    position: int
    origin: str
    size: int


def verify_entry_proof(data: bytes, key: NoteKey) -> Proved:
    """Checks a proof made by `prove_entry`, offline. Raises IntegrityError."""
    if len(data) > _MOST_PROOF:
        raise IntegrityError("proof: too long")
    proof = parse_proof(data)
    origin = parse_checkpoint(proof.checkpoint).origin
    if origin != key.name and not origin.startswith(f"{key.name}{RESTORED}"):
        raise IntegrityError("proof: of another log than the one this key belongs to")
    if proof.extra is None:
        raise IntegrityError("proof: does not hold the entry itself")
    checkpoint = verify_proof(proof, proof.extra, NoteKey(name=origin, public=key.public), origin=origin)
    return Proved(parse_leaf(proof.extra), proof.index, origin, checkpoint.size)


def verify_directory(
    directory: Path, *, key: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> FsckReport:
    """Rebuilds the log of a vault. Needs no passphrase. Never raises for a damaged log; Unavailable for no vault."""
    settings = load_settings(directory)
    public = read_verifier_key(settings, key)
    store = open_store(
        settings.database_url,
        database=settings.database,
        worker=WorkerId(os.urandom(16)),
        origin=settings.log_origin,
        clock=system_clock,
        randomness=os.urandom,
    )
    try:
        size = store.log.size()
        tell = None if progress is None else lambda done: progress(done, size)
        return verify_store(store, settings, public, tell)
    finally:
        store.close()


def read_key(directory: Path | None, file: Path | None) -> NoteKey:
    """The log's public key, from a file or a vault's anchors. Raises Unavailable, InvalidInput."""
    if file is not None:
        from privet.audit.note import parse_vkey

        try:
            return parse_vkey(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            raise Unavailable(f"the log's public key cannot be read at {file}") from None
    if directory is None:
        raise InvalidInput("name the log's public key with --key FILE, or the vault")
    return read_verifier_key(load_settings(directory))
