"""The rebuild: a sound log passes, and every kind of damage is named by position and entry id."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.audit.damage import Damage, Fault, FsckReport, StoredEntry
from privet.audit.fsck import ID_WINDOW, fsck
from privet.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from privet.audit.note import NoteKey
from privet.audit.tiles import partial_tile, tile_root
from tests.unit.audit.logs import KEY, ORIGIN, SIGNER, Log, draw, entry_id, make_entry, make_log, sign

BIG = make_log(600, (0, 100, 300, 512, 600))
BARE = make_log(600, (0, 100, 300, 512, 600), column=False)


def check(log: Log, anchors: tuple[bytes, ...] = (), **changes: object) -> FsckReport:
    parts = {"head": log.head, "keys": KEY, "checkpoints": log.checkpoints, "find_tile": log.tiles.find_tile}
    return fsck(log.entries, anchors=anchors, **(parts | changes))  # type: ignore[arg-type]


def copy(log: Log) -> Log:
    tiles = type(log.tiles)()
    tiles.rows, tiles.leaves = dict(log.tiles.rows), log.tiles.leaves
    return Log(list(log.entries), tiles, log.head, list(log.checkpoints))


def spoil(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def reword(leaf: bytes) -> bytes:
    """A well-formed leaf that says something else."""
    return leaf.replace(b"service-personalisation", b"service-personalisatiom")


def found(report: FsckReport) -> list[tuple[Fault, int | None, int | None]]:
    return [(damage.fault, damage.first, damage.last) for damage in report.damages]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 600])
@pytest.mark.parametrize("column", [True, False])
def test_a_sound_log_passes(size: int, column: bool) -> None:
    """Every size, with and without the hash column, tiles and checkpoints: no damage, root and proven size told."""
    log = make_log(size, (0, size // 2, size), column=column)
    for report in (check(log), check(log, find_tile=None), check(log, anchors=(log.checkpoints[-1],))):
        assert report.ok
        assert report.first is None
        assert (report.size, report.root, report.proven) == (size, log.head.root, size)
        assert report.damages == () == report.late


def test_progress_and_counts() -> None:
    """Progress is called about every 256 entries; checkpoints, anchors and foreign anchors are counted."""
    seen: list[int] = []
    old = NoteKey(name="old-log", public=SIGNER.public)
    foreign = sign(3, bytes(32), "old-log").replace(ORIGIN.encode(), b"old-log")
    other = _signed_as("old-log", 3)
    report = check(BIG, anchors=(BIG.checkpoints[2], other), keys=[KEY, old], progress=seen.append)
    assert report.ok
    assert seen == [256, 512]
    assert (report.checkpoints, report.anchors, report.foreign) == (5, 2, 1)
    assert not check(BIG, anchors=(foreign,), keys=[KEY, old]).ok


def _signed_as(origin: str, size: int) -> bytes:
    from privet.audit.checkpoint import Checkpoint, sign_checkpoint

    return sign_checkpoint(Checkpoint(origin=origin, size=size, root=bytes(32)), SIGNER)


@settings(max_examples=60)
@given(st.sampled_from([BIG, BARE]), st.integers(0, 511), st.data())
def test_one_byte_of_a_leaf_is_named(log: Log, pos: int, data: st.DataObject) -> None:
    """Any byte of any leaf that a tile covers: that entry is named, and no other."""
    log = copy(log)
    leaf = log.entries[pos].leaf
    at = data.draw(st.integers(0, len(leaf) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda value: value != leaf[at]))
    log.entries[pos] = log.entries[pos]._replace(leaf=leaf[:at] + bytes([changed]) + leaf[at + 1 :])
    report = check(log)
    named = [d for d in report.damages if d.fault in (Fault.LEAF, Fault.ENTRY)]
    assert [d.first for d in named] == [pos]
    assert {d.first for d in report.damages if d.fault is not Fault.CHECKPOINT} == {pos}
    assert report.first is not None
    assert report.first.first == pos


@settings(max_examples=60)
@given(st.sampled_from([BIG, BARE]), st.integers(0, 599), st.data())
def test_one_byte_of_a_sealed_part_is_named(log: Log, pos: int, data: st.DataObject) -> None:
    """Any byte of any sealed part, tiled or not: that entry is named, as sealed, and nothing else is."""
    log = copy(log)
    sealed = log.entries[pos].sealed
    at = data.draw(st.integers(0, len(sealed) - 1))
    log.entries[pos] = log.entries[pos]._replace(sealed=spoil(sealed, at))
    report = check(log)
    assert found(report) == [(Fault.SEALED, pos, pos)]
    assert report.damages[0].id == entry_id(pos)
    assert str(report.damages[0]) == f"entry {pos} (id {entry_id(pos).hex()}): its sealed part was altered"


@pytest.mark.parametrize("pos", [0, 77, 255, 256, 511])
def test_leaf_and_sealed_part_both_altered(pos: int) -> None:
    """The leaf is named as altered and the sealed part as not matching it."""
    log = copy(BARE)
    entry = log.entries[pos]
    log.entries[pos] = entry._replace(leaf=reword(entry.leaf), sealed=spoil(entry.sealed))
    report = check(log)
    assert (Fault.ENTRY, pos, pos) in found(report)
    assert "altered, and its sealed part" in str(report.first)


def test_several_damaged_entries_are_all_named_first_first() -> None:
    """Leaves here, sealed parts there: all positions, in order."""
    log = copy(BIG)
    for pos in (599, 3, 300):
        log.entries[pos] = log.entries[pos]._replace(leaf=reword(log.entries[pos].leaf))
    log.entries[40] = log.entries[40]._replace(sealed=b"")
    report = check(log)
    named = [(f, a) for f, a, _ in found(report) if f is not Fault.CHECKPOINT]
    assert named == [(Fault.LEAF, 3), (Fault.SEALED, 40), (Fault.LEAF, 300), (Fault.LEAF, 599)]
    assert report.total == len(report.damages)


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


def test_a_store_without_a_head() -> None:
    """No stored root: signed checkpoints and stored hashes judge, and what neither covers is not blamed."""
    head = replace(BIG.head, root=None, frontier=None)
    for log in (BIG, BARE):
        assert check(log, head=head).ok
        assert check(log, head=head, checkpoints=[]).ok
    for pos, kept in ((20, 5), (530, 3), (530, 5)):
        log = copy(BIG)
        log.entries[pos] = log.entries[pos]._replace(leaf=reword(log.entries[pos].leaf))
        faults = found(check(log, head=head, checkpoints=log.checkpoints[:kept]))
        assert (Fault.LEAF, pos, pos) in faults
        assert {first for _, first, _ in faults} <= {pos, None}
    log = copy(BIG)
    log.tiles.rows[1, 0] = spoil(log.tiles.rows[1, 0], 40)
    assert found(check(log, head=head)) == [(Fault.HASH, 256, 511)]
    assert found(check(log, head=head, checkpoints=[])) == [(Fault.RANGE, 256, 511)]


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


@pytest.mark.parametrize("gone", [(0,), (300,), (300, 301, 302), (599,), (0, 599)])
def test_missing_entries_are_named(gone: tuple[int, ...]) -> None:
    """A gap, at the start, in the middle or at the end, is named by its positions; its neighbours are not blamed."""
    log = copy(BIG)
    log.entries = [entry for entry in log.entries if entry.pos not in gone]
    report = check(log)
    missing = [d for d in report.damages if d.fault is Fault.MISSING]
    assert sorted(p for d in missing for p in range(d.first or 0, (d.last or 0) + 1)) == list(gone)
    assert not [d for d in report.damages if d.fault in (Fault.LEAF, Fault.ENTRY, Fault.SEALED, Fault.RANGE)]


def test_swapped_entries_are_both_named() -> None:
    """Two entries that changed places are both named."""
    log = copy(BIG)
    one, two = log.entries[10], log.entries[20]
    log.entries[10], log.entries[20] = two._replace(pos=10), one._replace(pos=20)
    named = [first for fault, first, _ in found(check(log)) if fault is Fault.LEAF]
    assert named == [10, 20]


def test_extra_and_repeated_entries() -> None:
    """Entries beyond the size, and a position given twice, are told and left out of the tree."""
    log = copy(BIG)
    log.entries += [make_entry(600), make_entry(601)._replace(pos=2**52)]
    log.entries.insert(5, log.entries[3])
    report = check(log)
    assert [(f, a) for f, a, _ in found(report)] == [
        (Fault.EXTRA, 3),
        (Fault.EXTRA, 600),
        (Fault.EXTRA, 2**52),
    ]
    assert report.root == BIG.head.root


def test_a_gap_too_wide_to_fill_ends_the_rebuild() -> None:
    """A position and a head size of 2**52 are reported as a gap, in no time."""
    log = copy(BIG)
    log.entries[599] = log.entries[599]._replace(pos=2**52 - 1)
    report = check(log, head=replace(log.head, size=2**52))
    assert (Fault.MISSING, 599, 2**52 - 2) in found(report)
    assert not report.ok


def test_a_duplicate_id_is_named() -> None:
    """An entry id that an earlier entry has, even in another, well-formed leaf."""
    log = copy(BARE)
    log.entries[9] = make_entry(9, id_=entry_id(2))._replace(hash=None)
    report = check(log)
    assert any(d.fault is Fault.DUPLICATE and d.first == 9 and d.id == entry_id(2) for d in report.damages)


def test_an_id_column_that_is_not_the_leaf_s() -> None:
    """A row stored under another id would hide from a look-up: it is told."""
    log = copy(BIG)
    log.entries[9] = log.entries[9]._replace(id=bytes(16))
    assert found(check(log)) == [(Fault.ID, 9, 9)]


def test_an_id_from_the_past_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the window has moved on, an older id is told as late, and is no damage by itself."""
    assert ID_WINDOW >= 10_000
    monkeypatch.setattr("privet.audit.fsck.ID_WINDOW", 16)
    entries = [make_entry(pos) for pos in range(100)]
    entries[80] = make_entry(80, id_=(1).to_bytes(6, "big") + draw("late", 1, 10))
    frontier = Frontier()
    frontier.extend(leaf_hash(entry.leaf) for entry in entries)
    entries = [entry._replace(hash=leaf_hash(entry.leaf)) for entry in entries]
    head = replace(BIG.head, size=100, root=frontier.root(), frontier=None)
    report = fsck(entries, head=head, keys=KEY)
    assert report.ok
    assert report.late == (80,)


