"""The customer's pages in a real Chromium: by mouse, by keyboard, without JavaScript, in the dark, on a small phone."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, BrowserContext, Page, expect

from privet.portal.pages import signing
from tests.contract.portal.house import ADA, House, open_house, served
from tests.services.browser import BrowserUnavailable, open_browser
from tests.services.parts import miss

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True, "reduced_motion": "reduce"},
}
OWN = (
    "", "/held", "/held/stays", "/held/stays?page=2", "/used", "/choices", "/download", "/stop", "/erase",
    "/correct/given_name", "/correct/room.bed", "/correct/email", "/correct/allergies", "/confirm/email", "/nowhere",
)  # fmt: skip
HOSTILE: dict[str, Any] = {
    "family_name": "<b onmouseover=alert(1)>"
    + "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 2,
    "allergies": ["\u202egnp.exe", "w" * 200, "👩‍👩‍👧‍👦", "شمع"],
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module."""
    try:
        with open_browser() as browser:
            yield browser
    except BrowserUnavailable as error:
        miss("browser", str(error))


class Site:
    """The house under a real server."""

    def __init__(self, house: House, url: str) -> None:
        self.house = house
        self.url = url

    def sign_in(self, page: Page, email: str = ADA) -> None:
        page.goto(f"{self.url}/my/sign-in")
        page.get_by_label("Your e-mail address").fill(email)
        page.get_by_role("button", name="Send me a code").click()
        page.wait_for_url("**/my/code")
        page.get_by_label("The code from our e-mail").fill(self.house.code())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/my")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hotel with one guest, much of whose data is hostile, some of it used and some refused."""
    signing.FLOOR_S, floor = 0.0, signing.FLOOR_S
    with open_house(tmp_path_factory.mktemp("site")) as house:
        who = house.guest(**{"phone": "+442079460718", "country": "GB", "room.extra_towels": True, **HOSTILE})
        for at in range(25):
            house.stay(who, f"B{at:03}", date(2024, 1, 1 + at), hotel="resort", adults=2, rate="110.50")
        vault = house.vault
        asked = ["given_name", "email", "room.bed"]
        vault.service("resort-front-desk").fetch(who, purpose="service-personalisation", fields=asked)
        for name, purpose in (("marketing", "marketing.email"), ("data-broker", "resale")):
            with suppress(Exception):
                vault.service(name).fetch(who, purpose=purpose, fields=["email"])
        vault.service("booking-import").consent(who, "meal-preparation")
        with served(house.portal) as url:
            yield Site(house, url)
    signing.FLOOR_S = floor


