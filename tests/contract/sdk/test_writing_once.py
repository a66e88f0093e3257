"""Idempotency keys and conditional writes: done once, for the same request, and only on what was seen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from privet.crypto.revision import Revisions
from privet.domain.request import by
from privet.errors import AccessDenied, InvalidInput, KeyReused, PreconditionFailed
from tests.contract.sdk.faces import FacedWorld
from tests.invariants.world import World

DAY = 86_400_000


def test_the_same_request_is_done_once(shared: FacedWorld) -> None:
    """A retry under the same key has the first audit id, adds no entry and writes nothing."""
    who = shared.guest(notes="a")
    desk = shared.service("front-desk")
    first = desk.put(who, {"notes": "b"}, purpose="stay", idempotency_key="k1")
    desk.put(who, {"notes": "c"}, purpose="stay")
    size = len(shared.log())
    assert desk.put(who, {"notes": "b"}, purpose="stay", idempotency_key="k1") == first
    assert len(shared.log()) == size
    assert desk.fetch(who, purpose="stay", fields=["notes"])["notes"] == "c"


@pytest.mark.parametrize("other", ["value", "cleared", "person", "purpose", "record", "revision"])
def test_a_key_is_for_one_request(shared: FacedWorld, other: str) -> None:
    """With another value, person, purpose, method or condition it is KeyReused, and nothing happens."""
    who, else_ = shared.guest(), shared.guest()
    desk = shared.service("front-desk")
    key = f"reused-{other}"
    desk.put(who, {"notes": "b"}, purpose="stay", idempotency_key=key)
    view = desk.fetch(who, purpose="stay", fields=["given_name"])
    again: dict[str, Callable[[], str]] = {
        "value": lambda: desk.put(who, {"notes": "x"}, purpose="stay", idempotency_key=key),
        "cleared": lambda: desk.put(who, {"notes": None}, purpose="stay", idempotency_key=key),
        "person": lambda: desk.put(else_, {"notes": "b"}, purpose="stay", idempotency_key=key),
        "purpose": lambda: desk.put(who, {"notes": "b"}, purpose="enrolment", idempotency_key=key),
        "record": lambda: desk.record(
            who, "stays", {"arrived": "2024-06-03", "booking": "C"}, purpose="stay", idempotency_key=key
        ),
        "revision": lambda: desk.put(
            who, {"notes": "b"}, purpose="stay", idempotency_key=key, if_revision=view.revision
        ),
    }
    size = len(shared.log())
    with pytest.raises(KeyReused):
        again[other]()
    assert len(shared.log()) == size
    assert desk.fetch(who, purpose="stay", fields=["notes"])["notes"] == "b"


def test_an_equal_value_written_is_another_revision(shared: FacedWorld) -> None:
    """A revision is of writes, not of values: who read before may not write on what it saw."""
    who, desk = shared.guest(notes="a"), shared.service("front-desk")
    seen = desk.fetch(who, purpose="stay", fields=["notes"])
    desk.put(who, {"notes": "a"}, purpose="stay")
    assert desk.fetch(who, purpose="stay", fields=["notes"]).revision != seen.revision
    with pytest.raises(PreconditionFailed):
        desk.put(who, {"notes": "b"}, purpose="stay", if_revision=seen.revision)


def test_another_services_key_is_another_key(shared: FacedWorld) -> None:
    """Two services may choose the same key."""
    who = shared.guest()
    desk = shared.service("front-desk").put(who, {"notes": "b"}, purpose="stay", idempotency_key="same")
    shop = shared.service("web-shop").put(who, {"notes": "c"}, purpose="enrolment", idempotency_key="same")
    assert desk != shop


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    """Then it is a new request."""
    who = world.guest()
    desk = world.service("front-desk")
    first = desk.put(who, {"notes": "b"}, purpose="stay", idempotency_key="old")
    world.clock.ahead += DAY + 1_000
    second = desk.put(who, {"notes": "c"}, purpose="stay", idempotency_key="old")
    assert second != first
    assert desk.put(who, {"notes": "c"}, purpose="stay", idempotency_key="old") == second


def test_a_refused_write_is_not_remembered(shared: FacedWorld) -> None:
    """It was not done: asked again it is decided, and logged, again."""
    who = shared.guest()
    desk = shared.service("front-desk")
    said = set()
    for _ in range(2):
        with pytest.raises(AccessDenied) as refused:
            desk.put(who, {"notes": "b"}, purpose="meals", idempotency_key="refused")
        said.add(refused.value.audit_id)
    assert len(said) == 2


def test_of_racing_twins_one_writes(shared: FacedWorld) -> None:
    """The same request sent twice at once is done once: both hear the same audit id."""
    who = shared.guest()
    desk = shared.service("front-desk")
    before = len(shared.log())
    heard: list[str] = []
    values = {"arrived": "2024-06-03", "booking": "race", "room": "1"}

    def send() -> None:
        heard.append(desk.record(who, "stays", values, purpose="stay", idempotency_key="race"))

    twins = [threading.Thread(target=send) for _ in range(4)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert len(heard) == 4
    assert len(set(heard)) == 1
    assert len(shared.log()) == before + 1


def test_many_may_enrol_one_person_at_once(shared: FacedWorld) -> None:
    """Twenty that nobody knew of, at the same moment: all are acknowledged, and she is one person."""
    shop, who = shared.service("web-shop"), by(email=f"raced.{shared.kind.replace(' ', '.')}@example.org")
    with ThreadPoolExecutor(20) as crowd:
        sent = [
            crowd.submit(shop.put, who, {"given_name": f"Eve {at}"}, purpose="enrolment") for at in range(20)
        ]
        assert len({one.result(60) for one in sent}) == 20
    assert shared.customer(who).profile()["given_name"] in {f"Eve {at}" for at in range(20)}


def test_a_person_is_enrolled_once(shared: FacedWorld) -> None:
    """A retried enrolment finds its own work, not somebody in its way."""
    shop = shared.service("web-shop")
    who = by(email="retried@example.org")
    ids = {
        shop.put(who, {"given_name": "Eve"}, purpose="enrolment", idempotency_key="enrol") for _ in range(2)
    }
    assert len(ids) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_consent_is_recorded_once(shared: FacedWorld, known: bool) -> None:
    """Of somebody and of nobody alike: one entry, the same audit id, KeyReused for another answer."""
    who = shared.guest() if known else by(email="nobody-at-all@example.org")
    shop = shared.service("web-shop")
    key = f"consent-{known}"
    before = len(shared.log())
    ids = {shop.consent(who, "surveys", source="till", idempotency_key=key) for _ in range(3)}
    assert len(ids) == 1
    assert len(shared.log()) == before + 1
    with pytest.raises(KeyReused):
        shop.consent(who, "surveys", given=False, source="till", idempotency_key=key)
    with pytest.raises(KeyReused):
        shop.request_consent(who, "surveys", source="till", idempotency_key=key)


@pytest.mark.parametrize("key", ["", "x" * 201, "sp\x00ace", "ünique", 7])
def test_a_malformed_key_is_refused(shared: FacedWorld, key: object) -> None:
    """InvalidInput that names it, before anything is done."""
    with pytest.raises(InvalidInput) as caught:
        shared.service("front-desk").put(
            shared.guest(),
            {"notes": "b"},
            purpose="stay",
            idempotency_key=key,  # type: ignore[arg-type]  # what callers may pass
        )
    assert caught.value.field == "idempotency_key"


def test_a_write_on_what_was_seen(shared: FacedWorld) -> None:
    """With the revision of an earlier view it is done while that stands, and refused once a field of it changed."""
    who = shared.guest(notes="a")
    desk = shared.service("front-desk")
    seen = desk.fetch(who, purpose="stay", fields=["notes", "given_name"]).revision
    desk.put(who, {"room.bed": "twin"}, purpose="stay")  # a field the revision does not cover
    desk.put(who, {"notes": "b"}, purpose="stay", if_revision=seen)
    with pytest.raises(PreconditionFailed):
        desk.put(who, {"notes": "c"}, purpose="stay", if_revision=seen)
    assert desk.fetch(who, purpose="stay", fields=["notes"])["notes"] == "b"


def test_of_two_that_saw_the_same_one_writes(shared: FacedWorld) -> None:
    """Optimistic concurrency: no lost update, whoever is faster."""
    who = shared.guest(notes="0")
    desk = shared.service("front-desk")
    outcomes: list[str] = []

    def add() -> None:
        for _ in range(3):
            while True:
                view = desk.fetch(who, purpose="stay", fields=["notes"])
                try:
                    desk.put(
                        who,
                        {"notes": str(int(str(view["notes"])) + 1)},
                        purpose="stay",
                        if_revision=view.revision,
                    )
                except PreconditionFailed:
                    continue
                outcomes.append("done")
                break

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 9
    assert desk.fetch(who, purpose="stay", fields=["notes"])["notes"] == "9"


def test_a_revision_of_another_person_service_or_shape_is_refused(shared: FacedWorld) -> None:
    """Swapped, forged, cut or widened, it is not what stands."""
    who, else_ = shared.guest(notes="a"), shared.guest(notes="a")
    desk = shared.service("front-desk")
    mine = desk.fetch(who, purpose="stay", fields=["notes"]).revision
    head, _, numbers = mine.partition(".")
    others = [
        desk.fetch(else_, purpose="stay", fields=["notes"]).revision,
        f"{'0' * 32}.{numbers}",
        f"{head}.",
        f"{head}.{numbers}-ffff",
        head,
        "*",
        "x",
    ]
    for revision in others:
        with pytest.raises(PreconditionFailed):
            desk.put(who, {"notes": "b"}, purpose="stay", if_revision=revision)
    desk.put(who, {"notes": "b"}, purpose="stay", if_revision=mine)


def test_a_revision_tells_not_whether_another_field_is_held(shared: FacedWorld) -> None:
    """A number added to it is refused whether or not that field has a value: it cannot be used to ask."""
    plain, ill = shared.guest(notes="a"), shared.guest(notes="a", allergies=["nuts"])
    desk = shared.service("front-desk")
    number = shared.vault.parts.catalogue.fields["allergies"].number
    for who in (plain, ill):
        revision = desk.fetch(who, purpose="stay", fields=["notes"]).revision
        with pytest.raises(PreconditionFailed):
            desk.put(who, {"notes": "b"}, purpose="stay", if_revision=f"{revision}-{number:x}")


def test_nobody_has_a_revision(shared: FacedWorld) -> None:
    """Whoever enrols nobody conditionally is told so; who may not enrol hears what it hears of anybody."""
    forged = Revisions(shared.vault.parts.keyring, ["web-shop"]).make(
        "web-shop", bytes(16), b"", frozenset({1})
    )
    shop = shared.service("web-shop")
    who = by(email="not-yet@example.org")
    with pytest.raises(PreconditionFailed):
        shop.put(who, {"given_name": "Eve"}, purpose="enrolment", if_revision=forged)
    with pytest.raises(AccessDenied):
        shared.service("front-desk").put(who, {"notes": "b"}, purpose="stay", if_revision=forged)
    assert shop.find(email="not-yet@example.org", purpose="enrolment") is None


def test_a_write_about_an_erased_persons_row_put_back(world: World) -> None:
    """The journal's word stands: nothing is written to a row of hers that somebody put back."""
    who = world.guest(notes="a")
    desk = world.service("front-desk")
    subject = world.subject(who)
    known = desk.find(email=who.value, purpose="stay")
    assert known is not None
    tables = ("subject", "lookup")
    with_subject = {
        name: world.place.execute(f"SELECT * FROM {name} WHERE subject = :s", s=bytes(subject))
        for name in tables
    }
    world.customer(who).erase()
    for name, rows in with_subject.items():
        for row in rows:
            marks = ", ".join(f":c{at}" for at in range(len(row)))
            world.place.execute(
                f"INSERT INTO {name} VALUES ({marks})", **{f"c{at}": value for at, value in enumerate(row)}
            )
    with pytest.raises(AccessDenied):
        desk.put(known, {"notes": "b"}, purpose="stay")
