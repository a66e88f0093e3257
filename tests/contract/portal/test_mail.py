"""Letters by a real mail server: to the stored address, over verified TLS, in a thread of their own."""

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from privet.config.settings.serving import SmtpSettings
from privet.errors import InvalidInput
from privet.portal.app import Portal, make_portal
from privet.portal.postman import Mail, Postman, SmtpDelivery
from tests.contract.portal.house import ADA, House
from tests.services.certificates import Authority
from tests.services.smtp import MailServer

SENDER = "no-reply@alderquay.example"


class Trusted(NamedTuple):
    """What a server shows, and the authority to trust for it."""

    shown: tuple[Path, Path]
    ca_file: Path


def make_trusted(directory: Path, host: str) -> Trusted:
    authority = Authority()
    files = [directory / f"{host}.{kind}" for kind in ("pem", "key", "ca")]
    for file, data in zip(files, (*authority.issue(host), authority.pem), strict=True):
        file.write_bytes(data)
    return Trusted((files[0], files[1]), files[2])


@pytest.fixture
def trusted(tmp_path: Path) -> Trusted:
    return make_trusted(tmp_path, "127.0.0.1")


def settings(server: MailServer, **changes: Any) -> SmtpSettings:
    return SmtpSettings(host="127.0.0.1", port=server.port, sender=SENDER, **changes)


def with_mail(house: House, smtp: SmtpSettings) -> None:
    """The house's pages, with mail."""
    house.portal.close()
    known = house.vault.parts.settings
    parts = replace(house.vault.parts, settings=replace(known, serving=replace(known.serving, smtp=smtp)))
    house.portal = make_portal(parts)


def test_the_code_comes_by_mail_to_the_stored_address(house: House, trusted: Trusted) -> None:
    """STARTTLS, verified; to the address as it is stored, not as typed; no link and no name in it."""
    house.guest("Ada.Lovelace@example.org")
    with MailServer(certificate=trusted.shown) as server:
        with_mail(house, settings(server, ca_file=trusted.ca_file))
        browser = house.client()
        browser.ask("ADA.LOVELACE@EXAMPLE.ORG")
        recipient, letter = server.wait()
        assert recipient == "Ada.Lovelace@example.org"
        assert letter["To"] == recipient
        assert letter["From"] == f"Alder & Quay Hotels <{SENDER}>"
        assert letter["Auto-Submitted"] == "auto-generated"
        text = letter.get_content()
        assert "http" not in text
        assert "Lovelace" not in text.replace(recipient, "")
        code = next(line.strip() for line in text.splitlines() if line.startswith("    "))
        browser.post("/my/code", {"code": code})
        assert "Your data at" in browser.text
        house.client().ask("nobody@example.org")
        time.sleep(0.3)
        assert len(server.letters) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_signed_in_over_tls(trusted: Trusted, tmp_path: Path, security: Any) -> None:
    """Both kinds of TLS, with a name and a password from a file."""
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    login = ("privet", "s3cret")
    with MailServer(certificate=trusted.shown, implicit=security == "tls", login=login) as server:
        smtp = settings(
            server, ca_file=trusted.ca_file, security=security, username="privet", password_file=password
        )
        SmtpDelivery(smtp, "Hôtel “Haie”")(ADA, "Été", "grün\n")
        letter = server.wait()[1]
        assert (letter["Subject"], letter.get_content()) == ("Été", "grün\r\n")
        password.write_text("wrong")
        with pytest.raises(Exception, match="535"):
            SmtpDelivery(smtp, "x")(ADA, "s", "t")


@pytest.mark.parametrize("why", ["nobody", "another host"])
def test_an_unverified_server_gets_no_letter(trusted: Trusted, tmp_path: Path, why: str) -> None:
    """A certificate of nobody we trust, or for another host: the letter stays here."""
    other = make_trusted(tmp_path, "mail.example.org")
    shown = trusted.shown if why == "nobody" else other.shown
    for security in ("starttls", "tls"):
        with MailServer(certificate=shown, implicit=security == "tls") as server:
            smtp = settings(server, ca_file=other.ca_file, security=security)
            with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
                SmtpDelivery(smtp, "x")(ADA, "s", "t")
            assert not server.letters


def test_a_server_without_tls_gets_no_letter() -> None:
    """STARTTLS that is not offered is no reason to go on in clear."""
    with MailServer() as server:
        with pytest.raises(Exception, match="STARTTLS"):
            SmtpDelivery(settings(server), "x")(ADA, "s", "t")
        assert not server.letters
        SmtpDelivery(settings(server, security="none"), "x")(ADA, "s", "t")
        assert server.wait()[0] == ADA


