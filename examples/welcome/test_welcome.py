"""The service's own tests: the real catalogue and policies, no server, nothing left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from welcome import addresses, stays, welcome

from privet.testing import FakeVault

CATALOGUE = Path(__file__).parent.parent / "hotel"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with FakeVault(CATALOGUE) as made:
        yield made


def test_a_guest_is_greeted_by_name(vault: FakeVault) -> None:
    """And the desk asked for no more than it needs, for the right reason."""
    vault.add({"room.bed": "king"}, email="ada@example.org", given_name="Ada")
    said = welcome(vault.client("city-front-desk"), "ada@example.org")
    assert said == "Welcome, Ada. A room with a king bed, as last time?"
    (asked,) = vault.log
    assert (asked.purpose, set(asked.fields)) == ("service-personalisation", {"given_name", "room.bed"})


def test_a_guest_who_restricts_is_as_a_stranger(vault: FakeVault) -> None:
    """No error at the desk, and no name."""
    ada = vault.add(email="ada@example.org", given_name="Ada")
    vault.customer(ada).restrict()
    desk = vault.client("city-front-desk")
    assert welcome(desk, "ada@example.org") == welcome(desk, "nobody@example.org") == "Welcome."


def test_letters_go_to_those_who_agreed(vault: FakeVault) -> None:
    """And to nobody who did not."""
    people = [
        ("ada@example.org", ["marketing.email"]),
        ("bea@example.org", []),
        ("cleo@example.org", ["marketing.email"]),
    ]
    mailer = vault.client("marketing")
    found = [
        mailer.find(email=email, purpose="marketing.email")
        for email, consents in people
        if vault.add(email=email, consents=consents)
    ]
    assert list(addresses(mailer, [one for one in found if one])) == ["ada@example.org", "cleo@example.org"]


def test_stays_are_counted(vault: FakeVault) -> None:
    """All of them, however many."""
    rows = [{"arrived": f"2026-01-{day:02}", "booking": f"B{day}", "hotel": "city"} for day in range(1, 31)]
    vault.add(email="ada@example.org", records={"stays": rows})
    assert stays(vault.client("city-front-desk"), "ada@example.org") == 30
