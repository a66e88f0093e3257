"""Codes: nobody guesses one, in many workers at once, and few are sent to one address or for one peer."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from privet.bootstrap.signin import SignIns
from privet.bootstrap.vault import Vault
from privet.portal.app import make_portal
from privet.testing import open_vault
from tests.contract.portal.house import ADA, ORIGIN, Browser, House, later
from tests.contract.portal.strangers import NOBODY, acts


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


def test_codes_for_one_address_are_few_a_day(house: House) -> None:
    """Thirty in a day, however patient the guesser."""
    house.guest()
    for at in range(30):
        assert house.client(peer=f"192.0.2.{at}").ask(ADA).status_code == 200
        later(house, 15.1)
    assert house.client().ask(ADA).status_code == 429
    later(house, 24 * 60)
    assert house.client().ask(ADA).status_code == 200
