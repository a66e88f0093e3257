"""Signing in: nobody learns who is a customer, nobody guesses a code, nobody is signed in as somebody else."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from privet.audit.leaf import parse_leaf
from privet.bootstrap.customer import Customer
from privet.bootstrap.signin import SignIns
from privet.bootstrap.vault import Vault
from privet.domain.request import by
from privet.portal.app import make_portal
from privet.portal.pages import signing
from privet.testing import open_vault
from tests.contract.portal.house import ADA, ORIGIN, Browser, House, later, open_house
from tests.contract.store.statements import counted

NOBODY = "nobody@example.org"


def told(response: httpx.Response) -> tuple[Any, ...]:
    """All of an answer but its random parts."""
    random = r"[0-9a-f]{64}|(?<=privet-visit=)[\w-]{43}"
    headers = sorted((k, re.sub(random, "·", v)) for k, v in response.headers.items())
    return response.status_code, headers, re.sub(random, "·", response.text)


def acts(house: House, email: str = ADA) -> list[tuple[str, str]]:
    return [(a.act, a.decision) for a in Customer(house.vault.parts, by(email=email)).accesses()]


def test_a_code_signs_her_in_and_is_in_her_log(any_house: House) -> None:
    """Address, code, in; the sending of the code and the sign-in are in her log."""
    any_house.guest()
    browser = any_house.signed_in()
    assert "Your data at Alder & Quay Hotels" in browser.text
    assert acts(any_house)[1:6] == [
        ("access", "done"),
        ("access", "done"),
        ("sign-in", "done"),
        ("sign-in-code", "done"),
        ("put", "permit"),
    ]


def test_a_stranger_gets_the_same_answer(any_house: House) -> None:
    """Known and unknown: the same pages, headers and cookies to the letter, and the same statements."""
    any_house.guest()
    any_house.client().ask("somebody@example.org")  # who asks first in a while sweeps
    store = any_house.vault.parts.store
    answers, ran = [], []
    for email in (ADA, NOBODY):
        browser = any_house.client()
        browser.get("/my/sign-in")
        with counted(store) as seen:
            first = browser.send("POST", "/my/sign-in", form={"form": browser.mark, "address": email})
        page = browser.get("/my/code")
        with counted(store) as seen_too:
            wrong = browser.post("/my/code", {"code": "0000 0000"})
        answers.append((told(first), told(page), told(wrong), sorted(browser.cookies)))
        ran.append(tuple([one for one in each if " tile" not in one] for each in (seen, seen_too)))
    assert answers[0] == answers[1]
    assert ran[0] == ran[1]
    assert ran[0][0]
    assert ran[0][1]


def test_the_log_tells_no_stranger_either(any_house: House) -> None:
    """The same number of leaves, alike but for their digests, of one length; sealed parts of one length too."""
    any_house.guest()
    store = any_house.vault.parts.store
    shapes = []
    for email in (ADA, NOBODY):
        store.sequence()
        before = store.log.size()
        browser = any_house.client()
        browser.ask(email)
        browser.post("/my/code", {"code": "0000 0000"})
        store.sequence()
        rows = list(store.log.entries(before, store.log.size()))
        leaves = [parse_leaf(row.leaf) for row in rows]
        shapes.append(
            [
                (x.act, x.decision, x.purpose, x.service, x.classes, x.n, len(row.leaf), len(row.sealed))
                for x, row in zip(leaves, rows, strict=True)
            ]
        )
    assert shapes[0] == shapes[1]
    assert [shape[0] for shape in shapes[0]] == ["sign-in-code", "sign-in"]


@pytest.mark.timed
def test_no_answer_comes_sooner_than_the_floor(house: House) -> None:
    """An address, known or not, is answered after the same time."""
    house.guest()
    times = {}
    for email in (ADA, NOBODY):
        browser = house.client()
        browser.get("/my/sign-in")
        began = time.monotonic()
        browser.send("POST", "/my/sign-in", form={"form": browser.mark, "address": email})
        times[email] = time.monotonic() - began
    assert all(taken >= signing.FLOOR_S for taken in times.values()), times


def test_a_stranger_is_sent_nothing(house: House) -> None:
    """Only an address that is stored gets a letter; another spelling of it is the same address."""
    house.guest()
    house.client().ask(NOBODY)
    house.client().ask(" Ada@EXAMPLE.org ")
    house.code()
    assert len(house.sent) == 1
    assert house.sent[0][0] == "a•••@•••.org"


def test_five_wrong_codes_end_it(any_house: House) -> None:
    """The sixth try fails with the right code too; each failed one is in her log."""
    any_house.guest()
    browser = any_house.client()
    browser.ask(ADA)
    code = any_house.code()
    for at in range(5):
        page = browser.post("/my/code", {"code": f"{(int(code) + 1 + at) % 10**8:08}"})
        assert page.status_code == 422
    assert "Ask for a new one" in browser.text
    browser.get("/my/code")
    assert browser.post("/my/code", {"code": code}).status_code == 422
    assert [a for a in acts(any_house) if a[0] == "sign-in"] == [("sign-in", "failed")] * 5


def test_a_code_works_once_for_a_while_in_one_browser(house: House) -> None:
    """Replayed, too late, or typed elsewhere, it is refused."""
    house.guest()
    browser = house.client()
    browser.ask(ADA)
    visit, code = dict(browser.cookies), house.code()
    other = house.client()
    other.ask(NOBODY)
    assert other.post("/my/code", {"code": code}).status_code == 422
    mark = browser.mark
    browser.post("/my/code", {"code": code})
    assert "Sign out" in browser.text
    again = house.client()
    again.cookies = visit
    assert again.send("POST", "/my/code", form={"form": mark, "code": code}).status_code == 422
    late = house.client()
    late.ask(ADA)
    code = house.code()
    later(house, 10)
    assert late.post("/my/code", {"code": code}).status_code == 422
    assert "Sign out" not in late.text


@pytest.fixture
def second(any_house: House) -> Iterator[Vault]:
    """The same vault in another worker."""
    with open_vault(any_house.vault.parts.settings.directory, clock=any_house.clock) as vault:
        yield vault


def test_many_workers_count_tries_together(
    any_house: House, second: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve guesses at once, over two workers: five are looked at, whatever the race."""
    any_house.guest()
    browser = any_house.client()
    browser.ask(ADA)
    code = any_house.code()
    visit, mark = dict(browser.cookies), browser.mark
    looked_at, digest = set(), SignIns._digest

    def look(self: SignIns, visit: bytes, code: str) -> bytes:
        looked_at.add(code)
        return digest(self, visit, code)

    monkeypatch.setattr(SignIns, "_digest", look)
    other = make_portal(second.parts)
    places = [any_house, any_house, type("Other", (), {"portal": other})]
    gate = threading.Barrier(12)

    def guess(at: int) -> None:
        one = Browser(places[at % 3])  # type: ignore[arg-type]
        one.cookies = dict(visit)
        gate.wait()
        one.send("POST", "/my/code", form={"form": mark, "code": f"{(int(code) + 1 + at) % 10**8:08}"})

    threads = [threading.Thread(target=guess, args=(at,)) for at in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(looked_at) <= 5
    assert [a for a in acts(any_house) if a[0] == "sign-in"] == [("sign-in", "failed")] * 5
    assert browser.post("/my/code", {"code": code}).status_code == 422


def test_of_two_right_tries_at_once_one_wins(any_house: House) -> None:
    """A code typed twice in the same moment gives one session."""
    any_house.guest()
    browser = any_house.client()
    browser.ask(ADA)
    code, mark = any_house.code(), browser.mark
    gate, statuses = threading.Barrier(4), []

    def enter() -> None:
        one = any_house.client()
        one.cookies = dict(browser.cookies)
        gate.wait()
        statuses.append(one.send("POST", "/my/code", form={"form": mark, "code": code}).status_code)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 422, 422, 422]


