"""The rebuild: tiles and stored hashes, altered or missing, and what they still pin down."""

from dataclasses import replace

from privet.audit.damage import Fault
from privet.audit.merkle import leaf_hash
from privet.audit.tiles import partial_tile, tile_root
from tests.unit.audit.rebuilds import BARE, BIG, check, copy, found, reword, spoil


def test_the_tail_is_pinned_by_the_hash_column() -> None:
    """Beyond the last full tile the stored hash names the leaf; if it was altered to fit, a range is named."""
    log = copy(BIG)
    log.entries[550] = log.entries[550]._replace(leaf=reword(log.entries[550].leaf))
    assert (Fault.LEAF, 550, 550) in found(check(log))
    forged = log.entries[550]
    log.entries[550] = forged._replace(hash=leaf_hash(forged.leaf))
    assert (Fault.RANGE, 512, 575) in found(check(log))  # the frontier's subtree of 64 leaves


def test_the_tail_without_hashes_is_a_range() -> None:
    """No stored hash: between the last good checkpoint and the first bad one, cut by the frontier if there is one."""
    log = copy(BARE)
    log.entries[590] = log.entries[590]._replace(leaf=reword(log.entries[590].leaf))
    assert (Fault.RANGE, 576, 591) in found(check(log))
    assert (Fault.RANGE, 512, 599) in found(check(log, head=replace(log.head, frontier=None)))
    assert (Fault.RANGE, 512, 599) in found(check(log, head=replace(log.head, frontier=b"junk")))
    assert (Fault.RANGE, 512, 599) in found(
        check(log, checkpoints=log.checkpoints[:-1], head=replace(log.head, frontier=None))
    )


def test_the_tail_without_hashes_still_names_what_does_not_fit() -> None:
    """No stored hash: a leaf that no longer parses, or no longer fits its sealed part, is named all the same."""
    log = copy(BARE)
    leaf = log.entries[590].leaf
    log.entries[590] = log.entries[590]._replace(leaf=leaf[:-1])
    assert (Fault.LEAF, 590, 590) in found(check(log))
    digest = leaf.index(b'"ph":"') + 6
    log.entries[590] = log.entries[590]._replace(leaf=leaf[:digest] + b"0" * 64 + leaf[digest + 64 :])
    report = check(log)
    assert (Fault.ENTRY, 590, 590) in found(report)
    assert any("its leaf or its sealed part" in damage.what for damage in report.damages)


def test_leaf_and_tile_altered_together() -> None:
    """When the tile was altered to fit the leaf, the tile above still tells which 256 entries."""
    log = copy(BARE)
    forged = log.entries[300]._replace(leaf=reword(log.entries[300].leaf))
    log.entries[300] = forged
    tile = log.tiles.rows[0, 1]
    log.tiles.rows[0, 1] = tile[: 44 * 32] + leaf_hash(forged.leaf) + tile[45 * 32 :]
    assert (Fault.RANGE, 256, 511) in found(check(log))
    upper = log.tiles.rows[1, 0]
    log.tiles.rows[1, 0] = upper[:32] + tile_root(log.tiles.rows[0, 1])
    assert (Fault.RANGE, 300, 511) in found(check(log))  # between checkpoints 300 and 512


def test_an_altered_tile_is_not_blamed_on_the_leaves() -> None:
    """Tiles of level 0 and 1, and the hash column: altered alone, they are named, the entries are not."""
    for level in (0, 1):
        log = copy(BIG)
        log.tiles.rows[level, 0] = spoil(log.tiles.rows[level, 0], 40)
        report = check(log)
        assert {fault for fault, _, _ in found(report)} == {Fault.HASH}
        assert report.total == 1
    log = copy(BARE)
    log.tiles.rows[0, 0] = spoil(log.tiles.rows[0, 0], 40)
    del log.tiles.rows[1, 0]
    assert found(check(log)) == [(Fault.HASH, 1, 1)]
    log = copy(BIG)
    for pos in (5, 590):
        log.entries[pos] = log.entries[pos]._replace(hash=bytes(32))
    assert found(check(log)) == [(Fault.HASH, 5, 5), (Fault.HASH, 590, 590)]


def test_an_altered_tile_does_not_hide_an_altered_sealed_part() -> None:
    """A tile altered at an entry whose sealed part was altered too: both are named."""
    for keep in (True, False):
        log = copy(BIG)
        log.tiles.rows[0, 0] = spoil(log.tiles.rows[0, 0], 40)
        log.entries[1] = log.entries[1]._replace(sealed=b"x")
        if not keep:
            del log.tiles.rows[1, 0]
        assert {fault for fault, _, _ in found(check(log))} == {Fault.HASH, Fault.SEALED}


def test_the_partial_tile_of_a_checkpoint_pins_the_tail() -> None:
    """A partial tile kept when the checkpoint was signed names the leaf; entries after it rest on what fits."""
    log = copy(BARE)
    tile = partial_tile(580, log.tiles.leaf_hashes)
    assert tile is not None
    log.tiles.rows[0, 2] = tile[1]
    head = replace(log.head, root=None, frontier=None)
    assert check(log, head=head).ok
    for pos in (512, 579):
        spoiled = copy(log)
        spoiled.entries[pos] = log.entries[pos]._replace(leaf=reword(log.entries[pos].leaf))
        faults = found(check(spoiled, head=head))
        assert (Fault.LEAF, pos, pos) in faults
        assert {first for _, first, _ in faults} <= {pos, None}


def test_missing_and_cut_tiles() -> None:
    """A full tile that is gone or short is told, where the store keeps tiles."""
    log = copy(BIG)
    del log.tiles.rows[0, 1]
    assert found(check(log)) == [(Fault.HASH, 256, 511)]
    log.tiles.rows[0, 1] = b"short"
    assert found(check(log)) == [(Fault.HASH, 256, 511)]
