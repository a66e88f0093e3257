"""Rights across a key rotation that another process made: sessions that were open go on, and nothing is lost."""

import pytest

from privet.consent.receipt import verify_receipt
from privet.domain.request import by
from privet.errors import NotFound
from tests.contract.rights.conftest import House


def test_an_open_session_goes_on_after_a_rotation_elsewhere(house: House) -> None:
    """Consents, a pending correction, receipts and her log stand under the new epoch's keys."""
    who = house.guest()
    me = house.customer(who)
    receipt = me.consent("marketing.email")
    code = me.correct({"email": f"x{who.value}"}).pending["email"]
    with house.second() as elsewhere:
        elsewhere.steward().rotate()
    assert house.mail(who) == who.value
    me.confirm("email", code)
    assert house.customer(by(email=f"x{who.value}")).receipts() == (receipt,)
    with pytest.raises(NotFound):
        house.customer(who)
    verify_receipt(receipt, house.vault.parts.keyring.signer().public)
    assert [line.act for line in me.accesses()][-1] == "put"
    me.withdraw("marketing.email")
    tombstone = me.erase()
    with house.second() as elsewhere:
        elsewhere.steward().rotate()
    assert me.erase() == tombstone