def test_codes_for_one_address_are_few(any_house: House, second: Vault) -> None:
    """Five in a quarter of an hour, over all workers, known or not; then it goes on. The page says how long."""
    any_house.guest()
    other = make_portal(second.parts)
    for email in (ADA, NOBODY):
        for at in range(5):
            assert any_house.client(peer=f"192.0.2.{at}").ask(email).status_code == 200
        elsewhere = Browser(type("Other", (), {"portal": other}), peer="192.0.2.99")  # type: ignore[arg-type]
        assert elsewhere.ask(email).status_code == 429
        assert "15 minutes" in elsewhere.text
    other.close()
    later(any_house, 15.1)
    assert any_house.client().ask(ADA).status_code == 200


def test_codes_from_one_peer_are_few(house: House) -> None:
    """Forty addresses from one place, and no more; one IPv6 network is one place."""
    for at in range(40):
        assert house.client(peer=f"2001:db8:1:1::{at:x}").ask(f"p{at}@example.org").status_code == 200
    assert house.client(peer="2001:db8:1:1:ffff::1").ask("x@example.org").status_code == 429
    assert house.client(peer="2001:db8:1:2::1").ask("x@example.org").status_code == 200


def test_the_peer_is_whom_the_proxy_names(house: House) -> None:
    """In the last line of X-Forwarded-For: what stands in one before it a client made up. A network whose address is
    written short is one place too."""
    parts = house.vault.parts
    serving = parts.settings.serving
    behind = replace(serving, serve=replace(serving.serve, behind_proxy=True))
    portal = make_portal(replace(parts, settings=replace(parts.settings, serving=behind)))
    browser = Browser(type("Proxied", (), {"portal": portal}))  # type: ignore[arg-type]

    def ask(at: int, network: str) -> int:
        browser.cookies = {}
        browser.get("/my/sign-in")
        lines = [("x-forwarded-for", f"203.0.113.{at}"), ("x-forwarded-for", f"{network}::{at:x}:1")]
        form = {"form": browser.mark, "address": f"p{at}@example.org"}
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        sent = [("cookie", cookie), ("origin", ORIGIN), *lines]
        return browser.send("POST", "/my/sign-in", form=form, headers=sent).status_code

    assert {ask(at, "2001:db8") for at in range(40)} == {303}
    assert ask(40, "2001:db8") == 429
    assert ask(41, "2001:db9") == 303
    portal.close()


