"""Her pages: all that is held, who used it and why, switches that count at once, all to take away, no dead end."""

import io
import json
import logging
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from privet.domain.request import By, by
from privet.errors import AccessDenied
from tests.contract.portal.house import ADA, Browser, House, text_of

PAGES = (
    "/my", "/my/held", "/my/held/stays", "/my/used", "/my/choices", "/my/download", "/my/stop", "/my/erase",
    "/my/correct/given_name", "/my/correct/room.bed", "/my/correct/email", "/my/correct/allergies", "/my/confirm/email",
)  # fmt: skip
FORMS = (
    "/my/choices", "/my/download", "/my/stop", "/my/erase", "/my/correct/given_name", "/my/confirm/email",
    "/my/sign-out",
)  # fmt: skip
HOSTILE: dict[str, Any] = {
    "given_name": "<script>alert(1)</script>",
    "family_name": "\"'><img src=x onerror=alert(1)> {{7*7}} {% raw %}",
    "allergies": ["\u202egnp.exe", "w" * 200, "👩‍👩‍👧‍👦 &amp; <b>", "javascript:alert(1)"],
}


@pytest.fixture
def ada(house: House) -> By:
    known: dict[str, Any] = {"country": "GB", "allergies": ["peanuts"], "room.extra_towels": True}
    return house.guest(phone="+442079460718", **known)


def mails(house: House) -> Any:
    return house.vault.service("marketing").fetch(by(email=ADA), purpose="marketing.email", fields=["email"])


def test_everything_that_is_held_is_shown(house: House, ada: By) -> None:
    """Each value, look-ups and special ones too, and each record of each collection on its pages."""
    for at in range(45):
        house.stay(ada, f"B{at:03}", date(2020, 1, 1 + at % 28), hotel="city", adults=2)
    browser = house.signed_in()
    browser.get("/my/held")
    for said in (
        "Ada",
        "Lovelace",
        ADA,
        "+442079460718",
        "GB",
        "king",
        "Yes",
        "peanuts",
        "needs your agreement",
        "45",
    ):
        assert said in browser.text, said
    seen = set[str]()
    for page in range(1, 4):
        browser.get(f"/my/held/stays?page={page}")
        seen |= set(re.findall(r"B\d\d\d", browser.text))
    assert len(seen) == 45
    for odd in ("0", "-1", "99", "x", "9" * 30, "١"):
        assert browser.get("/my/held/stays", params={"page": odd}).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_hostile_values_are_shown_harmlessly(house: House, path: str) -> None:
    """Markup, templates, direction overrides and long words are text, wherever they are shown."""
    house.guest(**HOSTILE)
    browser = house.signed_in()
    page = browser.get(path).text
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror=alert(1)>" not in page
    if path != "/my/correct/allergies":  # there she edits the very characters, in a field of their own
        assert "\u202e" not in page
    assert "javascript:" not in re.sub(r">[^<]*<", "><", page)
    if path == "/my/held":
        assert "<script>alert(1)</script>" in browser.text
        assert "{{7*7}} {% raw %}" in browser.text
        assert "[U+202E]gnp.exe" in browser.text
        assert "👩‍👩‍👧‍👦 &amp; <b>" in browser.text


@pytest.mark.parametrize("path", ["/my/sign-in", "/my/code", "/my/signed-out", "/my/nothing-here", *PAGES])
def test_every_page_keeps_to_itself(house: House, ada: By, path: str) -> None:
    """Nothing from elsewhere, no script, no inline style, nothing cached; a human, a heading, a title, a language."""
    browser = house.signed_in()
    if path in ("/my/sign-in", "/my/code"):
        browser = house.client()
        browser.ask(ADA)
    page = browser.get(path)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert {"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    html = page.text
    assert not re.findall(r"<script| style=|<style| on\w+=|<iframe|<object|<embed|<base", html)
    for link in re.findall(r'(?:href|src|action)="([^"]*)"', html):
        assert re.match(r"/my(/|$|\?)|#|mailto:privacy@alderquay\.example$", link), link
    assert "privacy@alderquay.example" in html
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert '<html lang="en">' in html
    assert re.search(r"<title>[^<]{10,}</title>", html)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert all(
        re.search(r'name="form" value="[0-9a-f]{64}"', form)
        for form in re.findall(r"<form.*?</form>", html, re.DOTALL)
    )
    assert all(f'for="{field}"' in html for field in re.findall(r'<input id="([\w-]+)"', html))


@pytest.mark.parametrize("path", PAGES)
def test_no_page_without_her(house: House, ada: By, path: str) -> None:
    """Not signed in: to the sign-in, and not a word of hers."""
    browser = house.client()
    answer = browser.send("GET", path)
    assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/my/sign-in", "")
    for token in ("x", "A" * 43, "é", "A" * 43 + "=", "A" * 10_000):
        answer = browser.send("GET", path, headers={"cookie": f"privet={token}".encode("utf-8", "replace")})
        assert answer.headers["location"].startswith("/my/sign-in")


@pytest.mark.parametrize("path", FORMS)
def test_no_form_without_its_mark(house: House, ada: By, path: str) -> None:
    """CSRF: without the mark, with another session's, from another origin, in another form: nothing changes."""
    house.guest("eve@example.org")
    browser, eve = house.signed_in(), house.signed_in("eve@example.org")
    form = {"purpose": "marketing.email", "wish": "yes", "word": "ERASE", "value": "Eve", "code": "x"}
    for mark in ({}, {"form": eve.mark}, {"form": "0" * 64}):
        assert browser.send("POST", path, form={**form, **mark}).status_code == 403
    good = {**form, "form": browser.mark}
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"origin": ""}):
        assert browser.send("POST", path, form=good, headers=headers).status_code == 403
    json_body = json.dumps(good).encode()
    answer = browser.send("POST", path, content=json_body, headers={"content-type": "application/json"})
    assert answer.status_code == 415
    browser.get("/my/held")
    assert "Ada" in browser.text
    with pytest.raises(AccessDenied):
        mails(house)


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


