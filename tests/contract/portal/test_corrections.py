"""Corrections count at once; a new address counts once its code was typed."""

from pathlib import Path

from privet.domain.request import By
from tests.contract.portal.house import ADA, House, later, open_house


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


def test_text_of_several_lines_is_saved_as_it_was(tmp_path: Path) -> None:
    """Browsers send each line's end as CR LF: it is stored as a line's end, and saved unchanged it stays as it is."""
    remark = "  remark: {type: text, category: pd:Preference, allow: [service-personalisation]}\n"
    kept = "\nA quiet room.\n\tNo lilies.\n"
    with open_house(tmp_path, edit=lambda text: text.replace("fields:\n", f"fields:\n{remark}", 1)) as house:
        me = house.vault.customer(house.guest(remark=kept))
        browser = house.signed_in()
        for typed in (kept.replace("\n", "\r\n"), "A quiet room.\r\nNo lilies."):
            browser.get("/my/correct/remark")
            assert browser.post("/my/correct/remark", {"value": typed, "wish": "set"}).status_code == 200
            assert me.profile()["remark"] == typed.replace("\r\n", "\n")


def test_a_new_address_whose_code_ran_out_waits_no_more(house: House, ada: By) -> None:
    """After two days no page says that it waits; and typing the old address again calls the new one off."""
    browser = house.signed_in()
    browser.get("/my/correct/email")
    browser.post("/my/correct/email", {"value": "augusta@new.example.com", "wish": "set"})
    house.code()
    later(house, 48 * 60 + 1)
    browser = house.signed_in()
    browser.get("/my/held")
    assert "waits for its code" not in browser.text
    assert house.vault.customer(ada).profile().pending == ()
    browser.get("/my/correct/email")
    browser.post("/my/correct/email", {"value": "augusta@new.example.com", "wish": "set"})
    house.code()
    browser.get("/my/held")
    assert "A new email waits for its code" in browser.text
    browser.get("/my/correct/email")
    browser.post("/my/correct/email", {"value": ADA, "wish": "set"})
    assert "waits for its code" not in browser.text


def test_another_address_is_not_called_the_one_to_sign_in_with(tmp_path: Path) -> None:
    """Where the catalogue has two look-ups of addresses, only for one is it said that she signs in with it."""
    work = "  work_email: {type: email, category: pd:EmailAddress, lookup: shared, allow: [stay-administration]}\n"
    with open_house(tmp_path, edit=lambda text: text.replace("fields:\n", f"fields:\n{work}", 1)) as house:
        house.guest()
        browser = house.signed_in()
        browser.get("/my/correct/email")
        assert "You sign in with this." in browser.text
        browser.get("/my/correct/work_email")
        assert "sign in with" not in browser.text
        browser.post("/my/correct/work_email", {"value": "ada@work.example.org", "wish": "set"})
        browser.post("/my/confirm/work_email", {"code": house.code()})
        assert "Work email: changed. It counts from this moment." in browser.text
        assert "Sign in with it" not in browser.text


def test_an_address_of_another_record_is_not_called_a_wrong_code(house: House, ada: By) -> None:
    """Once she has proved that it is hers she hears that it cannot be used, and whom to ask."""
    house.guest("eve@example.org")
    browser = house.signed_in()
    browser.get("/my/correct/email")
    browser.post("/my/correct/email", {"value": "eve@example.org", "wish": "set"})
    browser.get("/my/confirm/email")
    assert browser.post("/my/confirm/email", {"code": house.code()}).status_code == 422
    assert "code is not right" not in browser.text
    assert "cannot be used" in browser.text
    assert house.vault.customer(ada).profile()["email"] == ADA
