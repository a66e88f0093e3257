"""Whoever writes to the database without a key: rows pointed, moved and renumbered, tried as such a person would.

SECURITY.md says what that gains; each case here was a gain once.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from privet.audit.damage import Fault
from privet.bootstrap.verifying import read_verifier_key, verify_store
from privet.domain.request import By
from privet.errors import AccessDenied, IntegrityError, PrivetError
from privet.store.custody.anchors import LATEST
from privet.store.custody.doctor import find_misled
from tests.invariants.world import Place, World

MINE, HERS = {"given_name": "Mallory"}, {"given_name": "Ada", "notes": "canary-of-hers"}


@pytest.fixture
def mallory(world: World) -> tuple[By, By]:
    """Two guests: one who has friends among the administrators, and her victim."""
    return world.guest(**MINE), world.guest(**HERS)


def lookups(place: Place, subject: bytes) -> list[Any]:
    return place.execute("SELECT value, field FROM lookup WHERE subject = :subject", subject=subject)


def point_at(world: World, mine: By, hers: By) -> None:
    """Mallory's address now leads to the other."""
    victim = world.subject(hers)
    for value, _ in lookups(world.place, world.subject(mine)):
        world.place.execute("UPDATE lookup SET subject = :to WHERE value = :value", to=victim, value=value)


def test_a_look_up_pointed_at_another_shows_nothing_of_her(world: World, mallory: tuple[By, By]) -> None:
    """Neither to the customer who signs in by it nor to a service that names her by it; the doctor sees it."""
    mine, hers = mallory
    both = {world.subject(mine), world.subject(hers)}
    desk = world.service("front-desk")
    point_at(world, mine, hers)

    with pytest.raises(IntegrityError):
        world.customer(mine)
    with pytest.raises(AccessDenied) as refused:
        desk.fetch(mine, purpose="stay", fields=["notes"])
    with pytest.raises(AccessDenied) as nobody:
        desk.fetch(By("email", "never@example.org"), purpose="stay", fields=["notes"])
    assert (str(refused.value), refused.value.withheld) == (str(nobody.value), nobody.value.withheld)
    assert desk.find(email=mine.value, purpose="stay") is None
    assert desk.fetch(hers, purpose="stay", fields=["notes"])["notes"] == "canary-of-hers"
    parts = world.vault.parts
    assert list(find_misled(parts.store, parts.keyring, parts.vault)) == sorted(both)


def test_a_batch_with_a_misled_look_up_still_serves_the_same_person_by_her_own(
    world: World, mallory: tuple[By, By]
) -> None:
    """One read of the batch is about nobody; its neighbour about the same row is not harmed."""
    mine, hers = mallory
    point_at(world, mine, hers)
    desk = world.service("front-desk")
    first, second = desk.fetch_many([mine, hers], purpose="stay", fields=["notes"])
    assert "notes" not in getattr(first, "values", {})
    assert getattr(second, "values", None) == {"notes": "canary-of-hers"}


def test_a_write_through_a_look_up_pointed_at_another_changes_nothing(
    world: World, mallory: tuple[By, By]
) -> None:
    """A value meant for one is not stored with another, and no second row is made."""
    mine, hers = mallory
    point_at(world, mine, hers)
    before = world.place.execute("SELECT subject, fields FROM subject ORDER BY subject")
    shop = world.service("web-shop")
    writes: list[Callable[[], object]] = [
        lambda: shop.put(mine, {"notes": "mine"}, purpose="enrolment"),
        lambda: shop.consent(mine, "surveys"),
    ]
    for write in writes:
        with contextlib.suppress(PrivetError):
            write()
    assert world.place.execute("SELECT subject, fields FROM subject ORDER BY subject") == before
    assert all(consent.status == "unknown" for consent in world.customer(hers).consents())


SWAPS: Mapping[str, list[tuple[str, str]]] = {
    "two fields change places": [("given_name", "notes"), ("notes", "given_name")],
    "a number taken over": [("given_name", "notes")],
}


@pytest.mark.parametrize("moves", SWAPS.values(), ids=list(SWAPS))
def test_moved_catalogue_numbers_do_not_open(
    world: World, mallory: tuple[By, By], moves: list[tuple[str, str]]
) -> None:
    """No field is released under the rules of another because its number was given to that one."""
    place = world.place
    world.vault.close()
    numbers: dict[str, int] = dict(
        place.execute("SELECT name, number FROM catalogue_number WHERE kind = 'field'")
    )
    for name, other in moves:
        place.execute(
            "UPDATE catalogue_number SET number = :number WHERE kind = 'field' AND name = :name",
            number=numbers[other],
            name=name,
        )
    with pytest.raises(IntegrityError):
        place.open(world.clock)


