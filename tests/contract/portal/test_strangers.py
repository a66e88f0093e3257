"""Signing in tells nobody who is a customer: same pages, same time, same log, and no letter to a stranger."""

import base64
import time

import pytest

from privet.audit.leaf import parse_leaf
from privet.portal.pages import signing
from tests.contract.portal.house import ADA, House
from tests.contract.portal.strangers import NOBODY, acts, told
from tests.contract.store.statements import counted


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
