"""Harm to the store: rows altered, swapped or gone never sign in anybody as another, and tell no stranger."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from privet.bootstrap.customer import Customer
from privet.domain.request import by
from privet.errors import Unavailable
from privet.portal.app import make_portal
from privet.testing import make_vault
from tests.contract.portal.house import ADA, Browser, House
from tests.contract.portal.visit import mails

EVE = "eve@example.org"


@contextmanager
def database(house: House) -> Iterator[sqlite3.Connection]:
    """The vault's file, as whoever can write it has it."""
    path = house.vault.parts.settings.directory / "vault.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


@pytest.mark.parametrize("sealed", ["zeroblob(100)", "zeroblob(0)", "sealed || x'00'", "substr(sealed, 2)"])
def test_an_altered_ticket_is_none(house: House, sealed: str) -> None:
    """A code's, a session's: the code is refused, she is signed out; no page fails."""
    house.guest()
    browser = house.signed_in()
    waiting = house.client()
    waiting.ask(ADA)
    code = house.code()
    with database(house) as connection:
        connection.execute(f"UPDATE ticket SET sealed = CAST({sealed} AS BLOB)")
    assert browser.send("GET", "/my/held").headers["location"].startswith("/my/sign-in")
    assert waiting.post("/my/code", {"code": code}).status_code == 422


def test_tickets_cannot_be_swapped(house: House) -> None:
    """Eve's browser keeps Eve's token; Ada's payload under it opens nothing."""
    house.guest()
    house.guest(EVE, given_name="Evelyn")
    with database(house) as connection:
        connection.execute("DELETE FROM ticket")
    eve = house.signed_in(EVE)
    with database(house) as connection:
        mine = {row[0] for row in connection.execute("SELECT id FROM ticket")}
    house.signed_in(ADA)
    with database(house) as connection:
        rows = connection.execute("SELECT id, sealed FROM ticket").fetchall()
        # sessions are the ones that outlast the windows of a quarter of an hour
        theirs = [sealed for ticket, sealed in rows if ticket not in mine]
        for sealed in theirs:
            connection.execute("UPDATE ticket SET sealed = ?", (sealed,))
            connection.commit()
            assert eve.send("GET", "/my/held").headers.get("location", "").startswith("/my/sign-in")


def test_a_look_up_led_astray_signs_nobody_in(house: House) -> None:
    """Eve's address made to lead to Ada's row: no letter, and the stranger's answer."""
    who = house.guest()
    house.guest(EVE)
    ada, eve = (Customer(house.vault.parts, by(email=email))._subject for email in (who.value, EVE))
    with database(house) as connection:
        changed = connection.execute("UPDATE lookup SET subject = ? WHERE subject = ?", (ada, eve)).rowcount
    assert changed
    browser = house.client()
    answer = browser.ask(EVE)
    assert answer.status_code == 200
    assert "If we know this address" in browser.text
    house.client().ask(ADA)
    house.code()
    assert len(house.sent) == 1


def test_keys_that_do_not_open_sign_nobody_in(house: House) -> None:
    """Her row's keys altered: the stranger's answer, and a page in plain words for whoever is in already."""
    house.guest()
    browser = house.signed_in()
    waiting = house.client()
    waiting.ask(ADA)
    code = house.code()
    with database(house) as connection:
        connection.execute("UPDATE subject SET keys = zeroblob(85)")
    assert waiting.post("/my/code", {"code": code}).status_code == 422
    assert house.client().ask(ADA).status_code == 200
    assert browser.get("/my/held").status_code == 500
    assert "Your record needs a person to look at it" in browser.text


def test_an_altered_count_is_no_fresh_start(house: House) -> None:
    """Who zeroes the counts gains no guesses: asking stops with a page until they run out."""
    house.guest()
    house.client().ask(ADA)
    with database(house) as connection:
        connection.execute("UPDATE ticket SET sealed = zeroblob(32)")
    assert house.client().ask(ADA).status_code == 500
    assert len(house.sent) <= 1


def test_a_store_that_is_gone_is_said_plainly(house: House) -> None:
    """503 with Retry-After, and that nothing was lost."""
    house.guest()
    browser = house.signed_in()
    house.vault.close(sign=False)
    answer = browser.get("/my/held")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Nothing was lost" in browser.text


def test_what_may_have_been_done_is_not_called_undone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """She is erased, and the disk fails right after it: no page says that nothing was; asked again it is done."""
    house.guest()
    browser = house.signed_in()

    def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(house.vault.parts.store), "checkpoint_files", full)
        assert browser.post("/my/erase", {"word": "erase"}).status_code == 503
    assert "nothing was changed" not in browser.text.lower()
    browser.get("/my/erase")
    assert browser.post("/my/erase", {"word": "erase"}).status_code == 200
    assert "Everything is erased" in browser.text


def test_damage_is_not_said_to_stop_what_it_does_not_stop(house: House) -> None:
    """With a damaged ledger her copy is not made; her data is used as before, and the page says nothing else."""
    who = house.guest()
    house.vault.customer(who).consent("marketing.email")
    browser = house.signed_in()
    with database(house) as connection:
        connection.execute("UPDATE consent SET sealed = zeroblob(100)")
    assert browser.post("/my/download", {}).status_code == 500
    assert mails(house)["email"] == ADA
    assert "Your record needs a person to look at it" in browser.text
    assert "used" not in browser.text.partition("Something in it")[2].partition(".")[0]


def test_without_an_address_to_sign_in_by_it_says_whom_to_ask(tmp_path: Path) -> None:
    """A catalogue whose look-ups are no addresses: a page with the way to a human, and no form."""
    catalogue = """
organisation: {name: Bare, contact: desk@bare.example}
fields: {crm_id: {type: string, category: pd:UID, lookup: unique}}
purposes: {enrolment: {dpv: dpv:CustomerManagement, basis: contract}}
services: {shop: {purposes: [enrolment], fields: ["*"], enrols: true}}
"""
    with make_vault(tmp_path / "vault", catalogue) as vault:
        portal = make_portal(vault.parts)
        browser = Browser(type("Bare", (), {"portal": portal}))  # type: ignore[arg-type]
        page = browser.get("/my/sign-in")
        assert page.status_code == 200
        assert "<form" not in page.text
        assert "desk@bare.example" in page.text
        portal.close()
