"""What is held of her: every value and record, harmlessly shown, to her alone, and as one archive."""

import io
import json
import re
import zipfile
from datetime import date
from pathlib import Path

import pytest

from privet.domain.request import By
from tests.contract.portal.house import ADA, Browser, House
from tests.contract.portal.visit import HOSTILE, PAGES


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


def test_nobody_sees_anothers(house: House, ada: By) -> None:
    """Two at once, in any order: each sees her own."""
    house.guest("eve@example.org", given_name="Evelyn")
    one, two = house.signed_in(), house.signed_in("eve@example.org")
    for _ in range(3):
        for browser, own, others in ((one, "Ada", "Evelyn"), (two, "Evelyn", "Ada")):
            browser.get("/my/held")
            assert own in browser.text
            assert others not in browser.text


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
