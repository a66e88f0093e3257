"""Backup and restore: the living come back, no withdrawn consent and no erased person does, whatever crashes."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.audit.entry import read_entry, worker_of
from privet.audit.leaf import parse_leaf
from privet.audit.verify import verify_log
from privet.consent.ledger import LedgerBook
from privet.crypto.vaultkey import VaultKeys
from privet.domain.consent import ConsentStatus
from privet.domain.ids import NOBODY, SubjectId
from privet.errors import Conflict, IntegrityError, RestoreNeeded, Unavailable
from privet.store.custody.journal import JournalFile
from privet.store.custody.recovery import PENDING, put_back_settings, verify_not_restoring
from privet.store.custody.staging import ASIDE
from tests.contract.custody.test_rotation import ROOT, run_victim
from tests.contract.custody.world import ORIGIN, VAULT, World, everybody, now
from tests.services.postgres import PostgresServer

NAMES = [f"person{n}" for n in range(30)]
STEPS = ["verified", "load", "loaded", "people", "revived", "logged", "swapped", "done"]


def reopened(world: World, url: str) -> World:
    return World.open(world.directory, url, world.people)


def status(world: World, name: str) -> ConsentStatus:
    return world.facts(name).consents["news"].status


def ledger_agrees(world: World, name: str) -> bool:
    """The ledger opens and folds to what the facts say."""
    row = world.row(name)
    with world.store.read() as unit:
        LedgerBook(vault=VAULT, randomness=os.urandom).entries(
            unit, row.subject, world.keys(row), world.facts(name), row.facts_rev
        )
    return True


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


def test_backup_holds_no_key_and_no_password(world: World, tmp_path: Path) -> None:
    """Neither keyring, keypack nor journal, nor the database's password; nothing in clear; nobody else reads it."""
    world.add(*NAMES[:5])
    world.rotate()
    world.backup(tmp_path / "backup")
    files = [file for file in (tmp_path / "backup").rglob("*") if file.is_file()]
    assert {str(file.relative_to(tmp_path / "backup")) for file in files} == {
        "manifest.json", "manifest.sig", "database", "privet.toml", "catalogue.yaml", "notices/news.md",
        "bundles/ab.tar.gz",
    }  # fmt: skip
    held = b"".join(file.read_bytes() for file in files)
    for secret in (b"secret", b"privet/keyring", b"person1", b"privet/control-log"):
        assert secret not in held
    assert (world.directory / "keypack").read_bytes()[
        48:64
    ] in held  # a subject id, so that the look is a real one
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_backup_never_overwrites(local: World, tmp_path: Path) -> None:
    """Whatever stands there stays."""
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Conflict):
        local.backup(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    local.backup(tmp_path / "backup")
    before = (tmp_path / "backup" / "manifest.json").read_bytes()
    with pytest.raises(Conflict):
        local.backup(tmp_path / "backup")
    assert (tmp_path / "backup" / "manifest.json").read_bytes() == before


def test_backup_under_load_is_consistent(world: World, tmp_path: Path, fresh_url: str) -> None:
    """While another process writes: what is restored is one moment, and its log is sound."""
    world.add(*NAMES)
    writer = run_victim("write", world, "other")
    assert writer.stdout is not None
    writer.stdout.readline()
    world.backup(tmp_path / "backup")
    (world.directory / "stop").touch()
    _, err = writer.communicate(timeout=60)
    assert writer.returncode == 0, err
    done = world.restore(tmp_path / "backup", fresh_url)
    assert done.people.living > len(NAMES)
    back = reopened(world, fresh_url)
    assert everybody(back, NAMES) == NAMES
    others = done.people.living - len(NAMES)
    assert everybody(back, [f"other{n}" for n in range(others)]) == [f"other{n}" for n in range(others)]
    assert back.read(f"other{others}") is None
    assert not verify_log(back.store.log, public=back.keyring.signer().public).damages
    back.close()


@pytest.mark.parametrize(
    "name", ["database", "privet.toml", "catalogue.yaml", "notices/news.md", "bundles/ab.tar.gz", "anchor"]
)
@pytest.mark.parametrize("harm", ["alter", "truncate", "lengthen", "delete", "link"])
def test_harmed_backup_names_the_part(local: World, tmp_path: Path, name: str, harm: str) -> None:
    """Each file altered, cut short, lengthened, deleted, or turned into a link: it is named, the vault untouched."""
    local.add("ann")
    local.checkpointer.sign()
    local.backup(tmp_path / "backup")
    local.checkpointer.sign()
    file = tmp_path / "backup" / name
    data = file.read_bytes()
    file.unlink()
    if harm == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        file.symlink_to(tmp_path / "elsewhere")
    elif harm != "delete":
        middle = len(data) // 2
        file.write_bytes(
            {
                "alter": data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :],
                "truncate": data[:-1],
                "lengthen": data + b"\0",
            }[harm]
        )
    with pytest.raises(IntegrityError, match=name):
        local.restore(tmp_path / "backup")
    back = reopened(local, local.url)
    assert back.read("ann") == "ann"
    back.anchors.verify_log(back.store.log)
    back.close()


def test_harmed_manifest_is_refused(local: World, tmp_path: Path) -> None:
    """Altered, of another form, unsigned, signed by another vault, of a newer version, or none."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    manifest, signature = tmp_path / "backup" / "manifest.json", tmp_path / "backup" / "manifest.sig"
    good, signed = manifest.read_bytes(), signature.read_bytes()
    document = json.loads(good)
    for other in (
        b"", b"[]", b"{", good.replace(b'"size": ', b'"size": 1'), json.dumps({**document, "files": {}}).encode(),
    ):  # fmt: skip
        manifest.write_bytes(other)
        with pytest.raises(IntegrityError, match="manifest"):
            local.restore(tmp_path / "backup")
    manifest.write_bytes(good)
    for other in (b"", b"zz", b"00" * 64, signed[:-3]):
        signature.write_bytes(other)
        with pytest.raises(IntegrityError, match="manifest"):
            local.restore(tmp_path / "backup")
    manifest.unlink()
    with pytest.raises(Unavailable, match="no backup here"):
        local.restore(tmp_path / "backup")


def test_names_outside_the_backup_are_refused(local: World, tmp_path: Path) -> None:
    """A manifest may not name files elsewhere, signed or not: settings are put back before the keyring opens."""
    local.add("ann")
    local.backup(tmp_path / "backup")
    file = tmp_path / "backup" / "manifest.json"
    document = json.loads(file.read_bytes())
    (tmp_path / "evil.toml").write_text("x")
    for name in ("../evil.toml", "/etc/evil.toml", "notices/../../evil.toml"):
        document["files"][name] = document["files"]["privet.toml"]
        file.write_bytes(json.dumps(document).encode())
        with pytest.raises(IntegrityError, match="manifest"):
            put_back_settings(tmp_path / "backup", tmp_path / "new")
        del document["files"][name]
    assert not (tmp_path / "new").exists()


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
