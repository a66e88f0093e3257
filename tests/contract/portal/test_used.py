"""Who used her data, and why: every read on one page of her log, in words no service can bend."""

import re

import pytest

from privet.domain.request import By
from privet.errors import AccessDenied
from tests.contract.portal.house import House
from tests.contract.portal.visit import mails


def test_who_used_it_and_why(house: House, ada: By) -> None:
    """Service, purpose in words, fields, and what was refused with its true reason; a refused broker too."""
    vault = house.vault
    vault.service("resort-front-desk").fetch(
        ada, purpose="service-personalisation", fields=["given_name", "email"]
    )
    for name, purpose in (("marketing", "marketing.email"), ("data-broker", "resale")):
        with pytest.raises(AccessDenied):
            vault.service(name).fetch(ada, purpose=purpose, fields=["email"])
    browser = house.signed_in()
    browser.get("/my/used")
    for said in (
        "Resort front desk used your data",
        "The bed, towels and breakfast the guest likes",
        "This system may not use this for this reason.",
        "Marketing asked for your data, and got nothing",
        "You have not agreed to this.",
        "Data broker (Harvest Data Ltd) asked for your data, and got nothing",
        "This use is forbidden here. Nobody can allow it.",
        "A sign-in code was sent to you",
    ):
        assert said in browser.text, said
    assert re.search(r'<time datetime="2025-06-15T\d\d:\d\d:\d\dZ">today at', browser.page.text)


def test_a_service_that_asks_after_her_agreement_and_may_not(house: House, ada: By) -> None:
    """It is told as what it was, a question: not as a note that was to be made."""
    session = house.vault.service("marketing")
    for ask in (session.consent_status, session.consent_receipt):
        with pytest.raises(AccessDenied):
            ask(ada, "meal-preparation")
    browser = house.signed_in()
    browser.get("/my/used")
    for said in (
        "Marketing asked whether you had agreed, and was told nothing",
        "Marketing asked for a receipt of your agreement, and got none",
        "Cooking so that nobody falls ill",
        "This system is not one that asks for this agreement.",
    ):
        assert said in browser.text, said
    assert "make a note" not in browser.text


PAGES = (
    "", "/held", "/held/stays", "/used", "/choices", "/download", "/stop", "/erase", "/correct/given_name",
    "/correct/email", "/confirm/email", "/nowhere",
)  # fmt: skip


def test_every_page_leads_to_a_person(house: House, ada: By) -> None:
    """Signed in or not, and where something went wrong: who to ask stands on it, as a link to write to."""
    del ada
    contact = 'href="mailto:privacy@alderquay.example"'
    browser = house.signed_in()
    for path in PAGES:
        assert contact in browser.get(f"/my{path}").text, path
    stranger = house.client()
    for path in ("/sign-in", "/signed-out", "/nowhere"):
        assert contact in stranger.get(f"/my{path}").text, path
    stranger.ask("somebody@example.org")
    assert contact in stranger.page.text


def test_a_service_cannot_write_markup_into_her_log(house: House, ada: By) -> None:
    """What a service names as purpose and fields is text, cut to a bearable length."""
    with pytest.raises(AccessDenied):
        house.vault.service("marketing").fetch(
            ada, purpose="<b onclick=x>\u202e" + "p" * 150, fields=["<i>field</i>", "\u2066" * 50]
        )
    browser = house.signed_in()
    page = browser.get("/my/used").text
    assert "<b onclick" not in page
    assert "<i>" not in page
    assert "\u202e" not in page
    assert "\u2066" not in page
    assert "Marketing asked for your data, and got nothing" in browser.text


def test_pages_of_the_log_are_the_whole_log(house: House, ada: By) -> None:
    """Older, and older, to the end: every read of a service is on exactly one page, newest first."""
    desk = house.vault.service("resort-front-desk")
    for _ in range(70):
        house.clock.now += 1000
        desk.fetch(ada, purpose="service-personalisation", fields=["given_name"])
    browser = house.signed_in()
    browser.get("/my/used")
    times = list[str]()
    for _ in range(20):
        times += re.findall(
            r'<h2>Resort front desk used your data</h2>\s*<p class="when"><time datetime="([^"]+)"',
            browser.page.text,
        )
        older = re.search(r'href="(/my/used\?after=[0-9a-f]{32})" rel="next"', browser.page.text)
        if older is None:
            break
        browser.get(older[1])
    assert len(times) == 70
    assert times == sorted(times, reverse=True)
    for odd in ("", "zz", "0" * 32, "é", "0" * 5000):
        assert browser.get("/my/used", params={"after": odd}).status_code == 200


def test_her_own_looks_are_one_line(house: House, ada: By) -> None:
    """A hundred clicks do not bury what others did."""
    with pytest.raises(AccessDenied):
        mails(house)
    browser = house.signed_in()
    for _ in range(30):
        browser.get("/my/held")
    browser.get("/my/used")
    assert browser.page.text.count("You looked at your data") == 1
    assert "Marketing asked for your data" in browser.text
