"""Tiles: the specification's own examples, proofs out of tiles, and what a growing tree must store."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.merkle import ListReader, consistency_proof, inclusion_proof, root_at, root_of
from privet.audit.tiles import (
    ENTRIES,
    WIDTH,
    Tile,
    TileReader,
    encode_bundle,
    grown_tiles,
    parse_bundle,
    parse_tile_path,
    partial_tile,
    tile_path,
    tile_width,
    tiles_of,
)
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import MemoryTiles, hashes, public_vectors

SPEC: dict[str, Any] = public_vectors()["tiles"]


@pytest.mark.parametrize("vector", SPEC["paths"])
def test_paths_of_the_specification(vector: dict[str, Any]) -> None:
    """Tile and bundle paths are spelled as tlog-tiles spells them, both ways."""
    tile = Tile(vector["level"], vector["n"], vector["width"])
    assert tile_path(tile) == vector["path"]
    assert parse_tile_path(vector["path"]) == tile


@given(st.integers(ENTRIES, 63), st.integers(0, 2**45), st.integers(1, WIDTH))
def test_paths_round_trip(level: int, n: int, width: int) -> None:
    """Every tile has one path and every path one tile."""
    tile = Tile(level, n, width)
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0/0", "tile/0/00", "tile/0/1067", "tile/0/001/067", "tile/0/x000/067", "tile/0/x001/x067",
        "tile/64/000", "tile/00/000", "tile/01/000", "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/000.p/999", "tile/0/000.p/", "/tile/0/000", "tile/0/000/", "tile/0/000\n",
        "tile/0/٠٠٠", "tile/entry/000", "tile/0/" + "x001/" * 40 + "000",
    ],
)  # fmt: skip
def test_other_spellings_are_refused(path: str) -> None:
    """Leading zeros, wrong groups, foreign digits and absurd widths name no tile."""
    with pytest.raises(InvalidInput):
        parse_tile_path(path)


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_refused(path: str) -> None:
    """Hostile paths raise InvalidInput and nothing else."""
    with contextlib.suppress(InvalidInput):
        assert tile_path(parse_tile_path(path)) == path


@pytest.mark.parametrize("tile", [Tile(-2, 0), Tile(64, 0), Tile(0, -1), Tile(0, 0, 0), Tile(0, 0, 257)])
def test_impossible_tiles_have_no_path(tile: Tile) -> None:
    """Levels, numbers and widths out of range are refused."""
    with pytest.raises(InvalidInput):
        tile_path(tile)


@pytest.mark.parametrize("tree", SPEC["trees"])
def test_tiles_of_the_specification_s_trees(tree: dict[str, Any]) -> None:
    """Trees of 70,000 and 256 leaves have the full and partial tiles that the specification counts."""
    found = list(tiles_of(tree["size"]))
    for level, want in enumerate(tree["levels"]):
        widths = [tile.width for tile in found if tile.level == level]
        assert widths.count(WIDTH) == want["full"]
        assert [width for width in widths if width < WIDTH] == [want["partial"]] * (want["partial"] > 0)
    assert max(tile.level for tile in found) == len(tree["levels"]) - 1
    assert all(tile_width(tree["size"], tile.level, tile.n) == tile.width for tile in found)


def test_proofs_out_of_tiles_are_those_out_of_the_tree() -> None:
    """A reader over tiles gives the hashes that a reader over all leaves gives, across tile levels."""
    size = 70_000
    leaves = hashes(size)
    tiles = MemoryTiles()
    tiles.grow(leaves)
    plain, tiled = ListReader(leaves), TileReader(tiles, size)
    assert root_at(size, tiled) == root_of(leaves)
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        assert inclusion_proof(size, index, tiled) == inclusion_proof(size, index, plain)
    for old in (1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999):
        assert consistency_proof(old, size, tiled) == consistency_proof(old, size, plain)


@given(st.lists(st.integers(0, 700), min_size=1, max_size=5))
def test_growing_in_steps_stores_what_growing_at_once_stores(steps: list[int]) -> None:
    """However a log grew, its tiles are the same, and only the tiles of its size."""
    at_once, stepped = MemoryTiles(), MemoryTiles()
    leaves = hashes(sum(steps))
    at_once.grow(leaves)
    at = 0
    for step in steps:
        stepped.grow(leaves[at : at + step])
        at += step
    assert stepped.rows == at_once.rows
    kept = {(t.level, t.n) for t in tiles_of(len(leaves)) if t.level or t.width == WIDTH}
    assert set(stepped.rows) == kept


def test_growing_past_65536_fills_a_tile_of_level_1() -> None:
    """The first tile of level 1 fills at 65,536 leaves, and starts one of level 2."""
    tiles = MemoryTiles()
    leaves = hashes(65_536 + 300)
    tiles.grow(leaves[:65_400])
    assert len(tiles.rows[1, 0]) == 255 * 32
    assert (2, 0) not in tiles.rows
    tiles.grow(leaves[65_400:])
    assert len(tiles.rows[1, 0]) == 256 * 32
    assert len(tiles.rows[1, 1]) == 1 * 32
    assert tiles.rows[2, 0] == root_of(leaves[:65_536])


def test_the_partial_tile_is_the_tail() -> None:
    """Of 300 leaves: 44 hashes of tile 1. Of 256: none. A source that gives too few is refused."""
    tiles = MemoryTiles()
    tiles.grow(hashes(300))
    assert partial_tile(300, tiles.leaf_hashes) == (Tile(0, 1, 44), b"".join(hashes(300)[256:]))
    assert partial_tile(256, tiles.leaf_hashes) is None
    with pytest.raises(IntegrityError):
        partial_tile(301, tiles.leaf_hashes)


def test_a_tree_cannot_shrink() -> None:
    """Growing to a smaller or impossible size is refused."""
    for old, new in ((2, 1), (-1, 1), (0, 1 << 60)):
        with pytest.raises(InvalidInput):
            list(grown_tiles(old, new, MemoryTiles().leaf_hashes, MemoryTiles()))
    with pytest.raises(InvalidInput):
        TileReader(MemoryTiles(), -1)


class Short(MemoryTiles):
    """A source that cuts its tiles."""

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        return super().read_tile(level, n, width)[:-1]


def test_a_cut_tile_is_refused() -> None:
    """A tile of another width than the tree size asks is an IntegrityError, read for a proof or for growing."""
    tiles = Short()
    tiles.grow(hashes(300))
    with pytest.raises(IntegrityError, match="wide"):
        root_at(300, TileReader(tiles, 300))
    with pytest.raises(IntegrityError, match="wide"):
        tiles.grow(hashes(300))
    with pytest.raises(IntegrityError, match="wide"):
        list(grown_tiles(0, 256, lambda _a, _b: b"", tiles))


def test_hashes_beyond_the_tree_are_refused() -> None:
    """A reader of 300 leaves has no hash of leaf 300, nor of a tile that does not exist."""
    tiles = MemoryTiles()
    tiles.grow(hashes(300))
    reader = TileReader(tiles, 300)
    for coordinate in ((0, 300), (0, 512), (3, 37), (8, 1)):
        with pytest.raises(IntegrityError, match="beyond"):
            reader.read_hashes([coordinate])


@given(st.lists(st.binary(max_size=300), max_size=WIDTH))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    """Entries come out of a bundle as they went in."""
    assert parse_bundle(encode_bundle(entries), len(entries)) == entries


@given(st.binary(max_size=200), st.integers(0, 10))
def test_hostile_bundles(data: bytes, width: int) -> None:
    """A bundle holds exactly its entries, or is refused."""
    with contextlib.suppress(IntegrityError):
        assert encode_bundle(parse_bundle(data, width)) == data


def test_bundle_limits() -> None:
    """An entry over 65,535 bytes, or a 257th, fits no bundle; a cut or longer one is refused."""
    assert parse_bundle(encode_bundle([b"x" * 65_535]), 1) == [b"x" * 65_535]
    for entries in ([b"x" * 65_536], [b""] * 257):
        with pytest.raises(InvalidInput):
            encode_bundle(entries)
    for data in (b"\x00\x02a", b"\x00", b"", b"\x00\x01ab"):
        with pytest.raises(IntegrityError):
            parse_bundle(data, 1)
