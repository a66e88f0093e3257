"""Rotation: whatever happens in between, the vault is usable, and at the end old copies open nothing."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from privet.audit.leaf import parse_leaf
from privet.crypto import blind
from privet.crypto.envelope import unwrap_subject_keys
from privet.domain.ids import SubjectId
from privet.errors import IntegrityError, KeyDestroyed, Unavailable
from privet.store.custody.keypack import FORGOTTEN
from tests.contract.custody.world import VAULT, World, email_of, everybody

ROOT = Path(__file__).parents[3]
STEPS = ["keyring", "open", "closed", "rewrap", "rewrapped", "keypack", "retired", "destroyed", "done"]
NAMES = [f"person{n}" for n in range(150)]


def run_victim(what: str, world: World, *rest: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.custody.victim", what, str(world.directory), world.url, *rest],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_rotated(world: World, names: list[str], epoch: int) -> None:
    """Everybody opens, by look-up, under one epoch; keyring, database, indexes and keypack agree."""
    assert everybody(world, names) == names
    world.keyring.reload()
    assert world.keyring.epochs() == (epoch,)
    with world.store.read() as unit:
        assert unit.state().epochs == (epoch,)
        assert unit.count_subjects(epoch=epoch) == unit.count_subjects()
        assert [row.state for row in unit.epochs()] == ["destroyed"] * (epoch - 1) + ["open"]
        for name in names[:5]:
            assert {row.epoch for row in unit.indexes_of(world.people[name])} == {epoch}
    head, records = world.keypack.read()
    assert head.epoch == epoch
    kept = dict(records)
    assert all(kept[world.people[name]] == world.row(name).keys for name in names[:5])


def test_everybody_moves_and_nothing_sealed_changes(world: World) -> None:
    """New wrapped keys for all, the same fields and facts, and a log that tells the steps."""
    world.add(*NAMES)
    before = {name: world.row(name) for name in NAMES[:10]}
    done = world.rotate()
    assert done == (2, (1,), len(NAMES), False)
    check_rotated(world, NAMES, 2)
    for name, old in before.items():
        new = world.row(name)
        assert (new.fields, new.facts) == (old.fields, old.facts)
        assert new.keys != old.keys
    world.store.sequence()
    acts = [parse_leaf(entry.leaf).act for entry in world.store.log.entries(0, world.store.log.size())]
    assert acts.count("rotate") == 4


def test_an_empty_vault_rotates(world: World) -> None:
    """Nobody to move is no special case; and again, and again."""
    for epoch in (2, 3, 4):
        assert world.rotate().epoch == epoch
    check_rotated(world, [], 4)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_goes_on(world: World, step: str) -> None:
    """kill -9 as each step is reached: the vault reads and writes as it is, and the next run finishes."""
    world.add(*NAMES)
    victim = run_victim("rotate", world, step)
    _, said = victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL, said
    assert everybody(world, NAMES[::10]) == NAMES[::10]
    world.add("afterwards")
    assert world.read("afterwards") == "afterwards"
    again = World.open(world.directory, world.url, world.people)  # and for a process that starts now
    assert everybody(again, ["afterwards", *NAMES[::10]]) == ["afterwards", *NAMES[::10]]
    finished = world.rotate()
    if step in ("destroyed", "done"):
        assert finished == (3, (2,), len(NAMES) + 1, False)
        check_rotated(world, [*NAMES, "afterwards"], 3)
    else:
        assert finished.epoch == 2
        assert finished.resumed
        check_rotated(world, [*NAMES, "afterwards"], 2)
    again.close()


@pytest.mark.parametrize("step", STEPS)
def test_failed_at_any_step_it_goes_on(world: World, step: str) -> None:
    """An error as each step is reached, in this process: nothing is lost, and running it again finishes."""
    world.add(*NAMES[:70])

    def fail(reached: str, _done: int, _total: int) -> None:
        if reached == step:
            raise Unavailable("injected")

    with pytest.raises(Unavailable, match="injected"):
        world.rotate(fail)
    assert everybody(world, NAMES[:70:7]) == NAMES[:70:7]
    world.add("afterwards")
    world.rotate()
    check_rotated(world, [*NAMES[:70], "afterwards"], world.keyring.current_epoch)


def test_a_stolen_copy_opens_nothing_afterwards(world: World, tmp_path: Path) -> None:
    """The database as it was before, with the keyring as it is now: no key, no look-up, for nobody."""
    world.add(*NAMES[:20])
    world.backup(tmp_path / "stolen")
    world.rotate()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / "stolen" / "database", copy / "vault.db")
    shutil.copy(world.directory / "keyring.json", copy / "keyring.json")
    thief = World.open(copy)
    with thief.store.read() as unit:
        rows = unit.subjects_after(None, 100)
        assert len(rows) == 20
    for row in rows:
        with pytest.raises(KeyDestroyed):
            unwrap_subject_keys(thief.keyring, VAULT, row.subject, row.keys)
    with pytest.raises(KeyDestroyed):
        blind.index(thief.keyring, VAULT, 1, email_of(NAMES[0]))
    thief.close()


def test_readers_and_writers_in_other_processes_go_on(world: World) -> None:
    """Two processes add people and look them up while keys are rotated three times: nothing fails, nobody is lost."""
    world.add(*NAMES)
    others = [run_victim("write", world, prefix) for prefix in ("left", "right")]
    for other in others:
        assert other.stdout is not None
        other.stdout.readline()
    for _ in range(3):
        world.rotate(grace_s=0.25)
        time.sleep(0.1)
    (world.directory / "stop").touch()
    added = []
    for prefix, other in zip(("left", "right"), others, strict=True):
        out, err = other.communicate(timeout=60)
        assert other.returncode == 0, err
        added += [f"{prefix}{n}" for n in range(int((out or "1").split()[-1]))]
    assert len(added) > 5
    assert everybody(world, [*NAMES, *added]) == [*NAMES, *added]
    world.rotate()
    assert everybody(world, [*NAMES, *added]) == [*NAMES, *added]


def test_readers_in_this_process_go_on(world: World) -> None:
    """Threads that share the keyring object read throughout."""
    world.add(*NAMES)
    stop = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        reader = World(directory=world.directory, url=world.url, store=world.store, keyring=world.keyring)
        number = 0
        try:
            while not stop.is_set():
                number = (number + 7) % len(NAMES)
                assert reader.read(NAMES[number]) == NAMES[number]
        except BaseException as error:  # noqa: BLE001  what a thread meets is told by the test
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            world.rotate(grace_s=0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures


def test_destroyed_keys_leave_other_processes(world: World) -> None:
    """A process that only reads drops the old key once it has seen the new epoch."""
    world.add("ann")
    other = World.open(world.directory, world.url)
    assert other.read("ann") == "ann"
    world.rotate()
    assert other.keyring.epochs() == (1,)
    assert other.read("ann") == "ann"
    assert other.keyring.epochs() == (2,)
    other.close()


def test_the_erased_are_not_in_the_new_keypack(world: World) -> None:
    """Erased before, and in the very middle of a rotation."""
    world.add(*NAMES[:100])
    gone = {name: (world.people[name], world.row(name).keys) for name in ("person3", "person60", "person61")}
    world.erase("person3")

    def erase(step: str, done: int, _total: int) -> None:
        if step == "rewrapped":
            world.erase("person60")
        if step == "keypack" and done == 0:
            world.erase("person61")

    world.rotate(erase)
    kept = dict(world.keypack.read()[1])
    assert all(kept.get(subject, FORGOTTEN) == FORGOTTEN for subject, _ in gone.values())
    assert [world.read(name) for name in gone] == [None] * 3
    assert world.read("person4") == "person4"


def test_one_rotation_at_a_time(world: World) -> None:
    """A second one says that one is under way."""
    world.add("ann")

    def second(step: str, _done: int, _total: int) -> None:
        if step == "open":
            with pytest.raises(Unavailable, match="another process is rotating"):
                world.rotate()

    world.rotate(second)
    check_rotated(world, ["ann"], 2)


def test_damaged_row_keeps_the_old_key(world: World) -> None:
    """Keys that do not unwrap are named by their number, everybody else is moved, and no key is destroyed."""
    world.add(*NAMES[:10])
    row = world.row("person5")
    with world.store.write() as unit:
        unit.swap_keys(row.subject, row.keys_rev, 1, row.keys[:-1] + bytes((row.keys[-1] ^ 1,)))
    for _ in range(2):
        with pytest.raises(IntegrityError, match="keys of 1 people"):
            world.rotate()
    assert world.keyring.epochs() == (1, 2)
    rest = [name for name in NAMES[:10] if name != "person5"]
    assert everybody(world, rest) == rest
    assert any("1 people do not unwrap" in finding.sentence for finding in world.doctor())
    with world.store.write() as unit:
        unit.erase_subject(row.subject, b"")
    assert world.rotate().resumed
    check_rotated(world, rest, 2)


def test_an_older_keyring_is_refused(world: World) -> None:
    """Put back from a copy, it lacks the database's epoch: it says so, and nothing is destroyed."""
    world.add("ann")
    shutil.copy(world.directory / "keyring.json", world.directory / "old.json")
    world.rotate()
    shutil.copy(world.directory / "old.json", world.directory / "keyring.json")
    stale = World.open(world.directory, world.url)
    with pytest.raises(Unavailable, match="older than the database"):
        stale.rotate()
    stale.close()


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 6])
def test_full_disk_anywhere_in_its_files(world: World, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """The keyring's or keypack's n-th fsync fails: one sentence, a usable vault, and the next run finishes."""
    world.add(*NAMES[:30])
    real, done = os.fsync, 0

    def full(fd: int) -> None:
        nonlocal done
        done += 1
        if done > writes:
            raise OSError(errno.ENOSPC, "full")
        real(fd)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(Unavailable):
            world.rotate()
    world.keyring.reload()
    assert everybody(world, NAMES[:30]) == NAMES[:30]
    world.add("afterwards")
    world.rotate()
    check_rotated(world, [*NAMES[:30], "afterwards"], world.keyring.current_epoch)


def test_a_look_up_two_people_share_stops_nothing(world: World) -> None:
    """Once shared, now unique by the catalogue: both move, and the look-up finds neither."""
    world.add("ann", "bob")
    other = World(directory=world.directory, url=world.url, store=world.store, keyring=world.keyring)
    with world.store.write() as unit:
        unit.delete_indexes([(row.value, row.subject) for row in unit.indexes_of(world.people["ann"])])
    other.add("ann")
    world.rotate()
    with world.store.read() as unit:
        inner = blind.inner(world.keyring, VAULT, 2, email_of("ann"))  # type: ignore[arg-type]
        found = unit.find_subjects([blind.index(world.keyring, VAULT, 2, inner)])
    assert {s for some in found.values() for s in some} == {world.people["ann"], other.people["ann"]}
    assert world.read("bob") == "bob"


def test_subject_ids_stay_out_of_errors(world: World) -> None:
    """The sentence about damaged rows has a number, and no id."""
    world.add("ann")
    row = world.row("ann")
    with world.store.write() as unit:
        unit.swap_keys(row.subject, row.keys_rev, 1, row.keys[:-1] + bytes((row.keys[-1] ^ 1,)))
    with pytest.raises(IntegrityError) as caught:
        world.rotate()
    assert SubjectId(row.subject).hex() not in str(caught.value)
