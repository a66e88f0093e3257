"""A row put back as it once stood, seals and all: the control journal's word holds against it, at every read."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from privet import Vault, by
from privet.errors import AccessDenied, IntegrityError, NotFound, Unavailable
from privet.store.sqlite_file import get_driver
from privet.testing import StoppedClock, make_vault, open_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES

ANN = by(email="ann@example.org")


@pytest.fixture
def vault(tmp_path: Path, clock: StoppedClock) -> Iterator[Vault]:
    """Ann has said yes to letters."""
    with make_vault(tmp_path / "v", CATALOGUE, NOTICES, clock=clock) as made:
        made.service("register").put(ANN, {"crm_id": "C1", "given_name": "Ann"}, purpose="enrolment")
        made.customer(ANN).consent("marketing.email")
        yield made


class Thief:
    """Who can write to the database, and has no key: keeps what stood, and puts it back."""

    def __init__(self, vault: Vault) -> None:
        self._path = vault.parts.settings.directory / "vault.db"
        self._kept = {
            table: self._rows(f"SELECT * FROM {table}") for table in ("subject", "lookup", "consent")
        }

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(get_driver().connect(self._path)) as raw:
            return list(raw.execute(query).fetchall())

    def put_back(self, *tables: str) -> None:
        with closing(get_driver().connect(self._path)) as raw:
            for table in tables:
                raw.execute(f"DELETE FROM {table}")
                for row in self._kept[table]:
                    raw.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            raw.commit()


def letters(vault: Vault) -> tuple[str, ...]:
    """Why letters may not be written to Ann; () when they may."""
    try:
        vault.service("letters").fetch(ANN, purpose="marketing.email", fields=["email"])
    except AccessDenied as denied:
        return denied.reasons
    return ()


def desk(vault: Vault) -> tuple[str, ...]:
    try:
        vault.service("desk").fetch(ANN, purpose="service-personalisation", fields=["given_name"])
    except AccessDenied as denied:
        return denied.reasons
    return ()


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("tables", [("subject",), ("subject", "consent")])
def test_a_withdrawn_consent_put_back_permits_nothing(
    vault: Vault, clock: StoppedClock, tables: tuple[str, ...], reopened: bool
) -> None:
    """With or without its ledger, in this process or the next; her log has the true reason; her next yes counts."""
    assert letters(vault) == ()
    before = Thief(vault)
    clock.pass_time(timedelta(seconds=1))
    vault.customer(ANN).withdraw("marketing.email")
    before.put_back(*tables)
    directory = vault.parts.settings.directory
    if reopened:
        vault.close()
        vault = open_vault(directory, clock=clock)
    assert letters(vault) == ("consent_required",)
    refused = vault.officer("ana").audit.query(service="letters", limit=1)[0]
    assert refused.reasons == {"email": "consent_withdrawn"}
    vault.close()


def test_restriction_and_objection_put_back_stand(vault: Vault, clock: StoppedClock) -> None:
    """And are lifted only by her."""
    before = Thief(vault)
    ann = vault.customer(ANN)
    ann.restrict()
    before.put_back("subject")
    assert desk(vault) == ("not_available",)
    ann.unrestrict()
    assert desk(vault) == ()
    ann.object("service-personalisation")
    before.put_back("subject")
    assert desk(vault) == ("not_available",)
    ann.unobject("service-personalisation")
    assert desk(vault) == ()


def test_an_erased_person_put_back_is_nobody(vault: Vault) -> None:
    """Her row, look-ups and ledger stand in the database again, and no service is told a thing."""
    assert desk(vault) == ()
    before = Thief(vault)
    vault.customer(ANN).erase()
    before.put_back("subject", "lookup", "consent")
    assert desk(vault) == ("not_available",)
    assert letters(vault) == ("consent_required",)
    assert vault.service("desk").find(email="ann@example.org", purpose="service-personalisation") is None


def test_her_own_changes_of_mind_count_in_order(vault: Vault, clock: StoppedClock) -> None:
    """Yes and no within one tick of the clock, and with the clock set back: the last word counts."""
    ann = vault.customer(ANN)
    for back in (0, 0, 60_000):
        clock.now -= back
        ann.withdraw("marketing.email")
        assert letters(vault) == ("consent_required",)
        ann.consent("marketing.email")
        assert letters(vault) == ()


def test_a_second_process_journal_is_followed(vault: Vault, clock: StoppedClock) -> None:
    """What another open vault journals holds here at the next read, though the row was put back."""
    assert letters(vault) == ()
    before = Thief(vault)
    clock.pass_time(timedelta(seconds=1))
    with open_vault(vault.parts.settings.directory, clock=clock) as other:
        other.customer(ANN).withdraw("marketing.email")
    before.put_back("subject", "consent")
    assert letters(vault) == ("consent_required",)


def test_without_a_sound_journal_nothing_is_released(vault: Vault) -> None:
    """Gone, or shorter than it was: said in a sentence; put back, reads go on."""
    path = vault.parts.settings.journal_path
    vault.customer(ANN).withdraw("marketing.email")
    assert desk(vault) == ()
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(Unavailable, match="control journal"):
        desk(vault)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises((Unavailable, IntegrityError)):
        desk(vault)
    path.write_bytes(whole)
    assert desk(vault) == ()


def test_a_restriction_taken_away_in_the_database_holds_for_writes(vault: Vault, clock: StoppedClock) -> None:
    """What is held of her is not changed by a service, though her row says that she restricted nothing."""
    before = Thief(vault)
    clock.pass_time(timedelta(seconds=1))
    vault.customer(ANN).restrict()
    before.put_back("subject")
    with pytest.raises(AccessDenied):
        vault.service("register").put(ANN, {"given_name": "Eve"}, purpose="enrolment")
    assert vault.customer(ANN).profile()["given_name"] == "Ann"


@pytest.mark.parametrize("copy", ["older", "torn", "of another vault"])
def test_a_journal_put_in_its_place_is_refused(
    vault: Vault, clock: StoppedClock, tmp_path: Path, copy: str
) -> None:
    """By a rename, as a copy comes back: unless it begins with what was followed, nothing is released."""
    path = vault.parts.settings.journal_path
    older = path.read_bytes()
    clock.pass_time(timedelta(seconds=1))
    vault.customer(ANN).withdraw("marketing.email")
    assert letters(vault) != ()
    whole = path.read_bytes()
    foreign = b""
    if copy == "of another vault":
        with make_vault(tmp_path / "other", CATALOGUE, NOTICES) as other:
            foreign = other.parts.settings.journal_path.read_bytes()
    put = {"older": older, "torn": whole[:-7], "of another vault": foreign}
    beside = path.with_name("beside")
    beside.write_bytes(put[copy])
    beside.replace(path)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            letters(vault)
    beside.write_bytes(whole)
    beside.replace(path)
    assert letters(vault) != ()


def test_what_stands_is_what_she_sees(vault: Vault, clock: StoppedClock) -> None:
    """Her page says what services meet, though her row says otherwise; and an erased person has no page."""
    before = Thief(vault)
    clock.pass_time(timedelta(seconds=1))
    ann = vault.customer(ANN)
    ann.restrict()
    ann.object("service-personalisation")
    ann.withdraw("marketing.email")
    before.put_back("subject", "consent")
    profile = ann.profile()
    assert profile.restricted
    assert profile.objected == ("service-personalisation",)
    assert {c.purpose: c.status for c in ann.consents()}["marketing.email"] == "withdrawn"
    ann.erase()
    before.put_back("subject", "lookup", "consent")
    with pytest.raises(NotFound):
        vault.customer(ANN)
