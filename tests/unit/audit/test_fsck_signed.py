"""The rebuild: a head, a checkpoint or an anchor that says otherwise: rollback, rewrite, fork."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from privet.audit.damage import Fault
from privet.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from tests.unit.audit.logs import ORIGIN, Log, draw, make_entry, make_log, sign
from tests.unit.audit.rebuilds import BARE, BIG, check, copy, found, reword, signed_as, spoil


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
    for bad in (b"junk", stranger, signed_as("other", 600)):
        report = check(BIG, checkpoints=[bad])
        assert found(report) == [(Fault.CHECKPOINT, None, None)]
        assert report.proven == 0
