"""Her choices: a yes to the text she saw, a no in one press, the big switch, the end."""

import re
import sqlite3
from pathlib import Path

import pytest

from privet.domain.request import By
from privet.errors import AccessDenied, NotFound, Unavailable
from tests.contract.portal.house import ADA, House, open_house, text_of
from tests.contract.portal.visit import mails


def test_a_yes_is_to_the_text_she_saw(house: House, ada: By) -> None:
    """The notice stands on the page before the yes; its version goes along; a changed text is shown again."""
    browser = house.signed_in()
    browser.get("/my/choices")
    assert "May we write to you by email about our offers?" in browser.text
    version = house.vault.parts.catalogue.notices["marketing"].version
    assert version in browser.page.text
    with pytest.raises(AccessDenied):
        mails(house)
    stale = browser.post("/my/choices", {"purpose": "marketing.email", "wish": "yes", "notice": "0" * 64})
    assert stale.status_code == 409
    assert "text has changed" in browser.text
    with pytest.raises(AccessDenied):
        mails(house)
    browser.post("/my/choices", {"purpose": "marketing.email", "wish": "yes", "notice": version})
    assert "On: Offers by email." in browser.text
    assert mails(house)["email"] == ADA
    browser.get("/my/choices")
    assert "On: Offers by email." not in browser.text


def test_a_yes_without_the_texts_version_is_none(house: House, ada: By) -> None:
    """A form that leaves it out, where there is a text, gives no consent."""
    browser = house.signed_in()
    browser.get("/my/choices")
    for notice in ({}, {"notice": ""}):
        assert (
            browser.post("/my/choices", {"purpose": "marketing.email", "wish": "yes", **notice}).status_code
            == 409
        )
    with pytest.raises(AccessDenied):
        mails(house)


def test_a_no_is_one_press(house: House, ada: By) -> None:
    """Withdrawn with the same switch; the very next read is refused."""
    house.vault.customer(ada).consent("marketing.email")
    browser = house.signed_in()
    browser.get("/my/choices")
    assert 'aria-checked="true" aria-labelledby="p-marketing.email"' in browser.page.text
    browser.post("/my/choices", {"purpose": "marketing.email", "wish": "no"})
    assert "It counts from this moment" in browser.text
    with pytest.raises(AccessDenied):
        mails(house)