def test_forgotten_catalogue_numbers_are_not_given_anew(world: World, mallory: tuple[By, By]) -> None:
    """With people in it a vault without its numbers does not open, as if it were new."""
    place = world.place
    world.vault.close()
    place.execute("DELETE FROM catalogue_number")
    place.execute("DELETE FROM note WHERE key LIKE 'catalogue/%'")
    place.execute("UPDATE vault SET catalogue_digest = ''")
    with pytest.raises(IntegrityError):
        place.open(world.clock)


def test_facts_put_back_do_not_keep_her_from_saying_no_again(world: World) -> None:
    """An earlier yes put back is in force until she says no once more, and then no longer."""
    who = world.guest()
    her = world.customer(who)
    her.consent("marketing.email")
    ((facts, rev),) = world.place.execute("SELECT facts, facts_rev FROM subject")
    her.withdraw("marketing.email")
    world.place.execute("UPDATE subject SET facts = :facts, facts_rev = :rev", facts=facts, rev=rev)
    with pytest.raises(IntegrityError):
        her.consents()  # ledger and facts tell different stories: she can see that something is wrong
    her.withdraw("marketing.email")
    with pytest.raises(AccessDenied):
        world.service("mailer").fetch(who, purpose="marketing.email", fields=["email"])
    assert [c.status for c in her.consents() if c.purpose == "marketing.email"] == ["withdrawn"]


def test_a_pause_cannot_be_emptied(world: World) -> None:
    """Without its seal the officer's word does not become "nothing is paused": nothing is released."""
    who = world.guest()
    world.vault.officer("ana").pause("front-desk")
    world.place.execute("UPDATE vault SET controls = :none", none=b"")
    with pytest.raises(IntegrityError):
        world.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])


def test_a_log_under_another_name_is_not_called_sound(world: World) -> None:
    """Whoever renames the log in the database makes no checkpoint or anchor foreign: cut short, it is named."""
    who = world.guest()
    for _ in range(3):
        world.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    world.vault.officer("ana").audit.verify()
    parts = world.vault.parts
    key = read_verifier_key(parts.settings)
    assert verify_store(parts.store, parts.settings, key).ok
    world.place.execute("UPDATE vault SET origin = 'another.example/log'")
    renamed = verify_store(parts.store, parts.settings, key)
    assert [damage.fault for damage in renamed.damages] == [Fault.HEAD]
    world.place.execute("DELETE FROM entry WHERE pos > 1")
    cut = verify_store(parts.store, parts.settings, key)
    assert {Fault.HEAD, Fault.ROLLBACK} <= {damage.fault for damage in cut.damages}
    with contextlib.suppress(PrivetError):
        world.vault.close()  # its last checkpoint finds the same


def test_a_removed_newest_anchor_is_named(world: World) -> None:
    """The anchors of a log without their newest one do not vouch for it."""
    world.guest()
    world.vault.officer("ana").audit.verify()
    parts = world.vault.parts
    (parts.settings.anchors_path / LATEST).unlink()
    report = verify_store(parts.store, parts.settings, read_verifier_key(parts.settings))
    assert [damage.fault for damage in report.damages] == [Fault.ANCHOR]
    with contextlib.suppress(PrivetError):
        world.vault.close()  # its last checkpoint finds the same


def test_an_erased_person_who_was_put_back_does_not_outlive_the_rotation(world: World) -> None:
    """Her rows from a copy open until her epoch ends; rotation gives her no new key."""
    who = world.guest()
    tables = ("subject", "lookup")
    kept = {table: world.place.execute(f"SELECT * FROM {table}") for table in tables}
    world.customer(who).erase()
    for table, rows in kept.items():
        for row in rows:
            values = {f"v{at}": value for at, value in enumerate(row)}
            world.place.execute(
                f"INSERT INTO {table} VALUES ({', '.join(f':{v}' for v in values)})", **values
            )
    assert world.rotate().people == 0
    assert world.place.execute("SELECT subject FROM subject") == []
    with pytest.raises(AccessDenied):
        world.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