def test_the_download_is_everything_and_leaves_nothing(house: House, ada: By, tmp_path: Path) -> None:
    """The archive opens and holds her values; no file with a value of hers is on any disk afterwards."""
    house.stay(ada, "B001", date(2024, 5, 1), hotel="resort")
    browser = house.signed_in()
    browser.get("/my/download")
    before = set(tmp_path.rglob("*"))
    answer = browser.post("/my/download", {})
    assert answer.headers["content-type"] == "application/zip"
    assert re.fullmatch(
        r'attachment; filename="your-data-\d{4}-\d\d-\d\d\.zip"', answer.headers["content-disposition"]
    )
    assert answer.headers["cache-control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert json.loads(archive.read("profile.json"))["fields"]["email"] == ADA
    assert json.loads(archive.read("collections/stays.json"))[0]["booking"] == "B001"
    assert set(tmp_path.rglob("*")) == before
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"Lovelace" in p.read_bytes()]


def test_a_correction_counts_at_once(house: House, ada: By) -> None:
    """Text, choice, yes or no, list; removed again. What is wrong is said beside the field."""
    browser = house.signed_in()
    for field, typed, told in (
        ("given_name", "Augusta", "Augusta"),
        ("room.bed", "twin", "twin"),
        ("room.extra_towels", "no", "No"),
        ("allergies", "sesame; paste\r\ntree nuts\r\n\r\n", "sesame; paste"),
    ):
        browser.get(f"/my/correct/{field}")
        browser.post(f"/my/correct/{field}", {"value": typed, "wish": "set"})
        assert told in browser.text
        assert "changed. It counts from this moment" in browser.text
    assert house.vault.customer(ada).profile()["allergies"] == ["sesame; paste", "tree nuts"]
    assert browser.post("/my/correct/room.bed", {"value": "round", "wish": "set"}).status_code == 422
    assert "Must be one of king, twin" in browser.text
    browser.get("/my/correct/room.bed")
    browser.post("/my/correct/room.bed", {"wish": "clear"})
    assert "room.bed" not in house.vault.customer(ada).profile()
    for path in ("phone", "guest_id", "stays.rate", "nothing", "resale"):
        assert browser.get(f"/my/correct/{path}").status_code == 404


def test_a_new_address_waits_for_its_code(house: House, ada: By) -> None:
    """The code goes to the new address; until it is typed the old one stands; wrong ones are refused."""
    browser = house.signed_in()
    browser.get("/my/correct/email")
    browser.post("/my/correct/email", {"value": "augusta@new.example.com", "wish": "set"})
    code = house.code()
    assert house.sent[-1][0] == "a•••@•••.com"
    assert "Enter the code we sent to the new address" in browser.text
    assert browser.post("/my/confirm/email", {"code": "0000-0000"}).status_code == 422
    browser.get("/my/held")
    assert "A new email waits for its code" in browser.text
    assert ADA in browser.text
    browser.get("/my/confirm/email")
    browser.post("/my/confirm/email", {"code": code.lower()})
    assert "Sign in with it from now on" in browser.text
    house.signed_in("augusta@new.example.com")
    assert house.client().ask(ADA).status_code == 200
    assert len(house.sent) == 3


def test_nobody_is_flooded_with_codes(house: House, ada: By) -> None:
    """Codes to new addresses are counted like those to sign in."""
    browser = house.signed_in()
    browser.get("/my/correct/email")
    for _ in range(5):
        browser.get("/my/correct/email")
        browser.post("/my/correct/email", {"value": "victim@example.com", "wish": "set"})
    browser.get("/my/correct/email")
    assert (
        browser.post("/my/correct/email", {"value": "victim@example.com", "wish": "set"}).status_code == 429
    )


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