Change = Callable[[Log], None]


def _no_sound_head(log: Log) -> None:
    log.head = replace(log.head, root=bytes(32))


def _forged_head(log: Log) -> None:
    log.head = replace(log.head, root=EMPTY_ROOT, frontier=Frontier().to_bytes())


@pytest.mark.parametrize("change", [_no_sound_head, _forged_head])
def test_an_altered_head_is_told(change: Change) -> None:
    """All that was signed holds up to the last entry: then it is the head."""
    log = copy(BIG)
    change(log)
    assert found(check(log)) == [(Fault.HEAD, None, None)]
    assert (Fault.RANGE, 512, 599) in found(check(log, checkpoints=log.checkpoints[:-1]))


def test_a_shorter_log_than_was_signed_is_a_rollback() -> None:
    """Entries and head cut back to 512: the checkpoint, or an anchor outside, tells."""
    log = copy(BIG)
    short = make_log(512)
    log.entries, log.head = log.entries[:512], short.head
    assert found(check(log)) == [(Fault.ROLLBACK, None, None)]
    report = check(log, checkpoints=[], anchors=(BIG.checkpoints[-1],))
    assert str(report.first) == "a signed anchor tells of 600 entries"


def test_a_rewritten_log_is_caught_by_its_anchors() -> None:
    """A whole new history, sound in itself and signed by the right key, is not what was anchored."""
    log = copy(BIG)
    log.entries = [make_entry(pos, id_=draw("other", pos, 16)) for pos in range(600)]
    frontier = Frontier()
    frontier.extend(leaf_hash(entry.leaf) for entry in log.entries)
    log.entries = [e._replace(hash=leaf_hash(e.leaf)) for e in log.entries]
    log.head = replace(log.head, root=frontier.root(), frontier=frontier.to_bytes())
    report = check(log, find_tile=None, checkpoints=[sign(600, frontier.root())])
    assert report.ok
    report = check(
        log, find_tile=None, checkpoints=[sign(600, frontier.root())], anchors=(BIG.checkpoints[2],)
    )
    assert (Fault.ANCHOR, None, None) in found(report)
    assert (Fault.RANGE, 0, 299) in found(report)


