"""The log's right edge in memory, and how it is rebuilt and grown from what the database holds.

What is held in memory never counts by itself: it is used only when the last entry in the database is the one it was
made from. Tiles are read through the same checks, and made again from leaves where they are missing.
"""

import struct
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select

from privet.audit.merkle import HASH_BYTES, Frontier, leaf_hash, subtrees
from privet.audit.tiles import WIDTH, Tile, TileReader, grown_tiles, tile_root
from privet.errors import IntegrityError
from privet.store import tables as t

_TILE = select(t.tile.c.hashes).where(t.tile.c.level == bindparam("level"), t.tile.c.n == bindparam("n"))
_LEAVES = (
    select(t.entry.c.pos, t.entry.c.leaf)
    .where(t.entry.c.pos >= bindparam("start"), t.entry.c.pos < bindparam("stop"))
    .order_by(t.entry.c.pos)
)


class Edge:
    """The tree at `size`: its frontier, its last entry's id, and the leaf hashes since the last full tile."""

    __slots__ = ("frontier", "last", "pending", "size")

    def __init__(self, size: int, last: bytes | None, frontier: Frontier, pending: list[bytes]) -> None:
        self.size = size
        self.last = last
        self.frontier = frontier
        self.pending = pending

    def copy(self) -> "Edge":
        return Edge(self.size, self.last, self.frontier.copy(), self.pending.copy())


class Hashes(Protocol):
    """The tree's hashes as a database holds them."""

    def leaf_hashes(self, start: int, stop: int) -> Sequence[bytes]: ...
    def read_tile(self, level: int, n: int, width: int) -> bytes: ...


class StoredHashes:
    """Hashes read on one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Of the leaves as stored. IntegrityError when one is missing."""
        rows = self._connection.execute(_LEAVES, {"start": start, "stop": stop})
        hashes = []
        for expected, (pos, leaf) in enumerate(rows, start):
            if pos != expected:
                raise IntegrityError(f"log entry {expected} is missing: run `privet audit verify`")
            hashes.append(leaf_hash(leaf))
        if len(hashes) != stop - start:
            raise IntegrityError(f"log entry {start + len(hashes)} is missing: run `privet audit verify`")
        return hashes

    def find_tile(self, level: int, n: int) -> bytes | None:
        found: bytes | None = self._connection.execute(_TILE, {"level": level, "n": n}).scalar()
        return found

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of a tile; from what stands below it when it is not stored."""
        stored = self.find_tile(level, n)
        if stored is not None and len(stored) >= width * HASH_BYTES:
            return stored[: width * HASH_BYTES]
        if level == 0:
            return b"".join(self.leaf_hashes(n * WIDTH, n * WIDTH + width))
        below = range(n * WIDTH, n * WIDTH + width)
        return b"".join(tile_root(self.read_tile(level - 1, number, WIDTH)) for number in below)


def rebuild(hashes: StoredHashes, size: int, last: bytes | None) -> Edge:
    """The edge of a tree of `size`, from its tiles and the leaves since the last full one."""
    roots = TileReader(hashes, size).read_hashes(subtrees(0, size))
    frontier = Frontier.parse(b"\x01" + struct.pack(">Q", size) + b"".join(roots))
    return Edge(size, last, frontier, hashes.leaf_hashes(size - size % WIDTH, size))


def grow(edge: Edge, leaves: Sequence[bytes], last: bytes, hashes: Hashes) -> Iterator[tuple[Tile, bytes]]:
    """Adds leaf hashes to `edge`; gives the tiles to store, which is none unless a tile became full."""
    old, size = edge.size, edge.size + len(leaves)
    edge.frontier.extend(leaves)
    edge.pending.extend(leaves)
    edge.size, edge.last = size, last
    first = old - old % WIDTH
    if size - first < WIDTH:
        return iter(())
    pending = edge.pending
    edge.pending = pending[size - size % WIDTH - first :]

    def taken(start: int, stop: int) -> bytes:
        return b"".join(pending[start - first : stop - first])

    return grown_tiles(old, size, taken, hashes)


def hash_leaves(leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 leaf hashes, inlined: a read pays for one."""
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def tile_rows(tiles: Iterator[tuple[Tile, bytes]]) -> list[dict[str, Any]]:
    """As parameters of the statement that stores tiles."""
    return [{"level": tile.level, "n": tile.n, "hashes": hashes} for tile, hashes in tiles]