@pytest.mark.parametrize(
    "address",
    ["", "ada", "a@b\r\nBcc: eve@example.org", "a@b, eve@example.org", "<a@b>", "a b@example.org", "@"],
)
def test_no_address_smuggles_a_header(address: str) -> None:
    """What is stored as an address and is none goes nowhere, and the error does not repeat it."""
    with MailServer() as server:
        with pytest.raises(InvalidInput) as raised:
            SmtpDelivery(settings(server, security="none"), "x")(address, "s", "t")
        assert raised.value.__cause__ is None
        assert "eve" not in str(raised.value)
        assert not server.letters


def test_an_address_in_any_script() -> None:
    """SMTPUTF8 where the address needs it."""
    with MailServer() as server:
        SmtpDelivery(settings(server, security="none"), "x")("grün@example.org", "s", "t")
        assert server.wait()[0] == "grün@example.org"


def test_a_domain_in_any_script_needs_no_server_that_knows_it() -> None:
    """It goes out in its ASCII form: a server without SMTPUTF8 would take no letter to it."""
    with MailServer() as server:
        SmtpDelivery(settings(server, security="none"), "x")("ada@Grün.example.org", "s", "t")
        recipient, letter = server.wait()
        assert recipient == letter["To"] == "ada@xn--grn-ioa.example.org"


def test_a_server_that_is_busy_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Three tries; the log says that it failed and neither the address nor the code."""
    with MailServer(refuse=2) as server, caplog.at_level(logging.DEBUG):
        postman = Postman(SmtpDelivery(settings(server, security="none"), "x"), pause_s=0.01)
        postman.post(Mail(lambda: ADA, "12345678", "12345678"))
        assert server.wait()[0] == ADA
        postman.close()
        assert server.attempts == 3
    said = "".join(record.getMessage() for record in caplog.records if record.name.startswith("privet"))
    assert "try 1 of 3" in said
    assert "example.org" not in said
    assert "12345678" not in said


def test_the_page_does_not_wait_for_mail(house: House) -> None:
    """While a mail server takes her letter and never answers she gets her pages; the letters are sent once it does."""
    house.guest()
    hanging, release = threading.Event(), threading.Event()
    sent = list[str]()

    def deliver(address: str, _subject: str, _text: str) -> None:
        hanging.set()
        release.wait(120)
        sent.append(address)

    house.portal.close()
    house.portal = Portal(house.vault.parts, deliver, mails=True)
    assert house.client().ask(ADA).status_code == 200
    assert hanging.wait(60)
    assert house.client().ask(ADA).status_code == 200
    assert sent == []
    release.set()
    house.portal.close()
    assert sent == [ADA, ADA]


def test_what_waits_is_sent_before_the_end() -> None:
    """Closing sends the letters that wait; after that none is left behind."""
    with MailServer() as server:
        postman = Postman(SmtpDelivery(settings(server, security="none"), "x"))
        for at in range(5):
            postman.post(Mail(lambda at=at: f"p{at}@example.org", "s", "t"))  # type: ignore[misc]
        postman.close()
        postman.close()
        assert [recipient for recipient, _ in server.letters] == [f"p{at}@example.org" for at in range(5)]


def test_whatever_an_address_does_when_it_is_opened_letters_after_it_go_out() -> None:
    """A store that fails in a way of its own costs that letter, and not the thread."""

    def broken() -> str:
        raise ZeroDivisionError

    with MailServer() as server:
        postman = Postman(SmtpDelivery(settings(server, security="none"), "x"))
        postman.post(Mail(broken, "s", "t"))
        postman.post(Mail(lambda: ADA, "s", "t"))
        assert server.wait()[0] == ADA
        postman.close()


def test_a_full_queue_before_a_silent_server_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many letters wait as the queue holds, and the first one hangs: closing gives up after its time."""
    monkeypatch.setattr("privet.portal.postman._WAITING", 2)
    hanging, release = threading.Event(), threading.Event()

    def deliver(_address: str, _subject: str, _text: str) -> None:
        hanging.set()
        release.wait(60)

    postman = Postman(deliver)
    postman.post(Mail(lambda: ADA, "s", "t"))
    assert hanging.wait(20)
    for _ in range(2):
        postman.post(Mail(lambda: ADA, "s", "t"))
    closing = threading.Thread(target=postman.close, args=(0.5,), daemon=True)
    closing.start()
    closing.join(20)
    ended = not closing.is_alive()
    release.set()
    assert ended
