"""Anchors: an older or another log is known for one, and nothing of the past replaces them."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from privet.audit.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from privet.audit.merkle import leaf_hash, root_of
from privet.crypto.signing import Signer
from privet.domain.ids import Millis
from privet.errors import IntegrityError, RestoreNeeded, Unavailable
from privet.store.custody.anchors import Checkpointer, log_root
from tests.contract.custody.world import ORIGIN, World


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300, 513])
def test_root_is_that_of_the_leaves(world: World, size: int) -> None:
    """Through tiles or not, at every odd size, also below the end of the log."""
    act = world.scribe.act
    with world.store.write() as unit:
        unit.append([act("query", "done", {"n": n}) for n in range(size + 3)])
    world.store.sequence()
    leaves = [entry.leaf for entry in world.store.log.entries(0, size)]
    assert log_root(world.store.log, size) == root_of(leaf_hash(leaf) for leaf in leaves)


def test_checkpoint_is_stored_and_anchored_once(world: World) -> None:
    """At most one a second, and none where nothing is new."""
    world.add("ann")
    world.checkpointer.maybe(Millis(10_000))
    first = world.anchors.find_latest()
    assert first is not None
    assert [note.encode() for _, note in world.store.log.checkpoints()] == [first[1]]
    world.add("bob")
    world.checkpointer.maybe(Millis(10_999))
    assert world.anchors.find_latest() == first
    world.checkpointer.maybe(Millis(11_000))
    second = world.anchors.find_latest()
    assert second is not None
    assert second[0].size > first[0].size
    assert world.checkpointer.sign() is None
    world.anchors.verify_log(world.store.log)
    assert list(world.anchors.notes()) == [second[1], first[1]]


def test_a_clock_that_is_put_back_stops_no_checkpoint(world: World) -> None:
    """It was a day ahead when the process started, and is set right: the log is witnessed within a second as ever."""
    day = 86_400_000
    world.add("ann")
    world.checkpointer.maybe(Millis(day + 10_000))
    world.add("bob")
    world.checkpointer.maybe(Millis(10_500))
    held = world.anchors.find_latest()
    assert held is not None
    assert held[0].size == world.store.log.size()


def test_older_database_is_not_opened(local: World) -> None:
    """A copy from before: RestoreNeeded, with the sentence that says what to do."""
    local.add("ann")
    local.checkpointer.sign()
    local.store.checkpoint_files()
    shutil.copy(local.directory / "vault.db", local.directory / "old.db")
    local.add("bob")
    local.checkpointer.sign()
    old = World.open(local.directory, f"sqlite:///{local.directory}/old.db")
    with pytest.raises(RestoreNeeded, match=r"1 entries of 2 .* `privet restore`"):
        old.anchors.verify_log(old.store.log)
    # and once it has grown past the anchor, it is another log
    old.add("carl", "dora")
    with pytest.raises(IntegrityError, match="altered before entry 2"):
        old.anchors.verify_log(old.store.log)
    with pytest.raises(IntegrityError, match="altered"):
        note = sign_checkpoint(
            Checkpoint(origin=ORIGIN, size=2, root=log_root(old.store.log, 2)), old.keyring.signer()
        )
        old.anchors.write(note)
    old.close()


def test_anchors_never_go_back(world: World) -> None:
    """An older checkpoint of another process is passed over; another origin needs a restore."""
    signer = world.keyring.signer()
    notes = [
        sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=bytes([size]) * 32), signer)
        for size in (1, 2)
    ]
    world.anchors.write(notes[1])
    world.anchors.write(notes[0])
    held = world.anchors.find_latest()
    assert held is not None
    assert held[0].size == 2
    other = sign_checkpoint(Checkpoint(origin="privet/other", size=9, root=bytes(32)), signer)
    with pytest.raises(IntegrityError, match="another log"):
        world.anchors.write(other)
    world.anchors.write(other, successor=True)
    assert {parse_checkpoint(note).origin for note in world.anchors.notes()} == {ORIGIN, "privet/other"}
    with pytest.raises(RestoreNeeded, match="before the last restore"):
        world.anchors.verify_log(world.store.log)


def test_forged_anchor_is_refused(world: World) -> None:
    """Altered, or signed by somebody else."""
    root = bytes(32)
    forged = sign_checkpoint(Checkpoint(origin=ORIGIN, size=1, root=root), Signer(b"x" * 32))
    with pytest.raises(IntegrityError):
        world.anchors.write(forged)
    good = sign_checkpoint(Checkpoint(origin=ORIGIN, size=1, root=root), world.keyring.signer())
    world.anchors.write(good)
    assert world.anchors.find_latest() is not None
    for bad in (forged, good.replace(b"\n1\n", b"\n2\n"), b"", b"\xff\xfe"):
        (world.anchors.path / "latest").write_bytes(bad)
        with pytest.raises(IntegrityError):
            world.anchors.verify_log(world.store.log)
        assert bad in world.anchors.notes()  # the verifier judges it, and is not stopped by it
    (world.anchors.path / "latest").unlink()
    with pytest.raises(IntegrityError, match="removed"):
        world.anchors.verify_log(world.store.log)


def test_passing_failure_waits_a_lasting_one_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anchors on a full disk: reads go on for a minute, then the vault says so; then it recovers."""
    world.add("ann")
    checkpointer = Checkpointer(
        store=world.store, signer=world.keyring.signer(), anchors=world.anchors, patience_ms=60_000
    )

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        for at in (10_000, 30_000, 70_000):
            checkpointer.maybe(Millis(at))
        with pytest.raises(Unavailable):
            checkpointer.maybe(Millis(71_001))
    checkpointer.maybe(Millis(73_000))
    assert world.anchors.find_latest() is not None
    assert Path(world.anchors.path / "latest").stat().st_mode & 0o777 == 0o600
