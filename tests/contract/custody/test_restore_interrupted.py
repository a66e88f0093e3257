"""A restore that is killed, finds no room, or finds somebody at work: a whole vault stands, the old or the new."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.errors import RestoreNeeded, Unavailable
from privet.store.custody.recovery import PENDING, verify_not_restoring
from tests.contract.custody.restored import NAMES, STEPS, reopened
from tests.contract.custody.test_rotation import run_victim
from tests.contract.custody.world import World, everybody
from tests.services.postgres import PostgresServer


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_starts_anew_or_finishes(
    world: World, tmp_path: Path, url: str, make_fresh_url: Callable[[], str], step: str
) -> None:
    """kill -9: until the swap the old vault stands whole, after it the new one; running it again ends well."""
    world.add(*NAMES[:5])
    world.backup(tmp_path / "backup")
    world.erase("person1")
    world.checkpointer.sign()
    world.close()
    into = make_fresh_url()
    victim = run_victim("restore", world, str(tmp_path / "backup"), into, step)
    _, said = victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL, said
    if (world.directory / PENDING).exists():
        with pytest.raises(RestoreNeeded):
            verify_not_restoring(world.directory)
    else:
        verify_not_restoring(world.directory)
    between = reopened(world, url)  # there is always a whole database
    assert everybody(between, NAMES[:5]) == ["person0", None, "person2", "person3", "person4"]
    if url.startswith("sqlite"):
        between.restore(tmp_path / "backup")
    elif step == "done":
        between.close()
    else:
        if step != "swapped":
            with pytest.raises(Unavailable):  # not a vault, or one that says what to do
                reopened(world, into)
        # the same restore empties what it had filled, and begins anew, or finishes what was complete
        between.restore(tmp_path / "backup", into)
    verify_not_restoring(world.directory)
    back = reopened(world, into)
    assert everybody(back, NAMES[:5]) == ["person0", None, "person2", "person3", "person4"]
    back.anchors.verify_log(back.store.log)
    back.close()


@pytest.mark.parametrize("failing", ["fsync", "link", "replace"])
def test_full_disk_leaves_the_old_vault(
    local: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Backup and restore on a full disk: Unavailable, no half backup, the live vault as it was; then it works."""
    local.add(*NAMES[:5])

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    def breaking(use: Callable[[], object]) -> None:
        with monkeypatch.context() as broken:
            if failing == "replace":
                broken.setattr(Path, "replace", full)
            else:
                broken.setattr(os, failing, full)
            with pytest.raises(Unavailable):
                use()

    breaking(lambda: local.backup(tmp_path / "backup"))
    assert [file.name for file in tmp_path.iterdir()] == ["vault"]
    local.backup(tmp_path / "backup")
    breaking(lambda: local.restore(tmp_path / "backup"))
    between = reopened(local, local.url)
    assert everybody(between, NAMES[:5]) == NAMES[:5]
    between.restore(tmp_path / "backup")
    back = reopened(local, local.url)
    assert everybody(back, NAMES[:5]) == NAMES[:5]
    back.close()


def test_open_vault_is_not_swapped_away(local: World, tmp_path: Path) -> None:
    """While another process has the file open, a restore refuses."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    other = reopened(local, local.url)
    assert other.read("ann") == "ann"
    with pytest.raises(Unavailable, match="another process has this vault open"):
        local.restore(tmp_path / "backup")
    other.close()


@pytest.mark.postgres
def test_server_database_must_be_empty(tmp_path: Path, postgres_url: str) -> None:
    """A restore never goes over what a server's database holds."""
    world = World.create(tmp_path / "vault", postgres_url)
    world.add("ann")
    world.backup(tmp_path / "backup")
    with pytest.raises(Unavailable, match="already"):
        world.restore(tmp_path / "backup")
    back = reopened(world, postgres_url)
    assert back.read("ann") == "ann"
    back.close()


@pytest.mark.postgres
def test_a_half_restored_server_database_is_opened_and_emptied_by_nobody_else(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    """It says that a restore has not ended; a restore by another vault directory refuses it, and leaves it as it is."""
    world = World.create(tmp_path / "vault", postgres_url)
    world.add("ann")
    world.backup(tmp_path / "backup")
    into = postgres_server.url(postgres_server.create_database())
    victim = run_victim("restore", world, str(tmp_path / "backup"), into, "loaded")
    victim.communicate(timeout=60)
    with pytest.raises(RestoreNeeded, match="has not ended"):
        reopened(world, into)
    (world.directory / PENDING).unlink()  # as on another host
    with pytest.raises(Unavailable, match="already"):
        world.restore(tmp_path / "backup", into)
    with pytest.raises(RestoreNeeded, match="has not ended"):
        reopened(world, into)
