"""Restore: the living come back, no withdrawn consent and no erased person does."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from privet.audit.entry import read_entry, worker_of
from privet.audit.leaf import parse_leaf
from privet.audit.verify import verify_log
from privet.crypto.vaultkey import VaultKeys
from privet.domain.consent import ConsentStatus
from privet.domain.ids import NOBODY, SubjectId
from privet.errors import IntegrityError, Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.custody.recovery import put_back_settings
from privet.store.custody.staging import ASIDE
from tests.contract.custody.restored import NAMES, ledger_agrees, reopened, status
from tests.contract.custody.test_rotation import ROOT
from tests.contract.custody.world import ORIGIN, VAULT, World, everybody, now


def test_restore_brings_back_the_living_only(world: World, tmp_path: Path, fresh_url: str) -> None:
    """After the backup: an erasure, a withdrawal, a restriction, an objection, two rotations. None of it is undone."""
    world.add(*NAMES, consent=True)
    world.checkpointer.sign()
    made = world.backup(tmp_path / "backup")
    assert made.entries == len(NAMES) + 1
    gone = world.people["person1"]
    world.erase("person1")
    world.journal.append("withdraw", world.people["person2"], purpose="news", at=now())
    world.journal.append("restrict", world.people["person3"], at=now())
    world.journal.append("object", world.people["person4"], purpose="news", at=now())
    world.rotate()
    world.erase("person5")
    world.journal.append("restrict", world.people["person6"], at=now())
    world.journal.append("unrestrict", world.people["person6"], at=now())
    world.rotate()
    world.add("newer")
    world.checkpointer.sign()
    last = world.anchors.find_latest()
    assert last is not None
    done = world.restore(tmp_path / "backup", fresh_url)
    assert done.people == (len(NAMES) - 2, 2, 0, 0, 3)
    assert done.lost_entries > 0
    back = reopened(world, fresh_url)
    assert everybody(back, ["person1", "person5", "newer"]) == [None, None, None]
    rest = [name for name in NAMES if name not in ("person1", "person5")]
    assert everybody(back, rest) == rest
    assert status(back, "person2") is ConsentStatus.WITHDRAWN
    assert ledger_agrees(back, "person2")
    assert status(back, "person0") is ConsentStatus.GIVEN
    assert back.facts("person3").restricted
    assert not back.facts("person6").restricted
    assert back.facts("person4").objected == {"news"}
    with back.store.read() as unit:
        assert unit.find_rows([gone]) == {}
        assert unit.indexes_of(gone) == []
        assert unit.ledger(gone) == []
        assert unit.state().epochs == (3,)
    # the log goes on under a name of its own, anchored, sound, and says what it follows
    back.anchors.verify_log(back.store.log)
    assert back.store.log.origin() == done.origin != ORIGIN
    report = verify_log(back.store.log, public=back.keyring.signer().public, anchors=back.anchors.notes())
    assert not report.damages, report
    entries = list(back.store.log.entries(0, back.store.log.size()))
    told = [
        read_entry(VaultKeys(back.keyring, VAULT).cipher(worker, leaf.t_ms), leaf, entry.sealed)
        for entry in entries
        if (leaf := parse_leaf(entry.leaf)).act == "restore"
        and back.refs.open(entry.id, entry.ref or b"") == NOBODY
        and (worker := worker_of(entry.sealed))
    ]
    assert [private["from"] for private in told] == [
        {"origin": ORIGIN, "size": last[0].size, "root": last[0].root.hex()}
    ]
    # who saw the data of the erased is not told either
    about = {back.refs.open(e.id, e.ref) for e in entries if e.ref and parse_leaf(e.leaf).act == "put"}
    assert not about & {world.people["person1"], world.people["person5"]}
    back.add("afterwards")
    assert back.read("afterwards") == "afterwards"
    back.rotate()
    assert everybody(back, rest) == rest
    back.close()


def test_people_missing_from_the_keypack_are_gone(world: World, tmp_path: Path, fresh_url: str) -> None:
    """A copy whose epoch has ended, and a keypack that does not know somebody: she is gone, and counted."""
    world.add(*NAMES[:5])
    world.backup(tmp_path / "backup")
    row = world.row("person2")
    with world.store.write() as unit:
        unit.erase_subject(
            row.subject, world.keys(row).tag
        )  # no journal, no forgetting: only the keypack lacks her
    world.rotate()
    done = world.restore(tmp_path / "backup", fresh_url)
    assert (done.people.living, done.people.gone, done.people.erased) == (4, 1, 0)
    back = reopened(world, fresh_url)
    assert back.read("person2") is None
    entries = back.store.log.entries(0, back.store.log.size())
    seen = {back.refs.open(entry.id, entry.ref) for entry in entries if entry.ref is not None}
    assert row.subject not in seen
    back.close()


def test_backup_of_this_epoch_needs_no_keypack(world: World, tmp_path: Path, fresh_url: str) -> None:
    """Before the first rotation there is none; the journal alone keeps the erased out."""
    world.add(*NAMES[:3])
    world.backup(tmp_path / "backup")
    world.erase("person1")
    done = world.restore(tmp_path / "backup", fresh_url)
    assert (done.people.living, done.people.erased) == (2, 1)
    back = reopened(world, fresh_url)
    assert everybody(back, NAMES[:3]) == ["person0", None, "person2"]
    back.close()


def test_second_restore_of_the_same_backup(local: World, tmp_path: Path) -> None:
    """Applying the journal again gives the same; each restore names its own log ."""
    local.add(*NAMES[:5], consent=True)
    local.backup(tmp_path / "backup")
    local.journal.append("withdraw", local.people["person1"], purpose="news", at=now())
    local.erase("person2")
    first = local.restore(tmp_path / "backup")
    back = reopened(local, local.url)
    facts = back.facts("person1")
    back.backup(tmp_path / "later")
    second = back.restore(tmp_path / "backup")
    assert second.people == first.people
    assert second.origin != first.origin
    again = reopened(local, local.url)
    assert again.facts("person1") == facts
    again.anchors.verify_log(again.store.log)
    third = again.restore(tmp_path / "later")
    assert third.people == (4, 0, 0, 0, 0)
    final = reopened(local, local.url)
    assert status(final, "person1") is ConsentStatus.WITHDRAWN
    assert final.read("person2") is None
    assert len(list(local.directory.glob(f"*{ASIDE}*"))) == 3
    final.close()


def test_an_act_in_flight_at_the_backup_is_applied(world: World, tmp_path: Path, fresh_url: str) -> None:
    """Journaled just before the backup began, committed after its copy was taken."""
    world.add("ann", consent=True)
    world.journal.append("withdraw", world.people["ann"], purpose="news", at=now())
    world.backup(tmp_path / "backup")
    world.restore(tmp_path / "backup", fresh_url)
    back = reopened(world, fresh_url)
    assert status(back, "ann") is ConsentStatus.WITHDRAWN
    back.close()


def test_lost_directory_comes_back(world: World, tmp_path: Path, url: str) -> None:
    """Disk gone; keyring, keypack, journal and anchors were replicated, the backup has the rest."""
    world.add(*NAMES[:4])
    world.backup(tmp_path / "backup")
    world.erase("person1")
    world.rotate()
    new = tmp_path / "new"
    new.mkdir()
    for name in ("keyring.json", "keypack", "journal"):
        shutil.copy(world.directory / name, new / name)
    assert put_back_settings(tmp_path / "backup", new) == (
        "bundles/ab.tar.gz", "catalogue.yaml", "notices/news.md", "privet.toml",
    )  # fmt: skip
    assert put_back_settings(tmp_path / "backup", new) == ()
    if not url.startswith("sqlite"):
        return
    world.close()
    again = World(
        directory=new, url=f"sqlite:///{new}/vault.db", store=world.store, keyring=world.keyring,
        people=world.people,
    )  # fmt: skip
    done = again.restore(tmp_path / "backup")
    assert done.aside is None
    back = reopened(again, again.url)
    assert everybody(back, NAMES[:4]) == ["person0", None, "person2", "person3"]
    back.close()


def test_nothing_is_restored_without_its_journal(world: World, tmp_path: Path, fresh_url: str) -> None:
    """Missing, an older copy, or damaged: one sentence, and no erased person returns."""
    world.add("ann", "bob")
    empty = (world.directory / "journal").read_bytes()
    world.erase("bob")
    world.backup(tmp_path / "backup")
    whole = (world.directory / "journal").read_bytes()
    (world.directory / "journal").unlink()
    with pytest.raises(Unavailable, match="control journal"):
        world.restore(tmp_path / "backup", fresh_url)
    (world.directory / "journal").write_bytes(empty)
    with pytest.raises(IntegrityError, match="older copy"):
        world.restore(tmp_path / "backup", fresh_url)
    (world.directory / "journal").write_bytes(whole[:-5] + b"12345")
    with pytest.raises(IntegrityError, match="record 1"):
        world.restore(tmp_path / "backup", fresh_url)


def test_missing_or_stale_keypack_says_so(local: World, tmp_path: Path) -> None:
    """Rows whose epoch has ended need it; nothing is thrown away for want of it."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    local.rotate()
    stale = (local.directory / "keypack").read_bytes()
    local.rotate()
    (local.directory / "keypack").unlink()
    with pytest.raises(Unavailable, match="need the keypack"):
        local.restore(tmp_path / "backup")
    (local.directory / "keypack").write_bytes(stale)
    with pytest.raises(Unavailable, match="newest keypack"):
        local.restore(tmp_path / "backup")
    back = reopened(local, local.url)
    assert back.read("ann") == "ann"
    back.close()