def test_nobody_sees_anothers(house: House, ada: By) -> None:
    """Two at once, in any order: each sees her own."""
    house.guest("eve@example.org", given_name="Evelyn")
    one, two = house.signed_in(), house.signed_in("eve@example.org")
    for _ in range(3):
        for browser, own, others in ((one, "Ada", "Evelyn"), (two, "Evelyn", "Ada")):
            browser.get("/my/held")
            assert own in browser.text
            assert others not in browser.text


@pytest.mark.parametrize(
    "method,path,status",
    [
        ("GET", "/my/nowhere", 404),
        ("GET", "/my/held/nothing", 404),
        ("GET", "/my/held/stays/more", 404),
        ("DELETE", "/my/held", 405),
        ("PUT", "/my", 405),
        ("OPTIONS", "/my/choices", 405),
        ("NONSENSE", "/my/choices", 405),
        ("POST", "/my/held", 405),
        ("GET", "/my/style-000000000000.css", 404),
        ("GET", "/my/../../etc/passwd", 404),
        ("GET", "/my/templates/base.html", 404),
    ],
)
def test_wrong_turns_are_pages_too(house: House, ada: By, method: str, path: str, status: int) -> None:
    """A page in plain words, its headers, a way on and a human."""
    browser = house.signed_in()
    answer = browser.send(method, path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"]
    if method != "HEAD":
        assert "privacy@alderquay.example" in answer.text
        assert 'href="/my"' in answer.text
    if status == 405:
        assert answer.headers["allow"]


def test_hostile_bodies(house: House, ada: By) -> None:
    """Too long, broken UTF-8, too many fields, no form at all: refused with a page, nothing changed."""
    browser = house.signed_in()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for body, headers, status in (
        (b"form=" + b"a" * 200_000, kind, 413),
        (b"form=%ff%fe&wish=stop", kind, 400),
        (b"form=\xff", kind, 400),
        (b"&".join(b"a%d=1" % at for at in range(2000)), kind, 400),
        (b"", kind, 403),
        (b"x", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"x", {}, 415),
    ):
        assert browser.send("POST", "/my/stop", content=body, headers=headers).status_code == status
    assert not house.vault.customer(ada).standing().restricted


def test_nothing_of_hers_in_logs_or_addresses(
    house: House, ada: By, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole visit, wrong codes and corrections included: no value, code or token in a log line or a redirect."""
    with caplog.at_level(logging.DEBUG):
        browser = house.client()
        led = list[str]()
        browser.ask(ADA)
        code = house.code()
        browser.post("/my/code", {"code": "1"})
        for path, form in (
            ("/my/code", {"code": code}),
            ("/my/correct/given_name", {"value": "Augusta", "wish": "set"}),
            ("/my/correct/email", {"value": "new@example.net", "wish": "set"}),
            ("/my/choices", {"purpose": "meal-preparation", "wish": "no"}),
        ):
            browser.get(path)
            answer = browser.send("POST", path, form={"form": browser.mark, **form})
            led.append(answer.headers.get("location", ""))
    assert led == ["/my", "/my/held", "/my/confirm/email", "/my/choices"]
    said = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    for secret in (ADA, "Augusta", "new@example.net", "Lovelace", code, *browser.cookies.values()):
        assert secret not in said


def test_what_fails_shows_nothing(house: House, ada: By, caplog: pytest.LogCaptureFixture) -> None:
    """A fault inside a page: plain words, no detail in the answer or in the log."""
    browser = house.signed_in()

    def fail(*_: object) -> Iterator[None]:
        raise RuntimeError(f"could not show {ADA}")

    house.portal._desk.labels.join = fail  # type: ignore[method-assign,assignment]
    answer = browser.get("/my/used")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in browser.text
    assert ADA not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_a_damaged_record_is_not_shown_in_part(house: House, ada: By) -> None:
    """A row that does not open: a page that sends her to a person."""
    browser = house.signed_in()
    with house.vault.parts.store.write() as unit:
        subject = house.vault.customer(ada)._subject
        row = unit.find_rows((subject,))[subject]
        unit.swap_fields(subject, row.fields_rev, row.fields[:-1] + bytes([row.fields[-1] ^ 1]))
    assert browser.get("/my/held").status_code == 500
    assert "Your record needs a person to look at it" in browser.text


def test_the_style_is_kept_and_changes_its_name(house: House) -> None:
    """One CSS file, cached for good under the name of its content; a page names it."""
    browser = house.client()
    browser.get("/my/sign-in")
    name = re.search(r'href="(/my/style-[0-9a-f]{12}\.css)"', browser.page.text)
    assert name
    style = browser.send("GET", name[1])
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert not re.search(r"url\(|@import|https?:", style.text)


def test_heads_are_answered(house: House, ada: By) -> None:
    """HEAD is GET without a body."""
    assert Browser(house).send("HEAD", "/my/sign-in").status_code == 200


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
    browser.post("/my/choices", {"purpose": "marketing.email", "wish": "no"})
    with pytest.raises(AccessDenied):
        mails(house)
