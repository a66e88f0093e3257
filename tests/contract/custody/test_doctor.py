"""What doctor finds of keys and copies: each fault is brought about, and named with what to do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.store.custody.recovery import PENDING
from tests.contract.custody.world import World, now

DAY = 86_400_000


def levels(world: World, *backups: Path) -> set[str]:
    return {finding.level for finding in world.doctor(*backups)}


@pytest.fixture
def sound(world: World) -> World:
    """A vault in which all is well."""
    world.add("ann", "bob")
    world.rotate()
    world.checkpointer.sign()
    return world


def test_sound_vault_has_no_fault(sound: World, tmp_path: Path) -> None:
    """Nothing to do, with a backup on another disk."""
    (tmp_path / "disk").mkdir()
    sound.backup(tmp_path / "disk" / "monday")
    findings = sound.doctor(tmp_path / "disk")
    assert [finding for finding in findings if finding.level != "ok"] == []
    assert all(not finding.fix for finding in findings)
    assert len(findings) >= 6


def _open_to_all(world: World) -> None:
    (world.directory / "keyring.json").chmod(0o644)


def _keyring_in_backup(world: World) -> None:
    world.backup(world.directory / "monday")
    shutil.copy(world.directory / "keyring.json", world.directory / "monday" / "copy.txt")


def _keypack_in_backup(world: World) -> None:
    world.backup(world.directory / "monday")
    shutil.copy(world.directory / "keypack", world.directory / "monday" / "keypack")


def _lose_keypack(world: World) -> None:
    (world.directory / "keypack").unlink()


def _stale_keypack(world: World) -> None:
    old = (world.directory / "keypack").read_bytes()
    world.rotate()
    (world.directory / "keypack").write_bytes(old)


def _cut_keypack(world: World) -> None:
    os.truncate(world.directory / "keypack", 100)


def _harm_journal(world: World) -> None:
    world.journal.append("restrict", world.people["ann"], at=now())
    data = bytearray((world.directory / "journal").read_bytes())
    data[-1] ^= 1
    (world.directory / "journal").write_bytes(data)


def _lose_journal(world: World) -> None:
    (world.directory / "journal").unlink()


def _half_restore(world: World) -> None:
    (world.directory / PENDING).write_text("{}")


FAULTS: list[tuple[Callable[[World], None], str]] = [
    (_open_to_all, "can read the keyring"),
    (_keyring_in_backup, "a keyring lies in the backup monday"),
    (_keypack_in_backup, "a keypack lies in the backup monday"),
    (_lose_keypack, "keypack is missing"),
    (_stale_keypack, "whose key is gone"),
    (_cut_keypack, "keypack is damaged"),
    (_harm_journal, "journal is damaged at record 1"),
    (_lose_journal, "no control journal"),
    (_half_restore, "a restore has not ended"),
]


@pytest.mark.parametrize("harm,said", FAULTS, ids=[harm.__name__ for harm, _ in FAULTS])
def test_fault_is_named(sound: World, harm: Callable[[World], None], said: str) -> None:
    """One fault, with a fix; the other checks still run."""
    harm(sound)
    findings = sound.doctor()
    faults = [finding for finding in findings if finding.level == "fault"]
    assert [said in finding.sentence for finding in faults] == [True], faults
    assert faults[0].fix
    assert len(findings) >= 6


def test_backups_beside_the_keyring_are_a_warning(sound: World) -> None:
    """Whoever takes one takes both."""
    sound.backup(sound.directory / "monday")
    assert any("keyring's own directory" in finding.sentence for finding in sound.doctor())
    assert levels(sound) == {"ok", "warn"}


def test_old_epoch_is_a_warning(world: World) -> None:
    """After thirty days, not before."""
    world.add("ann")
    with world.store.write() as unit:
        unit.set_epoch(1, "closing")
        unit.open_epoch(2, now() - 31 * DAY)  # type: ignore[arg-type]
    world.keyring.add_epoch()
    world.rotate()
    assert any("began 31 days ago" in finding.sentence for finding in world.doctor())
    world.rotate()
    assert not any("days ago" in finding.sentence for finding in world.doctor())


def test_unfinished_rotation_is_a_warning(world: World) -> None:
    """A key without a row, as a crash leaves it."""
    world.add("ann")
    world.keyring.add_epoch()
    assert any("rotation has not ended" in finding.sentence for finding in world.doctor())


def test_unfinished_erasure_is_a_warning(sound: World) -> None:
    """Journaled, and not committed."""
    sound.journal.append("erase", sound.people["ann"], at=now())
    assert any("1 erasure(s) were begun" in finding.sentence for finding in sound.doctor())


def test_no_anchor_is_a_warning(world: World) -> None:
    """The log is worth what witnesses it."""
    world.add("ann")
    assert any("no anchor" in finding.sentence for finding in world.doctor())