def test_aside_database_opens_nothing_once_its_epoch_ends(local: World, tmp_path: Path) -> None:
    """What is kept of before a restore is bound by its key like any copy; the next rotation ends it."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    done = local.restore(tmp_path / "backup")
    assert done.aside is not None
    assert stat.S_IMODE(done.aside.stat().st_mode) == 0o600
    back = reopened(local, local.url)
    assert any("before a restore" in finding.sentence for finding in back.doctor())
    back.rotate()
    program = (
        "import sys; from pathlib import Path; from tests.contract.custody.world import *\n"
        "w = World.open(Path(sys.argv[1]), 'sqlite:///' + sys.argv[2])\n"
        "try: w.read('ann')\n"
        "except Exception as e: print(type(e).__name__)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(local.directory), str(done.aside)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout.strip() == "KeyDestroyed", said.stderr
    back.close()


def test_journal_survives_a_crash_before_the_backup(world: World, tmp_path: Path, fresh_url: str) -> None:
    """A torn tail at the journal's end stops neither backup nor restore."""
    world.add("ann", "bob")
    world.erase("bob")
    with (world.directory / "journal").open("ab") as file:
        file.write(b"\x00\x00\x01")
    world.backup(tmp_path / "backup")
    done = world.restore(tmp_path / "backup", fresh_url)
    assert done.people.living == 1
    fresh = JournalFile(world.directory / "journal", world.keyring, VAULT)
    fresh.append("erase", SubjectId(b"x" * 16), at=now())
    assert len(list(fresh.records())) == 2
