"""A customer's own routes over real HTTP."""

import io
import json
import zipfile
from pathlib import Path

from privet.consent.receipt import verify_receipt
from tests.contract.http.house import House


def test_she_sees_all_that_is_held(house: House) -> None:
    """Values, collections, and the words for what JSON has no type for."""
    who = house.guest(spent="12.50", born="1990-02-03")
    house.vault.service("desk").record(
        who, "stays", {"arrived": "2024-05-06", "booking": "B", "rate": "9"}, purpose="stay"
    )
    held = house.ask("/v1/me/profile", who=who.value).json
    assert held["fields"] == {"email": who.value, "name": "Ada", "spent": "12.50", "born": "1990-02-03"}
    assert held["types"] == {"spent": "number", "born": "date"}
    assert held["collections"]["stays"][0]["time"] == "2024-05-06"
    assert (held["restricted"], held["objected"], held["pending"]) == (False, [], [])


def test_who_used_it_page_by_page(house: House) -> None:
    """Newest first, none twice, none lost, though the log grows between the pages by her own looking."""
    who = house.guest()
    desk = house.vault.service("desk")
    made = [desk.fetch(who, purpose="stay", fields=["name"]).audit_id for _ in range(7)]
    seen: list[str] = []
    after = ""
    while True:
        page = house.ask(f"/v1/me/accesses?limit=3{after}", who=who.value).json
        seen += [one["audit_id"] for one in page["accesses"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in made] == made[::-1]


def test_her_choices_are_in_force_when_the_answer_comes(house: House) -> None:
    """Consent, withdrawal, restriction, objection: the next read sees each."""
    who = house.guest()
    asked = {"subject": {who.field: who.value}, "purpose": "marketing.email", "fields": ["email"]}
    her = {"purpose": "marketing.email"}

    def mailed() -> int:
        return house.ask("/v1/fetch", asked, who="mailer").status

    assert mailed() == 403
    receipt = house.ask("/v1/me/consent", her, who=who.value).json["receipt"]
    verify_receipt(receipt, house.vault.parts.keyring.signer().public)
    assert mailed() == 200
    for stop, again in (("restrict", "unrestrict"), ("object", "unobject")):
        body = her if stop == "object" else None
        assert house.ask(f"/v1/me/{stop}", body, who=who.value, method="POST").status == 200
        assert mailed() == 403
        assert house.ask(f"/v1/me/{again}", body, who=who.value, method="POST").status == 200
        assert mailed() == 200
    assert house.ask("/v1/me/withdraw", her, who=who.value).status == 200
    assert mailed() == 403
    stands = house.ask("/v1/me/consents", who=who.value).json["consents"]
    assert {"withdrawn"} == {one["status"] for one in stands if one["purpose"] == "marketing.email"}
    assert len(house.ask("/v1/me/receipts", who=who.value).json["receipts"]) == 2


def test_an_old_notice_is_a_conflict(house: House) -> None:
    """She must be shown the text that stands now."""
    said = house.ask(
        "/v1/me/consent", {"purpose": "marketing.email", "notice_version": "old"}, who=house.guest().value
    )
    assert (said.status, said.code) == (409, "conflict")


def test_she_corrects_what_needs_no_code(house: House) -> None:
    """And hears, before anything is changed, that this server cannot send one."""
    who = house.guest()
    done = house.ask("/v1/me/correct", {"values": {"name": "Eva", "vip": None}}, who=who.value).json
    assert (sorted(done["done"]), done["pending"]) == (["name", "vip"], [])
    refused = house.ask(
        "/v1/me/correct", {"values": {"name": "Zoe", "email": "new@hedge.example"}}, who=who.value
    )
    assert (refused.status, refused.code) == (409, "conflict")
    assert house.ask("/v1/me/profile", who=who.value).json["fields"]["name"] == "Eva"
    wrong = house.ask("/v1/me/confirm", {"field": "email", "code": "000000"}, who=who.value)
    assert (wrong.status, wrong.json["field"]) == (422, "code")


def test_her_data_to_take_away_is_on_no_disk_of_ours(house: House) -> None:
    """A ZIP of JSON, made in memory: no file in the vault or the system's temporary folder has her name."""
    who = house.guest(name="Unmistakable Ada Byron")
    said = house.ask("/v1/me/export", who=who.value)
    assert (said.status, said.headers["content-type"]) == (200, "application/zip")
    assert said.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
        profile = json.loads(archive.read("profile.json"))
    assert profile["fields"]["name"] == "Unmistakable Ada Byron"
    directory = house.vault.parts.settings.directory
    for file in (file for file in Path(directory).rglob("*") if file.is_file()):
        assert b"Unmistakable Ada" not in file.read_bytes(), file.name


def test_erased_she_is_nobody(house: House) -> None:
    """Once; then every route of hers answers not_found."""
    who = house.guest()
    assert house.ask("/v1/me/erase", who=who.value, method="POST").status == 200
    for path in ("/v1/me/profile", "/v1/me/accesses", "/v1/me/export"):
        said = house.ask(path, who=who.value)
        assert (said.status, said.code) == (404, "not_found")
    assert house.ask("/v1/me/erase", who=who.value, method="POST").status == 404


def test_a_body_where_none_is_taken(house: House) -> None:
    """Refused: what it said would have been passed over."""
    said = house.ask("/v1/me/erase", {"really": False}, who=house.guest().value)
    assert (said.status, said.code) == (400, "bad_request")