@pytest.mark.parametrize(
    "typed", ["", " ", "ada", "a@b@c", "x" * 400 + "@example.org", "ada@exa\u202emple.org\n"]
)
def test_what_is_no_address_is_said_beside_the_field(house: House, typed: str) -> None:
    """A page with the error by the field and at the top; nothing is looked up or logged."""
    browser = house.client()
    store = house.vault.parts.store
    before = store.log.size()
    assert browser.ask(typed).status_code == 422
    assert browser.page.text.count("Enter an e-mail address in the right form") == 2
    assert 'aria-invalid="true"' in browser.page.text
    assert store.log.size() == before


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


def test_the_database_holds_no_code_and_no_token(house: House) -> None:
    """What stands in the files: neither the code, nor a token, nor the address, in any spelling of them."""
    house.guest()
    browser = house.client()
    browser.ask(ADA)
    code = house.code()
    visit = browser.cookies["privet-visit"]
    browser.post("/my/code", {"code": code})
    tokens = [visit, browser.cookies["privet"]]
    raw = [base64.urlsafe_b64decode(token + "=") for token in tokens]
    needles = [code.encode(), ADA.encode(), *(token.encode() for token in tokens), *raw]
    needles += [one.hex().encode() for one in raw]
    directory = house.vault.parts.settings.directory
    for file in directory.rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        assert not [needle for needle in needles if needle in data], file


def test_codes_for_one_address_are_few_a_day(house: House) -> None:
    """Thirty in a day, however patient the guesser."""
    house.guest()
    for at in range(30):
        assert house.client(peer=f"192.0.2.{at}").ask(ADA).status_code == 200
        later(house, 15.1)
    assert house.client().ask(ADA).status_code == 429
    later(house, 24 * 60)
    assert house.client().ask(ADA).status_code == 200
