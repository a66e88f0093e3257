"""What a customer's pages need beyond the rights: pages of her log, what stands, an export that is on no disk."""

import io
import zipfile
from itertools import islice
from pathlib import Path

from tests.contract.rights.conftest import House


def test_the_log_is_read_on_from_an_entry(house: House) -> None:
    """Pages joined are the whole: nothing is left out, nothing comes twice."""
    who = house.guest()
    me = house.customer(who)
    for _ in range(5):
        me.profile()
    first = list(islice(me.accesses_after(), 3))
    rest = list(me.accesses_after(first[-1].audit_id))
    whole = [access.audit_id for access in me.accesses()]
    assert [access.audit_id for access in first + rest] == [*whole[2:]]


def test_another_persons_entry_tells_nothing(house: House) -> None:
    """An entry id of somebody else, or none at all, starts at the newest, and shows her own only."""
    ada, eve = house.customer(house.guest()), house.customer(house.guest())
    ada.profile()
    foreign = ada.accesses()[0].audit_id
    hers = {access.audit_id for access in eve.accesses()}
    for name in (foreign, "00" * 16, "zz", "", "é", "00" * 500):
        seen = {access.audit_id for access in eve.accesses_after(name)}
        assert hers <= seen
        assert foreign not in seen


def test_what_stands_is_told_and_logged(house: House) -> None:
    """Restriction and objections are told without opening her data, and the look is in her log."""
    me = house.customer(house.guest())
    assert me.standing() == (False, frozenset())
    me.restrict()
    assert me.standing().restricted
    before = len(me.accesses())
    me.standing()
    assert len(me.accesses()) == before + 2


def test_an_export_in_memory_is_the_export(house: House, tmp_path: Path) -> None:
    """Same files as the export on disk, logged as one, and no file is written."""
    me = house.customer(house.guest())
    me.export(tmp_path / "me.zip")
    before = sorted(tmp_path.iterdir())
    packed = zipfile.ZipFile(io.BytesIO(me.export_bytes()))
    with zipfile.ZipFile(tmp_path / "me.zip") as written:
        assert packed.namelist() == written.namelist()
        assert packed.read("profile.json") == written.read("profile.json")
    assert [access.act for access in me.accesses()][1] == "export"
    assert sorted(tmp_path.iterdir()) == before