def test_two_roots_at_one_size_are_a_fork() -> None:
    """Two signed checkpoints of one size that differ are told, with the one that is of another tree."""
    log = copy(BIG)
    log.checkpoints.append(sign(300, bytes(32)))
    faults = {fault for fault, _, _ in found(check(log))}
    assert {Fault.FORK, Fault.CHECKPOINT} <= faults
    assert Fault.FORK not in {fault for fault, _, _ in found(check(BIG, anchors=(BIG.checkpoints[2],)))}


def test_checkpoints_that_do_not_verify_are_told() -> None:
    """Malformed, unsigned, or under a name that is not known: told, and not believed."""
    stranger = sign(600, BIG.head.root or b"").replace(ORIGIN.encode() + b" ", b"stranger ")
    for bad in (b"junk", stranger, _signed_as("other", 600)):
        report = check(BIG, checkpoints=[bad])
        assert found(report) == [(Fault.CHECKPOINT, None, None)]
        assert report.proven == 0


def test_columns_of_foreign_types_do_not_break_it() -> None:
    """SQLite lets NULL and text stand where bytes should: that is damage, not a crash."""
    log = copy(BIG)
    log.entries[4] = StoredEntry(4, None, "text")  # type: ignore[arg-type]
    assert (Fault.ENTRY, 4, 4) in found(check(log))


def test_damages_are_cut_at_the_limit_and_counted() -> None:
    """A log damaged throughout gives a bounded report that says how much there is."""
    log = copy(BIG)
    log.entries = [entry._replace(sealed=b"x") for entry in log.entries]
    report = check(log, limit=10)
    assert len(report.damages) == 10
    assert report.total == 600
    log.entries = [entry._replace(leaf=b"x") for entry in BARE.entries]
    assert len(check(log, limit=10, find_tile=None).damages) == 10


def test_no_damage_prints_content() -> None:
    """What is printed of a damage is a position, an id and a sentence."""
    log = copy(BIG)
    log.entries[7] = log.entries[7]._replace(leaf=b'{"purpose":"secret-word"}')
    printed = " ".join(str(damage) for damage in check(log).damages)
    assert "secret-word" not in printed
    assert str(Damage(fault=Fault.MISSING, what="missing", first=1, last=4)) == "entries 1 to 4: missing"
