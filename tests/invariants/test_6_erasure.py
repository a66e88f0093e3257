"""Invariant 6: who is erased is unreadable at once, and after a rotation in every copy; no restore brings back a no.

The bound for copies is the end of the key epoch (design §5): before it, an older copy of the database still opens with
the keyring, which is why the keyring is in no backup.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.restoring import restore_vault
from privet.bootstrap.vault import Vault
from privet.crypto.envelope import unwrap_subject_keys
from privet.crypto.keyring import FileKeyring
from privet.domain.ids import SubjectId, WorkerId
from privet.domain.ports import SubjectRow
from privet.domain.request import By
from privet.errors import AccessDenied, KeyDestroyed, NotFound, RestoreNeeded, Unavailable
from privet.store.custody.backup_format import DATABASE
from privet.store.opening import open_store
from tests.invariants.conftest import Make
from tests.invariants.world import PASSPHRASE, Place, World, rotate_keys


def inhabited(vault: Vault, place: Place) -> tuple[World, By]:
    """A vault with a neighbour and her, with everything that can be held of her."""
    world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
    world.guest(given_name="Neighbour")
    who = world.guest(phone="+442079460111", crm_id="C-1", allergies=["nuts"], notes="likes tea")
    desk = world.service("front-desk")
    for number in range(3):
        desk.record(
            who, "stays", {"arrived": "2024-05-01", "booking": f"B{number}", "room": "12"}, purpose="stay"
        )
    me = world.customer(who)
    for purpose in ("marketing.email", "meals", "surveys"):
        me.consent(purpose)
    me.correct({"email": "next@example.org"})
    desk.fetch(who, purpose="stay", fields=["given_name"])
    return world, who


def row_of(vault: Vault, subject: SubjectId) -> SubjectRow:
    with vault.parts.store.read() as unit:
        return unit.find_rows((subject,))[subject]


def traces(vault: Vault, subject: SubjectId) -> dict[str, bytes]:
    """Bytes of hers that must be gone, by what they are."""
    parts = vault.parts
    row = row_of(vault, subject)
    keys = unwrap_subject_keys(parts.keyring, parts.vault, subject, row.keys)
    found = {"K_data, wrapped": row.keys[5:45], "K_audit, wrapped": row.keys[45:], "tag": keys.tag}
    found |= {"facts": row.facts, "fields": row.fields[:64]}
    with parts.store.read() as unit:
        for number, index in enumerate(unit.indexes_of(subject)):
            found[f"index {number}"] = index.value
        for number, record in enumerate(unit.records(subject)):
            found[f"record {number}"] = record.fields
        for number, entry in enumerate(unit.ledger(subject)):
            found[f"ledger {number}"] = entry.sealed[40:104]  # the whole spills over pages
    assert len(found) >= 5 + 3 + 3 + 3
    return found


def files_with(directory: Path, wanted: bytes) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file() and wanted in path.read_bytes()]


def assert_gone(vault: Vault, who: By, subject: SubjectId, pairwise: str) -> None:
    """No way in: not for a service, not for herself, not for an officer, not by any id."""
    desk = vault.service("front-desk")
    for name in (who, pairwise):
        with pytest.raises(AccessDenied) as caught:
            desk.fetch(name, purpose="stay", fields=["given_name"])
        assert caught.value.reasons == ("not_available",)
        with pytest.raises(AccessDenied):
            desk.history(name, "stays", purpose="stay", fields=["room"])
        with pytest.raises(AccessDenied):
            desk.put(name, {"notes": "x"}, purpose="stay")
    assert desk.find(email=who.value, purpose="stay") is None
    with pytest.raises(NotFound):
        vault.customer(who)
    officer = vault.officer("ana")
    with pytest.raises(NotFound):
        officer.audit.query(subject=who)
    with pytest.raises(NotFound):
        officer.audit.query(subject=subject.hex())
    for line in officer.audit.query():
        if line.subject == subject.hex():
            assert line.act == "erase"
    with vault.parts.store.read() as unit:
        assert not unit.find_rows((subject,))
        assert not unit.records(subject)
        assert not unit.ledger(subject)
        assert not unit.indexes_of(subject)


def test_erased_is_gone_from_the_live_store(place: Place) -> None:
    """When erase has returned nothing opens, nothing finds her, and the log still verifies."""
    with place.open() as vault:
        world, who = inhabited(vault, place)
        me, subject = world.customer(who), world.subject(who)
        pairwise = vault.parts.pairwise.issue("front-desk", subject)
        entries = len(world.log())
        tombstone = me.erase()
        assert me.erase() == tombstone
        for act in (me.profile, me.accesses, me.consents, me.receipts, lambda: me.consent("surveys")):
            with pytest.raises(NotFound):
                act()
        assert_gone(vault, who, subject, pairwise)
        assert len(world.log()) > entries
        assert vault.officer("ana").audit.verify().ok
        assert world.service("front-desk").find(email="guest1@example.org", purpose="stay")
    with place.open() as vault:
        assert_gone(vault, who, subject, pairwise)


def test_the_log_of_an_erased_person_stays_sealed(place: Place) -> None:
    """Her entries stand in the log, opened by nobody: no key opens their private part, no tag groups them."""
    with place.open() as vault:
        world, who = inhabited(vault, place)
        parts, subject = vault.parts, world.subject(who)
        tag = unwrap_subject_keys(parts.keyring, parts.vault, subject, row_of(vault, subject).keys).tag
        hers = [row.pos for row in world.log() if row.tag == tag]
        assert len(hers) > 8
        world.customer(who).erase()
        log = {row.pos: row for row in world.log()}
        assert all(log[pos].tag is None and log[pos].ref is None for pos in hers)
        lines = {line.position: line for line in vault.officer("ana").audit.query()}
        for pos in hers:
            assert lines[pos].sealed
            assert lines[pos].subject is None
            assert not lines[pos].fields
            assert not lines[pos].detail


def test_no_byte_of_hers_is_left_in_the_files(make_place: Make) -> None:
    """On SQLite: database, write-ahead log, keypack, journal: neither wrapped keys nor indexes nor records remain."""
    place = make_place("sqlite")
    with place.open() as vault:
        world, who = inhabited(vault, place)
        rotate_keys(vault)  # so that there is a keypack with her in it
        me, subject = world.customer(who), world.subject(who)
        wanted = traces(vault, subject)
        present = {what: files_with(place.directory, data) for what, data in wanted.items()}
        assert all(present.values()), present
        assert any("keypack" in name for name in present["K_data, wrapped"])
        me.erase()
        left = {what: files_with(place.directory, data) for what, data in wanted.items()}
        assert not any(left.values()), left
    left = {what: files_with(place.directory, data) for what, data in wanted.items()}
    assert not any(left.values()), left


def test_erasure_while_somebody_reads_without_end(make_place: Make) -> None:
    """A long read in another session keeps the write-ahead log: erase says so; once it has ended, erase completes."""
    place = make_place("sqlite")
    with place.open() as vault, place.open() as other:
        world, who = inhabited(vault, place)
        me, subject = world.customer(who), world.subject(who)
        wanted = traces(vault, subject)
        with other.parts.store.read() as unit:
            unit.state()
            with pytest.raises(Unavailable, match="try again"):
                me.erase()
            with pytest.raises(AccessDenied):
                world.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
        me.erase()
        left = {what: files_with(place.directory, data) for what, data in wanted.items()}
        assert not any(left.values()), left


def copies(place: Place, to: Path) -> Path:
    """The database as a thief would copy it: at rest, with its write-ahead log."""
    to.mkdir()
    for name in ("vault.db", "vault.db-wal", "vault.db-shm"):
        if (place.directory / name).exists():
            shutil.copy(place.directory / name, to / name)
    return to


def rows_of_copy(copy: Path) -> Iterator[SubjectRow]:
    store = open_store(
        f"sqlite:///{copy / 'vault.db'}",
        worker=WorkerId(bytes(16)),
        origin="",
        clock=lambda: None,  # type: ignore[arg-type, return-value]
        randomness=os.urandom,
    )
    try:
        with store.read() as unit:
            yield from unit.subjects_after(None, 1000)
    finally:
        store.close()


def test_older_copies_open_nothing_after_a_rotation(make_place: Make, tmp_path: Path) -> None:
    """Copies of the database at four moments before, with the keyring of now: no row of anybody unwraps any more."""
    place = make_place("sqlite")
    taken = []
    with place.open() as vault:
        world, who = inhabited(vault, place)
        subject = world.subject(who)
        taken.append(copies(place, tmp_path / "before"))
        vault.steward().backup(tmp_path / "backup")
        me = world.customer(who)
        me.erase()
        taken.append(copies(place, tmp_path / "after"))
        steps: list[str] = []

        def progress(step: str, _done: int, _total: int) -> None:
            if step in ("open", "rewrapped", "retired") and step not in steps:
                steps.append(step)
                taken.append(copies(place, tmp_path / step))

        rotate_keys(vault, progress=progress)
        keyring, name = vault.parts.keyring, vault.parts.vault
        assert keyring.epochs() == (2,)
    shutil.copytree(tmp_path / "backup", tmp_path / "backup-copy")
    (tmp_path / "backup-copy" / DATABASE).rename(tmp_path / "backup-copy" / "vault.db")
    reopened = FileKeyring.open(place.directory / "keyring.json", PASSPHRASE.encode())
    found = 0
    for copy in (*taken[:2], tmp_path / "backup-copy"):
        for row in rows_of_copy(copy):
            found += row.subject == subject
            with pytest.raises(KeyDestroyed):
                unwrap_subject_keys(reopened, name, row.subject, row.keys)
    assert found == 2  # before, and in the backup
    for copy in taken[2:]:
        assert all(row.subject != subject for row in rows_of_copy(copy))
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        assert vault.service("front-desk").find(email="guest1@example.org", purpose="stay")
        assert vault.parts.keypack.find_head() is not None
        assert subject not in dict(vault.parts.keypack.read()[1])


def test_a_copied_database_opens_until_the_epoch_ends(make_place: Make, tmp_path: Path) -> None:
    """The other side of the bound, so that the test above can fail: before the rotation her row in the copy unwraps."""
    place = make_place("sqlite")
    with place.open() as vault:
        world, who = inhabited(vault, place)
        subject = world.subject(who)
        copy = copies(place, tmp_path / "copy")
        world.customer(who).erase()
        (row,) = [row for row in rows_of_copy(copy) if row.subject == subject]
        unwrap_subject_keys(vault.parts.keyring, vault.parts.vault, subject, row.keys)


def fresh_database(place: Place, request: pytest.FixtureRequest) -> Place:
    """Where a restore puts the data: SQLite in place, PostgreSQL into a new, empty database."""
    if place.backend == "sqlite":
        return place
    server = request.getfixturevalue("postgres_server")
    name = server.create_database()
    settings = place.directory / "privet.toml"
    old = re.search(r"/(t[0-9]+_[0-9a-f]+)\"", settings.read_text())
    assert old is not None
    settings.write_text(settings.read_text().replace(old[1], name))
    return Place(backend=place.backend, directory=place.directory, url=server.url(name))


@pytest.mark.parametrize("rotated", [False, True])
def test_a_restore_brings_back_no_erased_person_and_no_consent(
    place: Place, tmp_path: Path, request: pytest.FixtureRequest, rotated: bool
) -> None:
    """A backup from before every no: restored, the erased are gone, the withdrawn stays withdrawn, the rest lives."""
    with place.open() as vault:
        world, who = inhabited(vault, place)
        erased, subject = who, world.subject(who)
        pairwise = vault.parts.pairwise.issue("front-desk", subject)
        withdrawn, restricted, objected, living = (world.guest() for _ in range(4))
        for person in (withdrawn, restricted, objected, living):
            world.customer(person).consent("marketing.email")
        vault.steward().backup(tmp_path / "backup")
        world.customer(erased).erase()
        world.customer(withdrawn).withdraw("marketing.email")
        world.customer(restricted).restrict()
        world.customer(objected).object("marketing")
        late = world.guest()
        if rotated:
            rotate_keys(vault)
            rotate_keys(vault)
    target = fresh_database(place, request)
    if place.backend == "sqlite":
        shutil.copy(tmp_path / "backup" / DATABASE, place.directory / "vault.db")
        for name in ("vault.db-wal", "vault.db-shm"):
            (place.directory / name).unlink(missing_ok=True)
        with pytest.raises(RestoreNeeded):  # the copy put back by hand, without a restore
            place.open()
    done = restore_vault(tmp_path / "backup", place.directory, passphrase=PASSPHRASE, randomness=os.urandom)
    assert done.people.erased >= 1
    with target.open() as vault:
        assert_gone(vault, erased, subject, pairwise)
        mailer, desk = vault.service("mailer"), vault.service("front-desk")
        for person in (withdrawn, restricted, objected):
            with pytest.raises(AccessDenied):
                mailer.fetch(person, purpose="marketing.email", fields=["email"])
        with pytest.raises(AccessDenied):
            desk.fetch(restricted, purpose="stay", fields=["given_name"])
        consents = {consent.purpose: consent.status for consent in vault.customer(withdrawn).consents()}
        assert consents["marketing.email"] == "withdrawn"
        assert mailer.fetch(living, purpose="marketing.email", fields=["email"])["email"] == living.value
        assert desk.fetch(objected, purpose="stay", fields=["given_name"])["given_name"] == "Ada"
        assert desk.find(email=late.value, purpose="stay") is None  # newer than the backup
        assert vault.officer("ana").audit.verify().ok


def test_reads_and_writes_racing_an_erasure(place: Place) -> None:
    """Whatever was under way when she was erased, nothing of hers is there afterwards: no row, no record, no tag."""
    with place.open() as vault, place.open() as other:
        for turn in range(4):
            world, who = inhabited_again(vault, place, turn)
            subject = world.subject(who)
            stop = threading.Event()
            failures: list[BaseException] = []

            def churn(who: Any = who, stop: Any = stop, failures: Any = failures) -> None:
                desk = other.service("front-desk")
                number = 0
                while not stop.is_set():
                    number += 1
                    stay = {"arrived": "2024-05-01", "booking": f"R{number}", "room": "1"}
                    try:
                        desk.record(who, "stays", stay, purpose="stay")
                        desk.put(who, {"notes": f"{number}"}, purpose="stay")
                        desk.fetch(who, purpose="stay", fields=["notes"])
                    except AccessDenied:
                        return
                    except BaseException as failure:  # noqa: BLE001  a thread's failure is the test's
                        failures.append(failure)
                        return

            thread = threading.Thread(target=churn, daemon=True)
            thread.start()
            stop.wait(0.05)
            world.customer(who).erase()
            thread.join(timeout=20)
            stop.set()
            assert failures == []
            with vault.parts.store.read() as unit:
                assert not unit.find_rows((subject,))
                assert not unit.records(subject)
                assert not unit.indexes_of(subject)


def inhabited_again(vault: Vault, place: Place, turn: int) -> tuple[World, By]:
    world = World(place=place, vault=vault, clock=None, made=turn * 10)  # type: ignore[arg-type]
    return world, world.guest()
