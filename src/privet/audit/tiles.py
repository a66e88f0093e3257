"""C2SP tlog-tiles: the tree cut into tiles of 256 hashes, and entries into bundles.

Coordinates, paths, the reader that makes proofs out of tiles, and the rows that appear when the
tree grows. Refuses tiles and bundles of another length than the tree size asks for.
A tile source is not trusted: what a TileReader gives is as good as the proof that it then completes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from privet.audit.merkle import HASH_BYTES, MAX_SIZE, Coordinate, node_hash, root_of
from privet.errors import IntegrityError, InvalidInput

HEIGHT: Final = 8
WIDTH: Final = 256
MAX_LEVEL: Final = 63
MAX_ENTRY: Final = 0xFFFF
"""A log entry in a bundle has a u16 length, so no leaf may be longer."""

_PATH: Final = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)/(?P<n>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """`width` hashes of perfect subtrees of 256**level leaves, from number n * 256 on.

    A level of ENTRIES (-1) names the entry bundle beside tile (0, n).
    """

    level: int
    n: int
    width: int = WIDTH


ENTRIES: Final = -1


class TileSource(Protocol):
    """Where tiles are kept."""

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """Exactly `width` * 32 bytes: the first hashes of tile (level, n)."""


def tile_path(tile: Tile) -> str:
    """The path of a tile or entry bundle below the log's prefix, e.g. `tile/0/x001/067`."""
    level, n, width = tile
    if not (ENTRIES <= level <= MAX_LEVEL and n >= 0 and 1 <= width <= WIDTH):
        raise InvalidInput("tile: no such tile")
    path = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        path = f"x{n % 1000:03d}/{path}"
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level == ENTRIES else level}/{path}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile that `path` names; InvalidInput for every spelling that tile_path would not give."""
    match = _PATH.fullmatch(path) if len(path) <= 80 and path.isascii() else None
    if match is None:
        raise InvalidInput("tile: not the path of a tile")
    level = ENTRIES if match["level"] == "entries" else int(match["level"])
    n = int(match["n"].replace("x", "").replace("/", ""))
    tile = Tile(level, n, int(match["width"] or WIDTH))
    width = match["width"]
    if width == str(WIDTH) or tile.width > WIDTH or level > MAX_LEVEL or tile_path(tile) != path:
        raise InvalidInput("tile: not the path of a tile")
    return tile


def tile_width(size: int, level: int, n: int) -> int:
    """How many hashes tile (level, n) has in a tree of `size` leaves: 0 to 256."""
    return max(0, min(WIDTH, (size >> (HEIGHT * max(level, 0))) - n * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size`, level by level; the last of a level may be partial."""
    level = 0
    while hashes := size >> (HEIGHT * level):
        for n in range(-(-hashes // WIDTH)):
            yield Tile(level, n, min(WIDTH, hashes - n * WIDTH))
        level += 1


class TileReader:
    """A merkle.HashReader over the tiles of a tree of `size` leaves. Keeps the tiles it has read."""

    def __init__(self, source: TileSource, size: int) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise InvalidInput("tile: impossible tree size")
        self._source = source
        self._size = size
        self._read: dict[tuple[int, int], bytes] = {}

    def read_hashes(self, wanted: Sequence[Coordinate]) -> Sequence[bytes]:
        return [self._hash(level, index) for level, index in wanted]

    def _hash(self, level: int, index: int) -> bytes:
        tier, height = divmod(level, HEIGHT)
        n, offset = divmod(index << height, WIDTH)
        data = self._tile(tier, n)
        end = offset + (1 << height)
        if end * HASH_BYTES > len(data):
            raise IntegrityError("tile: a hash beyond the tree")
        nodes = _hashes(data[offset * HASH_BYTES : end * HASH_BYTES])
        while len(nodes) > 1:
            nodes = [node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
        return nodes[0]

    def _tile(self, level: int, n: int) -> bytes:
        data = self._read.get((level, n))
        if data is None:
            width = tile_width(self._size, level, n)
            if width == 0:
                raise IntegrityError("tile: a hash beyond the tree")
            data = _check_width(self._source.read_tile(level, n, width), width)
            self._read[level, n] = data
        return data


def grown_tiles(
    old: int, new: int, leaf_hashes: Callable[[int, int], bytes], source: TileSource
) -> Iterator[tuple[Tile, bytes]]:
    """The tiles to store when the tree grows from `old` to `new` leaves, lowest level first.

    At level 0 only full tiles (the leaves themselves stand for the rest). Above, every tile that
    gained a hash, full or partial: insert or replace it by (level, n).
    `leaf_hashes(start, end)` gives the concatenated hashes of leaves [start, end); `source` gives
    the partial tiles of level 1 and above as they stood at `old`.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise InvalidInput("tile: a tree cannot shrink")
    fresh: list[bytes] = []
    for n in range(old // WIDTH, new // WIDTH):
        data = _check_width(leaf_hashes(n * WIDTH, (n + 1) * WIDTH), WIDTH)
        fresh.append(tile_root(data))
        yield Tile(0, n), data
    level = 1
    while fresh:
        had = old >> (HEIGHT * level)
        n, held = divmod(had, WIDTH)
        data = _check_width(source.read_tile(level, n, held), held) if held else b""
        data += b"".join(fresh)
        fresh = []
        for at in range(0, len(data), WIDTH * HASH_BYTES):
            part = data[at : at + WIDTH * HASH_BYTES]
            width = len(part) // HASH_BYTES
            if width == WIDTH:
                fresh.append(tile_root(part))
            yield Tile(level, n, width), part
            n += 1
        level += 1


def partial_tile(size: int, leaf_hashes: Callable[[int, int], bytes]) -> tuple[Tile, bytes] | None:
    """The partial tile of level 0 of a tree of `size`, or None when the last one is full.

    To store when a checkpoint of that size is signed (tlog-tiles asks for it): it pins the leaves of the tail.
    """
    n, width = divmod(size, WIDTH)
    if not width:
        return None
    return Tile(0, n, width), _check_width(leaf_hashes(n * WIDTH, size), width)


def tile_root(data: bytes) -> bytes:
    """The root over the hashes of a tile; of a full one, its hash in the tile above."""
    return root_of(_hashes(data))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: u16 length and bytes of each entry. InvalidInput if one is over MAX_ENTRY."""
    if len(entries) > WIDTH or any(len(entry) > MAX_ENTRY for entry in entries):
        raise InvalidInput("bundle: too many entries, or one too long")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; IntegrityError unless it holds exactly that many."""
    entries, at = [], 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise IntegrityError("bundle: truncated")
        entries.append(data[start:at])
    if at != len(data):
        raise IntegrityError("bundle: bytes after the last entry")
    return entries


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _check_width(data: bytes, width: int) -> bytes:
    if len(data) != width * HASH_BYTES:
        raise IntegrityError("tile: not as wide as the tree size asks")
    return data
