"""A corrected address is proved by a code that a real mail server was handed for it, and for no other."""

from collections.abc import Iterator

import pytest

from tests.contract.http.house import House, serve_house
from tests.services.smtp import MailServer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, MailServer]]:
    with MailServer() as mail:
        smtp = {"host": "127.0.0.1", "port": mail.port, "security": "none", "sender": "vault@hedge.example"}
        with serve_house(tmp_path_factory.mktemp("mailing") / "vault", smtp=smtp) as house:
            yield house, mail


def test_the_code_goes_to_the_new_address_and_completes_the_correction(
    served: tuple[House, MailServer],
) -> None:
    """The old address finds her until then, the new one from then on; the answer has no code."""
    house, mail = served
    who, new = house.guest(), "new-address@hedge.example"
    said = house.ask("/v1/me/correct", {"values": {"email": new, "name": "Eva"}}, who=who.value)
    assert (said.status, said.json["done"], said.json["pending"]) == (200, ["name"], ["email"])
    to, letter = mail.wait()
    assert to == new
    code = next(line.strip() for line in str(letter.get_content()).splitlines() if line.startswith("    "))
    assert code.encode() not in said.body
    assert house.ask("/v1/me/profile", who=who.value).json["pending"] == ["email"]
    wrong = house.ask("/v1/me/confirm", {"field": "email", "code": "wrong"}, who=who.value)
    assert (wrong.status, wrong.code) == (422, "invalid_input")
    assert house.ask("/v1/me/confirm", {"field": "email", "code": code}, who=who.value).status == 200
    assert house.ask("/v1/me/profile", who=new).json["fields"]["email"] == new
    assert house.ask("/v1/me/profile", who=who.value).status == 404


def test_what_no_mail_reaches_is_refused_before_anything_is_changed(served: tuple[House, MailServer]) -> None:
    """A phone number cannot be proved by mail."""
    house, mail = served
    who, before = house.guest(), len(mail.letters)
    said = house.ask("/v1/me/correct", {"values": {"phone": "+351912345678", "name": "Zoe"}}, who=who.value)
    assert (said.status, said.code) == (409, "conflict")
    assert house.ask("/v1/me/profile", who=who.value).json["fields"]["name"] == "Ada"
    assert len(mail.letters) == before
