"""Sessions: nobody is signed in as somebody else, from elsewhere, or for ever."""

from dataclasses import replace
from pathlib import Path

import pytest

from privet.portal.app import make_portal
from tests.contract.portal.house import ADA, ORIGIN, House, later, open_house
from tests.contract.portal.strangers import NOBODY


def test_a_planted_cookie_never_becomes_a_session(house: House) -> None:
    """Fixation: her session's token is new at sign-in, and what the browser had before is worth nothing."""
    house.guest()
    eve = house.client()
    eve.get("/my/sign-in")
    planted = {"privet": "A" * 43, **eve.cookies}
    victim = house.client()
    victim.cookies = dict(planted)
    victim.sign_in(ADA)
    assert victim.cookies["privet"] != planted["privet"]
    for cookies in (planted, {"privet": planted["privet-visit"]}):
        eve.cookies = dict(cookies)
        assert eve.send("GET", "/my/held").headers["location"].startswith("/my/sign-in")


def test_signing_in_again_ends_the_session_before(house: House) -> None:
    """Rotated: the older token is dead on the server too."""
    house.guest()
    browser = house.signed_in()
    before = browser.cookies["privet"]
    later(house, 20)
    browser.cookies.pop("privet")
    browser.get("/my/sign-in")
    browser.ask(ADA)
    browser.cookies["privet"] = before
    browser.get("/my/code")
    browser.post("/my/code", {"code": house.code()})
    assert browser.cookies["privet"] != before
    old = house.client()
    old.cookies = {"privet": before}
    assert old.send("GET", "/my").headers["location"].startswith("/my/sign-in")


def test_nobody_is_signed_in_from_elsewhere(house: House) -> None:
    """Login CSRF: without this browser's mark, or from another origin, or from none, no form is taken."""
    house.guest()
    eve = house.client()
    eve.ask(ADA)
    code = house.code()
    victim = house.client()
    victim.ask(NOBODY)
    good = {"form": victim.mark, "code": code}
    for form in (
        {"code": code},
        {**good, "form": eve.mark},
        {**good, "form": ""},
        {**good, "form": "é" * 64},
    ):
        assert victim.send("POST", "/my/code", form=form).status_code == 403
    for origin in (
        "http://evil.example",
        "null",
        "https://localhost",
        "http://localhost:81",
        "http://localhost.evil",
    ):
        answer = victim.send("POST", "/my/code", form=good, headers={"origin": origin})
        assert answer.status_code == 403, origin
    assert "privet" not in victim.cookies


def test_a_hostile_host_gets_nothing(house: House) -> None:
    """Host header injection and rebinding: 421, and the name is in no answer, redirect or letter."""
    house.guest()
    browser = house.client()
    hosts = (
        "evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example:80",
        "",
        "a b",
        "[::1",
    )
    for host in hosts:
        for path in ("/my", "/my/sign-in", "/my/nothing", "/my/"):
            answer = browser.send("GET", path, headers={"host": host})
            assert answer.status_code == 421, (host, path)
            assert "evil" not in answer.text + str(answer.headers)
    assert (
        browser.send("GET", "/my", headers={"x-forwarded-host": "evil.example"}).headers["location"]
        == "/my/sign-in"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/my//evil.example",
        "/my/sign-in?next=//evil.example",
        "/my/%2f%2fevil.example",
        "/my/sign-in/",
        "/my//",
        "/myx",
    ],
)
def test_no_redirect_leads_away(house: House, path: str) -> None:
    """Open redirects: where an answer leads is always one of these pages, whatever was asked."""
    answer = house.client().send("GET", path)
    assert answer.headers.get("location", "/my/sign-in") in ("/my/sign-in", "/my/code", "/my")
    assert "evil" not in str(answer.headers)


def test_a_session_ends_when_idle_and_when_old(house: House) -> None:
    """Half an hour without a click; eight hours with; and a page says so when a form came too late."""
    house.guest()
    browser = house.signed_in()
    later(house, 29)
    assert browser.get("/my/download").status_code == 200
    mark = browser.mark
    later(house, 30)
    late = browser.send("POST", "/my/stop", form={"form": mark, "wish": "stop"})
    assert late.status_code == 401
    assert "Nothing was changed" in late.text
    browser.cookies.update({"privet": "A" * 43})
    browser.get("/my/held")
    assert "You had been signed out" in browser.text
    browser = house.signed_in()
    seen = []
    for _ in range(8 * 3):
        later(house, 20)
        seen.append(browser.send("GET", "/my/download").status_code)
    assert seen[-1] == 303


def test_signing_out_ends_it_on_the_server(house: House) -> None:
    """The cookie goes, and kept by somebody it opens nothing."""
    house.guest()
    browser = house.signed_in()
    kept = dict(browser.cookies)
    browser.post("/my/sign-out", {})
    assert "You are signed out" in browser.text
    assert "privet" not in browser.cookies
    browser.cookies = kept
    assert browser.send("GET", "/my/held").headers["location"].startswith("/my/sign-in")


def test_signing_out_needs_her(house: House) -> None:
    """Nobody else can sign her out, and no link can."""
    house.guest()
    browser = house.signed_in()
    assert browser.send("GET", "/my/sign-out").status_code == 405
    assert browser.send("POST", "/my/sign-out", form={"form": "0" * 64}).status_code == 403
    assert browser.get("/my/download").status_code == 200


def test_the_cookies_are_locked_to_the_host(tmp_path: Path) -> None:
    """Over HTTPS: __Host-, Secure, HttpOnly, SameSite, no Domain; and HSTS. Plain HTTP is then refused."""
    with open_house(tmp_path) as house:
        house.guest()
        settings = house.vault.parts.settings
        serving = replace(
            settings.serving, serve=replace(settings.serving.serve, public_url="https://my.example.org")
        )
        house.portal.close()
        parts = replace(house.vault.parts, settings=replace(settings, serving=serving))
        house.portal = make_portal(parts, show_code=house._show)
        browser = house.client(origin="https://my.example.org")
        browser.get("/my/sign-in")
        line = browser.page.headers["set-cookie"]
        assert line.startswith("__Host-privet-visit=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
        assert "Domain" not in line
        browser.sign_in(ADA)
        assert set(browser.cookies) == {"__Host-privet"}
        assert browser.page.headers["strict-transport-security"]
        assert house.client(origin=ORIGIN).send("GET", "/my/sign-in").status_code == 421
        assert house.client(origin="https://other.example.org").send("GET", "/my/sign-in").status_code == 421
