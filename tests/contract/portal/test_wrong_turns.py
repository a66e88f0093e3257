"""Forged forms, hostile bodies, pages there are not, and faults of ours: a page, and nothing of hers."""

import json
import logging
from collections.abc import Iterator

import pytest

from privet.domain.request import By
from privet.errors import AccessDenied
from tests.contract.portal.house import ADA, House
from tests.contract.portal.visit import FORMS, mails


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
