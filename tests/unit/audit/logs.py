"""Small real logs for the audit tests, made from a counter: the same each time, nothing random."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from privet.audit.checkpoint import Checkpoint, sign_checkpoint
from privet.audit.damage import Head, StoredEntry
from privet.audit.entry import encode_private, seal_entry
from privet.audit.leaf import encode_leaf
from privet.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from privet.audit.note import NoteKey
from privet.audit.tiles import WIDTH, grown_tiles
from privet.crypto.aead import FieldCipher
from privet.crypto.signing import Signer

VECTORS = Path(__file__).parents[2] / "vectors"
ORIGIN = "vault.example/log"
SIGNER = Signer(bytes(range(32)))
KEY = NoteKey(name=ORIGIN, public=SIGNER.public)
CIPHER = FieldCipher(bytes(32))
WORKER = b"worker-16-bytes."
T0 = 1_763_753_323_000


def public_vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / "log_public.json").read_text("utf-8"))
    return loaded


def draw(label: str, number: int, size: int) -> bytes:
    return sha256(f"{label} {number}".encode()).digest()[:size]


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def entry_id(pos: int) -> bytes:
    return (T0 + pos // 4).to_bytes(6, "big") + draw("id", pos, 10)


def make_entry(pos: int, *, id_: bytes | None = None) -> StoredEntry:
    name = id_ or entry_id(pos)
    private = encode_private({"subject": draw("subject", pos % 7, 16).hex(), "fields": ["given_name"]})
    sealed, pc, ph = seal_entry(CIPHER, WORKER, draw("nonce", pos, 12), draw("r", pos, 32), private, name)
    leaf = encode_leaf(
        name, T0 + pos // 4, "read", "permit", "service-personalisation", "contract", "9f" * 16,
        "front-desk", ["pd:Name"], 1, None, pc, ph,
    )  # fmt: skip
    return StoredEntry(pos, leaf, sealed, name, leaf_hash(leaf))


class MemoryTiles:
    """A TileSource that keeps what grown_tiles says to keep."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], bytes] = {}
        self.leaves = b""

    def grow(self, leaves: list[bytes]) -> None:
        old = len(self.leaves) // HASH_BYTES
        self.leaves += b"".join(leaves)
        for tile, data in grown_tiles(old, old + len(leaves), self.leaf_hashes, self):
            self.rows[tile.level, tile.n] = data

    def leaf_hashes(self, start: int, end: int) -> bytes:
        return self.leaves[start * HASH_BYTES : end * HASH_BYTES]

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        if level == 0 and width < WIDTH:
            return self.leaf_hashes(n * WIDTH, n * WIDTH + width)
        return self.rows[level, n][: width * HASH_BYTES]

    def find_tile(self, level: int, n: int) -> bytes | None:
        return self.rows.get((level, n))


@dataclass
class Log:
    """A whole stored log, to be damaged at will."""

    entries: list[StoredEntry]
    tiles: MemoryTiles
    head: Head
    checkpoints: list[bytes] = field(default_factory=list)


def sign(size: int, root: bytes, origin: str = ORIGIN) -> bytes:
    return sign_checkpoint(Checkpoint(origin=origin, size=size, root=root), SIGNER, ORIGIN)


def make_log(size: int, signed: tuple[int, ...] = (), *, column: bool = True) -> Log:
    """A log of `size` entries, with a checkpoint at each size of `signed`; the hash column kept or not."""
    entries = [make_entry(pos) for pos in range(size)]
    tiles, frontier, checkpoints = MemoryTiles(), Frontier(), []
    leaves = [entry.hash or b"" for entry in entries]
    tiles.grow(leaves)
    if 0 in signed:
        checkpoints.append(sign(0, frontier.root()))
    for pos, leaf in enumerate(leaves, 1):
        frontier.append(leaf)
        if pos in signed:
            checkpoints.append(sign(pos, frontier.root()))
    head = Head(origin=ORIGIN, size=size, root=frontier.root(), frontier=frontier.to_bytes())
    kept = entries if column else [entry._replace(hash=None) for entry in entries]
    return Log(kept, tiles, head, checkpoints)