@pytest.fixture
def guarded(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A context without JavaScript. At its end: nothing was asked of another place, nothing blocked, nothing said."""
    context = chromium.new_context(java_script_enabled=False, accept_downloads=True)
    asked, said = list[str](), list[str]()
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: said.append(message.text))
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield context
    context.close()
    assert not [url for url in asked if not url.startswith(f"{site.url}/my")]
    assert not [line for line in said if not line.startswith("Clear-Site-Data header")]


def test_a_whole_visit_without_javascript(site: Site, guarded: BrowserContext) -> None:
    """In, look, agree after reading, take it back, download, stop, go on, out; and back shows nothing."""
    page = guarded.new_page()
    site.sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data at Alder & Quay Hotels")
    page.get_by_role("link", name="Read and answer").click()
    page.get_by_role("button", name=re.compile("No ?: Cooking so that nobody falls ill")).click()
    expect(page.get_by_role("status")).to_contain_text("Off: Cooking so that nobody falls ill.")
    switch = page.get_by_role("switch", name="Offers by email")
    expect(switch).not_to_be_checked()
    article = page.locator("article", has=switch)
    expect(article.get_by_text("May we write to you by email about our offers?")).to_be_visible()
    switch.click()
    expect(page.get_by_role("switch", name="Offers by email")).to_be_checked()
    page.get_by_role("switch", name="Offers by email").click()
    expect(page.get_by_role("switch", name="Offers by email")).not_to_be_checked()
    page.get_by_role("navigation", name="Your pages").get_by_role("link", name="Download").click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download the file").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(started.value.path()).read_bytes()))
    assert json.loads(archive.read("profile.json"))["fields"]["email"] == ADA
    assert re.fullmatch(r"your-data-\d{4}-\d\d-\d\d\.zip", started.value.suggested_filename)
    page.get_by_role("link", name="Who used it").click()
    expect(page.get_by_text("You took a copy of everything")).to_be_visible()
    page.get_by_role("link", name="Stop all use of your data").first.click()
    page.get_by_role("button", name="Stop all use").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All use of your data is stopped")
    page.get_by_role("button", name="Let my data be used again").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data, in your hands")


def press_until(page: Page, name: str, key: str = "Tab") -> None:
    """Presses Tab until what has the focus is called so: by its text, or its label."""
    for _ in range(80):
        page.keyboard.press(key)
        found = page.evaluate(
            "() => { const e = document.activeElement; const by = e.getAttribute('aria-labelledby');"
            " return (by ? document.getElementById(by).innerText : e.labels?.[0]?.innerText || e.innerText) || '' }"
        )
        if " ".join(found.split()).startswith(name):
            shown = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert shown == "solid", f"{name}: the focus cannot be seen"
            return
    pytest.fail(f"{name} cannot be reached by keyboard")


def test_by_keyboard_alone(site: Site, chromium: Browser) -> None:
    """Every step of a visit with Tab, Enter and Space; the focus is always seen; the first stop skips the head."""
    site.house.clock.now += 16 * 60_000
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{site.url}/my/sign-in")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    press_until(page, "Your e-mail address")
    page.keyboard.type("not an address")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Enter an e-mail address")
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator(":focus")).to_have_class("problem")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the summary leads to the field
    page.keyboard.press("Tab")
    page.get_by_label("Your e-mail address").press("Control+a")
    page.keyboard.type(ADA)
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/code")
    press_until(page, "The code from our e-mail")
    page.keyboard.type(site.house.code())
    page.keyboard.press("Enter")
    page.wait_for_url("**/my")
    press_until(page, "Your choices")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/choices")
    press_until(page, "Counting, to plan rooms and staff")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_contain_text("Your objection counts from this moment")
    expect(page.locator(":focus")).to_have_class("note")
    press_until(page, "Counting, to plan rooms and staff")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_contain_text("You took your objection back")
    page.goto(f"{site.url}/my/held")
    press_until(page, "What for")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Offers by email: Marketing").first).to_be_visible()
    press_until(page, "Sign out", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    context.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(site: Site, chromium: Browser, look: str) -> None:
    """No violation on any page, with every part opened, nor on pages that tell an error; and all fits."""
    site.house.clock.now += 16 * 60_000
    context = chromium.new_context(bypass_csp=True, **LOOKS[look])
    page = context.new_page()
    for path in ("/sign-in", "/signed-out"):
        page.goto(f"{site.url}/my{path}")
        check(page, f"{path} {look}")
    page.goto(f"{site.url}/my/sign-in")
    page.get_by_role("button", name="Send me a code").click()
    check(page, f"wrong address {look}")
    site.sign_in(page)
    for path in OWN:
        page.goto(f"{site.url}/my{path}")
        page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        check(page, f"{path} {look}")
    for path, button in (
        ("/erase", "Erase everything now"), ("/confirm/email", "Confirm"), ("/correct/email", "Send a code to it"),
    ):  # fmt: skip
        page.goto(f"{site.url}/my{path}")
        page.locator("main input[type=email], main input[type=text]").first.fill("x")
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert")).to_be_visible()
        check(page, f"{path} with an error, {look}")
    context.close()


def check(page: Page, where: str) -> None:
    """axe, nothing wider than the window, and targets that a finger hits."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{where}\n{found.generate_report()}"
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{where}: {wide} px wider than the window"
    small = page.evaluate(
        "() => [...document.querySelectorAll("
        "'button, input:not([type=hidden]):not([type=radio]), nav a, summary, .button')]"
        ".map(e => [e.innerText || e.name, e.getBoundingClientRect()])"
        ".filter(([n, b]) => b.width && (b.height < 44 || b.width < 44)).map(([n, b]) => `${n} ${b.width}x${b.height}`)"
    )
    assert not small, f"{where}: too small to hit: {small}"


@pytest.mark.parametrize("width,scale", [(320, 1), (640, 2), (1280, 4)])
def test_nothing_runs_over_when_enlarged(site: Site, chromium: Browser, width: int, scale: int) -> None:
    """320 px, and 200 % and 400 % on larger windows, which is the same: text wraps, nothing is cut."""
    site.house.clock.now += 16 * 60_000
    context = chromium.new_context(
        viewport={"width": width // scale, "height": 800 // scale}, device_scale_factor=scale
    )
    page = context.new_page()
    site.sign_in(page)
    for path in OWN:
        page.goto(f"{site.url}/my{path}")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width // scale, path
    context.close()


def test_on_paper(site: Site, chromium: Browser) -> None:
    """Printed: values and what they are for, without buttons and ways around."""
    site.house.clock.now += 16 * 60_000
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    site.sign_in(page)
    page.goto(f"{site.url}/my/held")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Your pages")).to_be_hidden()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(page.get_by_text(ADA)).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()


def test_another_site_can_neither_frame_nor_post(site: Site, chromium: Browser, tmp_path: Path) -> None:
    """A page of another origin that frames hers sees nothing, and a form it sends is refused."""
    site.house.clock.now += 16 * 60_000
    context = chromium.new_context()
    page = context.new_page()
    site.sign_in(page)
    (tmp_path / "evil.html").write_text(
        f'<iframe src="{site.url}/my/held"></iframe>'
        f'<form method="post" action="{site.url}/my/stop"><input name="wish" value="stop"><button>x</button></form>'
    )
    page.goto((tmp_path / "evil.html").as_uri())
    page.wait_for_load_state("networkidle")
    assert not [frame for frame in page.frames if "What we hold" in frame.content()]
    page.get_by_role("button", name="x").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This form did not come from your pages")
    context.close()
