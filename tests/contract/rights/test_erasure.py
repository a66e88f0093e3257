"""Erasure and export through a whole vault: twice, under a hold, with damaged rows, on a bad disk."""

import errno
import json
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privet.consent.receipt import verify_receipt
from privet.crypto.envelope import SubjectKeys
from privet.errors import Conflict, InvalidInput, NotFound, Unavailable
from privet.rights import archive
from privet.rights.erasure import Erasure
from tests.contract.rights.conftest import House


def test_erased_is_gone_for_everybody_and_again_is_the_same(house: House) -> None:
    """All methods but erase raise NotFound, erase gives the same id, in any session, and the address is free."""
    who = house.guest()
    me, again = house.customer(who), house.customer(who)
    me.consent("marketing.email")
    tombstone = me.erase()
    assert me.erase() == tombstone
    assert again.erase() == tombstone
    for act in (
        me.profile,
        me.accesses,
        me.consents,
        me.receipts,
        me.restrict,
        me.unrestrict,
        lambda: me.consent("marketing.email"),
        lambda: me.withdraw("marketing.email"),
        lambda: me.object("marketing"),
        lambda: me.unobject("marketing"),
        lambda: me.correct({"given_name": "B"}),
        lambda: me.confirm("email", "AAAA-AAAA"),
        lambda: me.export("/nowhere/x.zip"),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(NotFound):
        house.customer(who)
    house.vault.service("front-desk").put(who, {"email": who.value, "given_name": "New"}, purpose="stay")
    assert len(house.customer(who).accesses()) == 2


def test_nothing_of_the_erased_is_left_in_the_tables(house: House) -> None:
    """Row, records, ledger and look-ups go; her log entries lose tag and reference, the leaves stay."""
    who = house.guest()
    desk = house.vault.service("front-desk")
    desk.record(who, "stays", {"arrived": "2026-01-05", "booking": "b", "room": "1"}, purpose="stay")
    me, subject = house.customer(who), house.subject(who)
    me.consent("marketing.email")
    ids = [bytes.fromhex(line.audit_id) for line in me.accesses()]
    me.erase()
    house.vault.parts.store.sequence()
    for table in ("subject", "record", "consent", "lookup"):
        assert house.row(f"SELECT count(*) FROM {table} WHERE subject = :s", s=subject)[0] == 0
    for entry in ids:
        found = house.vault.parts.store.log.find_entry(entry)  # type: ignore[arg-type]
        assert found is not None
        assert found.tag is None
        assert found.ref is None


def test_a_legal_hold_keeps_her_data_and_says_why(house: House) -> None:
    """Conflict with the reason and the end; nothing is erased; lifted, erasure goes through."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    house.rights.flags.hold(subject, True, reason="case 12/26", until="2027-01-01", actor="steward")
    with pytest.raises(Conflict, match="case 12/26") as refused:
        me.erase()
    assert "2027-01-01" in str(refused.value)
    assert me.profile()["given_name"] == "Ada"
    house.rights.flags.hold(subject, False, reason="", actor="steward")
    assert me.erase()


def test_what_does_not_open_can_still_be_erased(house: House) -> None:
    """Damaged keys make her unreadable, not unerasable."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    keys = bytearray(house.row("SELECT keys FROM subject WHERE subject = :s", s=subject)[0])
    keys[50] ^= 1
    house.tamper("UPDATE subject SET keys = :k WHERE subject = :s", k=bytes(keys), s=subject)
    assert me.erase()
    with pytest.raises(NotFound):
        me.profile()


@pytest.mark.parametrize("held", [False, True])
def test_facts_that_do_not_open_keep_nobody_unless_a_hold_stands(house: House, held: bool) -> None:
    """Whether a hold stands is then as the log has it: with one a Conflict that says why, without one she is erased."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    house.rights.flags.hold(subject, True, reason="case 13/26", actor="steward")
    if not held:
        house.rights.flags.hold(subject, False, reason="", actor="steward")
    facts = bytearray(house.row("SELECT facts FROM subject WHERE subject = :s", s=subject)[0])
    facts[50] ^= 1
    house.tamper("UPDATE subject SET facts = :f WHERE subject = :s", f=bytes(facts), s=subject)
    if held:
        with pytest.raises(Conflict, match="case 13/26"):
            me.erase()
        return
    assert me.erase() == me.erase()
    with pytest.raises(NotFound):
        me.profile()


def test_facts_that_are_mended_while_the_log_is_searched_count(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Her row is put right, and a hold set, between the look at the log and the erasure: the hold stands."""
    who = house.guest()
    me, subject = house.customer(who), house.subject(who)
    sound = house.row("SELECT facts FROM subject WHERE subject = :s", s=subject)[0]
    damaged = bytes([*sound[:50], sound[50] ^ 1, *sound[51:]])
    house.tamper("UPDATE subject SET facts = :f WHERE subject = :s", f=damaged, s=subject)
    find = Erasure._find_hold

    def meanwhile(erasure: Erasure, keys: SubjectKeys) -> object:
        found = find(erasure, keys)
        monkeypatch.setattr(Erasure, "_find_hold", find)
        house.tamper("UPDATE subject SET facts = :f WHERE subject = :s", f=sound, s=subject)
        house.rights.flags.hold(subject, True, reason="case 13/26", actor="steward")
        return found

    monkeypatch.setattr(Erasure, "_find_hold", meanwhile)
    with pytest.raises(Conflict, match="case 13/26"):
        me.erase()
    assert me.profile()


def test_an_export_holds_everything_in_plain_files(house: House, tmp_path: Path) -> None:
    """Profile, collections, consents, receipts that verify, who saw it, and a page that explains; mode 0600."""
    who = house.guest(allergies=["Nüsse"])
    desk = house.vault.service("front-desk")
    desk.record(who, "stays", {"arrived": "2026-01-05", "booking": "b", "room": "Süd 1"}, purpose="stay")
    me = house.customer(who)
    me.consent("marketing.email")
    place = tmp_path / "me.zip"
    me.export(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with zipfile.ZipFile(place) as exported:
        names = exported.namelist()
        profile = json.loads(exported.read("profile.json"))
        assert "Nüsse".encode() in exported.read("profile.json")
        assert profile["fields"]["email"] == who.value
        assert "Süd 1".encode() in exported.read("collections/stays.json")
        receipts = [name for name in names if name.startswith("receipts/")]
        assert len(receipts) == 1
        verify_receipt(exported.read(receipts[0]), house.vault.parts.keyring.signer().public)
        lines = json.loads(exported.read("accesses.json"))
        assert [line["act"] for line in lines] == ["export", "consent", "record", "put"]
        assert {"README.txt", "consents.json"} <= set(names)
    assert [file.name for file in tmp_path.iterdir()] == ["me.zip"]


def test_an_export_replaces_her_earlier_one_and_nothing_else(house: House, tmp_path: Path) -> None:
    """Again is fine; another's export, any other file, a link or a folder of that name is left alone."""
    one, other = house.customer(house.guest()), house.customer(house.guest())
    place = tmp_path / "me.zip"
    one.export(place)
    one.export(place)
    mine = place.read_bytes()
    with pytest.raises(InvalidInput):
        other.export(place)
    assert place.read_bytes() == mine
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    link = tmp_path / "link.zip"
    link.symlink_to(place)
    folder = tmp_path / "folder.zip"
    folder.mkdir()
    for bad in (
        notes,
        link,
        folder,
        tmp_path / "missing" / "me.zip",
        notes / "me.zip",
        tmp_path / ("x" * 300),
        tmp_path / "a\0b.zip",
        tmp_path / "\ud800.zip",
        Path(),
    ):
        with pytest.raises((InvalidInput, Unavailable)):
            one.export(bad)
    assert notes.read_text() == "mine"
    assert link.is_symlink()
    assert place.read_bytes() == mine


def test_a_full_disk_leaves_no_half_export(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unavailable; no file, no remains of one, and an earlier export is untouched."""
    me = house.customer(house.guest())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = tmp_path / "me.zip"
    with monkeypatch.context() as patch:
        patch.setattr("privet.rights.archive.os.fsync", full)
        with pytest.raises(Unavailable, match="full"):
            archive.write_archive(place, {"a": b"b"}, owner=bytes(16), at=datetime(2026, 1, 1, tzinfo=UTC))
    assert list(tmp_path.iterdir()) == []
    me.export(place)
    before = place.read_bytes()
    pseudonym = bytes.fromhex(zipfile.ZipFile(place).comment.split()[-1].decode())
    with monkeypatch.context() as patch:
        patch.setattr("privet.rights.archive.os.fsync", full)
        with pytest.raises(Unavailable):
            archive.write_archive(place, {"a": b"b"}, owner=pseudonym, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert place.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["me.zip"]
