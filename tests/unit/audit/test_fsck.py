"""The rebuild: a sound log passes, and every damaged, missing or doubled entry is named by position and id."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.audit.damage import Damage, Fault, StoredEntry
from privet.audit.fsck import ID_WINDOW, fsck
from privet.audit.merkle import Frontier, leaf_hash
from privet.audit.note import NoteKey
from tests.unit.audit.logs import KEY, ORIGIN, SIGNER, Log, draw, entry_id, make_entry, make_log, sign
from tests.unit.audit.rebuilds import BARE, BIG, check, copy, found, reword, signed_as, spoil


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
    other = signed_as("old-log", 3)
    report = check(BIG, anchors=(BIG.checkpoints[2], other), keys=[KEY, old], progress=seen.append)
    assert report.ok
    assert seen == [256, 512]
    assert (report.checkpoints, report.anchors, report.foreign) == (5, 2, 1)
    assert not check(BIG, anchors=(foreign,), keys=[KEY, old]).ok


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