def test_what_was_done_is_not_called_undone_though_its_line_cannot_be_left(
    house: House, ada: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails right after her no: it counts, and no page says that nothing was changed. So with an erasure."""
    house.vault.customer(ada).consent("marketing.email")
    browser = house.signed_in()
    browser.get("/my/choices")

    def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(house.portal._desk.sessions, "_write", full)
    said = browser.post("/my/choices", {"purpose": "marketing.email", "wish": "no"})
    assert said.status_code == 200
    assert "Off" in browser.text
    with pytest.raises(AccessDenied):
        mails(house)
    monkeypatch.setattr(house.portal._desk.sessions, "end", full)
    browser.get("/my/erase")
    assert browser.post("/my/erase", {"word": "erase"}).status_code == 200
    assert not browser.cookies
    with pytest.raises(NotFound):
        house.vault.customer(ada)


def test_what_was_asked_waits_for_her(house: House, ada: By) -> None:
    """A requested consent stands on the first page, and both answers are as easy."""
    house.vault.service("booking-import").consent(ada, "meal-preparation")
    browser = house.signed_in()
    assert "One question waits for your answer" in browser.text
    browser.get("/my/choices")
    assert "Waiting for your answer" in browser.text
    buttons = re.findall(r'<button type="submit" name="wish" value="(yes|no)" class=""', browser.page.text)
    assert buttons == ["yes", "no"]
    version = house.vault.parts.catalogue.notices["meal-preparation"].version
    browser.post("/my/choices", {"purpose": "meal-preparation", "wish": "yes", "notice": version})
    kitchen = house.vault.service("kitchen").fetch(ada, purpose="meal-preparation", fields=["allergies"])
    assert kitchen["allergies"] == ["peanuts"]
    browser.get("/my")
    assert "waits for your answer" not in browser.text


def test_an_objection_is_a_switch(house: House, ada: By) -> None:
    """For what rests on a legitimate interest; off, and on again."""
    browser = house.signed_in()
    browser.get("/my/choices")
    assert "Without asking, unless you object" in browser.text
    browser.post("/my/choices", {"purpose": "service-improvement", "wish": "object"})
    assert "Off. You objected." in browser.text
    assert house.vault.customer(ada).standing().objected == {"service-improvement"}
    browser.post("/my/choices", {"purpose": "service-improvement", "wish": "unobject"})
    assert not house.vault.customer(ada).standing().objected


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"purpose": "nonsense", "wish": "yes"},
        {"purpose": "resale", "wish": "yes"},
        {"purpose": "marketing.email", "wish": "please"},
        {"purpose": "\x00\ud83d", "wish": "no"},
    ],
)
def test_odd_choices_change_nothing(house: House, ada: By, form: dict[str, str]) -> None:
    """Unknown and prohibited purposes, wishes that there are not: a page that says so, and a way on."""
    browser = house.signed_in()
    sent = {key: value.encode("utf-8", "surrogatepass") for key, value in form.items()}
    answer = browser.post("/my/choices", sent)  # type: ignore[arg-type]
    assert answer.status_code in (400, 422)
    assert "Nothing was changed" in browser.text
    assert 'href="/my"' in answer.text
    assert {consent.status for consent in house.vault.customer(ada).consents()} == {"unknown"}


def test_the_big_switch(house: House, ada: By) -> None:
    """Stopped: no service gets anything, every page of choices says so; lifted: as before."""
    desk = house.vault.service("resort-front-desk")
    browser = house.signed_in()
    browser.get("/my/stop")
    browser.post("/my/stop", {"wish": "stop"})
    assert "All use of your data is stopped" in browser.text
    with pytest.raises(AccessDenied):
        desk.fetch(ada, purpose="service-personalisation", fields=["given_name"])
    for path in ("/my", "/my/held", "/my/choices"):
        browser.get(path)
        assert "All use of your data is stopped" in browser.text
    browser.get("/my/stop")
    browser.post("/my/stop", {"wish": "go on"})
    assert desk.fetch(ada, purpose="service-personalisation", fields=["given_name"])["given_name"] == "Ada"


def test_erasure_takes_one_typed_word(house: House, ada: By) -> None:
    """Without the word nothing; with it she is gone, signed out, and unknown at the door."""
    browser, other = house.signed_in(), house.signed_in()
    browser.get("/my/erase")
    for word in ("", "yes", "ERASED"):
        assert browser.post("/my/erase", {"word": word}).status_code == 422
    browser.get("/my/erase")
    browser.post("/my/erase", {"word": " erase "})
    assert "Everything is erased" in browser.text
    assert "privet" not in browser.cookies
    gone = other.get("/my/held")
    assert gone.status_code == 404
    assert "signed out" in text_of(gone.text)
    assert "privet" not in other.cookies
    sent = len(house.sent)
    house.client().ask(ADA)
    assert len(house.sent) == sent


def test_a_legal_hold_is_explained(house: House, ada: By) -> None:
    """Why not, until when, and whom to ask."""
    house.vault.steward().hold(ada, reason="a claim before court", until="2027-01-01")
    browser = house.signed_in()
    browser.get("/my/erase")
    assert browser.post("/my/erase", {"word": "ERASE"}).status_code == 409
    assert "a claim before court" in browser.text
    assert "2027-01-01" in browser.text
    browser.get("/my/held")
    assert "Ada" in browser.text


def test_a_damaged_ledger_keeps_nobody_from_saying_no(house: House, ada: By) -> None:
    """How choices stand cannot be shown; a no still can be pressed, and counts at once."""
    house.vault.customer(ada).consent("marketing.email")
    assert mails(house)["email"] == ADA
    browser = house.signed_in()
    store = house.vault.parts.store
    with sqlite3.connect(house.vault.parts.settings.directory / "vault.db") as database:
        database.execute("UPDATE consent SET sealed = zeroblob(100)")
    database.close()
    assert store.backend == "sqlite"
    assert browser.get("/my/choices").status_code == 500
    assert "You can still say no" in browser.text
    for _ in range(2):
        browser.post("/my/choices", {"purpose": "marketing.email", "wish": "no"})
        assert "Off: Offers by email." in browser.text
        with pytest.raises(AccessDenied):
            mails(house)


def test_a_damaged_ledger_leaves_her_a_way_from_the_first_page(house: House, ada: By) -> None:
    """She signs in and is led to her choices; there each no binds: an objection where that is the word for it."""
    house.vault.customer(ada).consent("marketing.email")
    with sqlite3.connect(house.vault.parts.settings.directory / "vault.db") as database:
        database.execute("UPDATE consent SET sealed = zeroblob(100)")
    database.close()
    browser = house.signed_in()
    assert browser.page.status_code == 500
    assert "Your record needs a person to look at it" in browser.text
    assert '<a href="/my/choices">say no</a>' in browser.page.text
    browser.get("/my/choices")
    offered = re.findall(
        r'name="purpose" value="([^"]+)">\s*<button type="submit" name="wish" value="(\w+)"',
        browser.page.text,
    )
    assert offered == [
        ("marketing", "no"),
        ("marketing.email", "no"),
        ("meal-preparation", "no"),
        ("service-improvement", "object"),
    ]
    browser.post("/my/choices", {"purpose": "service-improvement", "wish": "object"})
    assert "Your objection counts from this moment" in browser.text
    assert house.vault.customer(ada).standing().objected == {"service-improvement"}


def test_no_switch_is_shown_for_what_it_would_not_switch(house: House, ada: By) -> None:
    """A no to what rests on the contract ends no use: it is never told as Off, nor taken from a form."""
    house.vault.customer(ada).withdraw("service-personalisation")
    desk = house.vault.service("resort-front-desk")
    assert desk.fetch(ada, purpose="service-personalisation", fields=["given_name"])["given_name"] == "Ada"
    browser = house.signed_in()
    browser.get("/my/choices")
    assert 'id="p-service-personalisation"' not in browser.page.text
    assert "The bed, towels and breakfast the guest likes Needed for what you asked for." in browser.text
    for wish in ("yes", "no"):
        assert (
            browser.post("/my/choices", {"purpose": "stay-administration", "wish": wish}).status_code == 422
        )
        assert "Nothing was changed" in browser.text
        browser.get("/my/choices")


def test_an_objection_is_told_of_all_that_it_stops(tmp_path: Path) -> None:
    """What is below a purpose that she objected to is off too: no switch or word beside it says that it is on."""

    def edit(text: str) -> str:
        old = 'basis: consent, notice: marketing, description: "All'
        assert old in text
        text = text.replace(old, 'basis: legitimate_interest, description: "All')
        more = (
            "  marketing.post: {dpv: dpv:DirectMarketing, parents: [marketing], basis: legitimate_interest}\n"
        )
        return text.replace("  resale:\n", f"{more}  resale:\n")

    with open_house(tmp_path, edit=edit) as house:
        me = house.vault.customer(house.guest())
        me.consent("marketing.email")
        browser = house.signed_in()
        browser.get("/my/choices")
        assert 'aria-checked="true" aria-labelledby="p-marketing.post"' in browser.page.text
        browser.post("/my/choices", {"purpose": "marketing", "wish": "object"})
        with pytest.raises(AccessDenied):
            mails(house)
        assert "Off. You objected to: All of our advertising." in browser.text
        assert 'aria-labelledby="p-marketing.post"' not in browser.page.text
        assert "On. You agreed, but you objected to: All of our advertising" in browser.text
        browser.post("/my/choices", {"purpose": "marketing", "wish": "unobject"})
        assert mails(house)["email"] == ADA
        assert "objected to:" not in browser.text
