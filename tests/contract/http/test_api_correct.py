"""A corrected address is proved by a code that a real mail server was handed for it, and for no other."""

from collections.abc import Iterator

import pytest

from privet.domain.request import By
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


def test_codes_for_a_new_address_are_few(served: tuple[House, MailServer]) -> None:
    """Five in a quarter of an hour to one address, whoever asks; ten of one customer, whatever the address."""
    house, mail = served

    def correct(who: By, address: str) -> int:
        return house.ask("/v1/me/correct", {"values": {"email": address}}, who=str(who.value)).status

    one, other, before = house.guest(), house.guest(), len(mail.letters)
    stranger = "stranger@elsewhere.example"
    assert [correct(one, stranger) for _ in range(5)] == [200] * 5
    assert [correct(one, stranger), correct(other, "Stranger@ELSEWHERE.example")] == [429, 429]
    assert [correct(one, f"s{at}@elsewhere.example") for at in range(6)] == [200] * 5 + [429]
    assert correct(other, "s9@elsewhere.example") == 200
    for _ in range(11):
        mail.wait()
    assert len(mail.letters) == before + 11
