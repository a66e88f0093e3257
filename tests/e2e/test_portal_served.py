"""The customer's pages as `privet serve` gives them: a real process, real mail, the same vault as the API's."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.contract.portal.house import ADA, open_house, text_of
from tests.services.browser import BrowserUnavailable, open_browser
from tests.services.certificates import Authority
from tests.services.parts import miss
from tests.services.smtp import MailServer
from tests.services.vault_server import VaultServer


def mark(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A closed vault with one guest, whom a service asked for a consent."""
    with open_house(tmp_path) as house:
        house.vault.service("booking-import").consent(house.guest(), "meal-preparation")
    return tmp_path / "vault"


def test_a_visit_to_a_real_server(directory: Path) -> None:
    """The code comes by mail; what she decides counts in the vault once the server has stopped, too."""
    with (
        MailServer() as mail,
        VaultServer(
            directory,
            smtp={
                "host": "127.0.0.1",
                "port": mail.port,
                "security": "none",
                "sender": "no-reply@hotel.example",
            },
        ) as server,
        httpx.Client(base_url=server.url, headers={"origin": server.url}, follow_redirects=True) as client,
    ):
        page = client.get("/my/")
        assert page.url.path == "/my/sign-in"
        page = client.post("/my/sign-in", data={"form": mark(page), "address": ADA})
        recipient, letter = mail.wait()
        assert recipient == ADA
        code = next(line.strip() for line in letter.get_content().splitlines() if line.startswith("    "))
        page = client.post("/my/code", data={"form": mark(page), "code": code})
        assert "One question waits for your answer" in text_of(page.text)
        page = client.get("/my/choices")
        page = client.post(
            "/my/choices", data={"form": mark(page), "purpose": "meal-preparation", "wish": "no"}
        )
        assert "It counts from this moment" in text_of(page.text)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["x-request-id"]
        assert "Cooking so that nobody falls ill" in text_of(client.get("/my/used").text)
        assert client.get("/my/nowhere").status_code == 404
        assert client.get("/my/%2e%2e/v1").status_code == 404


def test_the_pages_can_be_turned_off(directory: Path) -> None:
    """portal.enabled = false: there is nothing at /my."""
    with VaultServer(directory, portal={"enabled": False}) as server:
        assert httpx.get(f"{server.url}/my/sign-in").status_code == 404


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_over_tls_in_a_real_browser(directory: Path, tmp_path: Path) -> None:
    """HTTPS from end to end: Chromium takes the __Host- cookies, and gives them up at the end."""
    files = [tmp_path / name for name in ("server.pem", "server.key")]
    for file, data in zip(files, Authority().issue("127.0.0.1"), strict=True):
        file.write_bytes(data)
    try:
        with (
            MailServer() as mail,
            VaultServer(
                directory,
                serve={"tls_certificate": str(files[0]), "tls_key": str(files[1])},
                smtp={
                    "host": "127.0.0.1",
                    "port": mail.port,
                    "security": "none",
                    "sender": "no-reply@hotel.example",
                },
            ) as server,
            open_browser() as chromium,
        ):
            context = chromium.new_context(ignore_https_errors=True)
            page = context.new_page()
            page.goto(f"{server.url}/my")
            page.get_by_label("Your e-mail address").fill(ADA)
            page.get_by_role("button", name="Send me a code").click()
            text = mail.wait()[1].get_content()
            code = next(line.strip() for line in text.splitlines() if line.startswith("    "))
            page.get_by_label("The code from our e-mail").fill(code)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Your data at Alder & Quay Hotels")
            (cookie,) = context.cookies()
            assert cookie["name"] == "__Host-privet"
            assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/")
            assert (cookie["sameSite"], cookie["expires"]) == ("Lax", -1)
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
            assert context.cookies() == []
            context.close()
    except BrowserUnavailable as error:
        miss("browser", str(error))
