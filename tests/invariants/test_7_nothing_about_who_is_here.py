"""Invariant 7: a service cannot tell a person whom it may not see from one who is not here.

Compared: the class of the error, message, reasons, withheld, repr, what stands in a batch, the statements issued, the
leaf but for id, time and digests, its length, the lengths of sealed part, tag and reference. Not compared: time. That a
row is decrypted or not costs microseconds, and a service across a network does not see them; SECURITY.md says so.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import hypothesis
import orjson
import pytest
from hypothesis import strategies as st

import privet
from privet.domain.ids import SubjectId
from privet.domain.request import By, by
from privet.errors import AccessDenied
from tests.contract.store.statements import counted
from tests.invariants.world import World

DAY = 86_400_000
_HIDDEN = ("id", "t_ms", "pc", "ph")


class People(NamedTuple):
    """Who is asked about: by what a service types, and by what it may have kept."""

    world: World
    typed: Mapping[str, By]
    subjects: Mapping[str, SubjectId]

    def known(self, service: str) -> dict[str, str]:
        """The pairwise id by which `service` knows each of them, nobody's included."""
        issue = self.world.vault.parts.pairwise.issue
        ids = {name: issue(service, subject) for name, subject in self.subjects.items()}
        ids["never here"] = issue(service, SubjectId(bytes(range(16))))
        ids["of another service"] = issue(
            "web-shop" if service != "web-shop" else "mailer", self.subjects["no choice"]
        )
        ids["forged"] = "pw1_" + "A" * 43
        altered = ids["no choice"]
        ids["altered"] = altered[:20] + ("A" if altered[20] != "A" else "B") + altered[21:]
        return ids


@pytest.fixture(scope="module")
def people(shared: World) -> People:
    """One person in each state in which a service may not see her."""
    world = shared
    parts = world.vault.parts
    signing = parts.checkpointer._checkpointer  # once a second, whoever is asked about: no part of a read
    signing._every, signing._next = 2**63, 2**62
    typed: dict[str, By] = {}
    values = {"allergies": ["nuts"], "notes": "x", "phone": "+442079460001"}

    def add(name: str) -> Any:
        address = f"{name.replace(' ', '.')}@example.org"
        typed[name] = by(email=address)
        shop = world.service("web-shop")
        shop.put(typed[name], {"given_name": "Ada", "crm_id": address, **values}, purpose="enrolment")
        return world.customer(typed[name])

    add("no choice")
    for name, purposes in {"refused": (), "withdrawn": ("consent",)}.items():
        me = add(name)
        for purpose in ("marketing.email", "meals", "surveys"):
            for act in purposes:
                getattr(me, act)(purpose)
            me.withdraw(purpose)
    restricted = add("restricted")
    for purpose in ("marketing.email", "meals", "surveys"):
        restricted.consent(purpose)
    restricted.restrict()
    objected = add("objected")
    objected.object("marketing")
    long = add("long story")
    for _ in range(6):
        for purpose in ("marketing.email", "meals", "surveys"):
            long.consent(purpose)
            long.withdraw(purpose)
    long.restrict()
    add("erased")
    subjects = {name: world.subject(who) for name, who in typed.items()}
    world.customer(typed["erased"]).erase()
    for name, column in {"broken keys": "keys", "broken facts": "facts"}.items():
        me = add(name)
        me.consent("marketing.email")
        subjects[name] = world.subject(typed[name])
        me.restrict()
        with parts.store.read() as unit:
            row = unit.find_rows((subjects[name],))[subjects[name]]
        damaged = bytearray(getattr(row, column))
        damaged[-1] ^= 1
        place = world.place
        marker = ":value WHERE subject = :of"
        place.execute(
            f"UPDATE subject SET {column} = {marker}", value=bytes(damaged), of=bytes(subjects[name])
        )
    typed["absent"] = by(email="nobody.was.here@example.org")
    typed["absent too"] = by(email="x@y.org")
    return People(world, typed, subjects)


class Seen(NamedTuple):
    """All that a service, or whoever watches the log and the database, could compare."""

    answer: object
    statements: tuple[str, ...]
    leaves: tuple[tuple[object, ...], ...]


def told(error: BaseException) -> tuple[object, ...]:
    assert isinstance(error, AccessDenied), error
    return (
        type(error), error.message, error.reasons, dict(error.withheld), error.args,
        repr(error).replace(error.audit_id or "", ""), len(error.audit_id or ""), error.__cause__,
    )  # fmt: skip


def watch(world: World, act: Callable[[], object]) -> Seen:
    """Runs `act` and notes what it shows. Any answer but a refusal or None is a failure of the test's premise."""
    parts = world.vault.parts
    log = parts.store.log
    parts.store.sequence()
    before = log.size()
    with counted(parts.store) as statements:
        try:
            answer = act()
        except AccessDenied as denied:
            shown: object = told(denied)
        else:
            if answer is not None:
                assert isinstance(answer, list), answer
            shown = [told(item.error()) for item in answer] if isinstance(answer, list) else None
    parts.store.sequence()
    leaves = []
    for entry in log.entries(before, log.size()):
        leaf = orjson.loads(entry.leaf)
        shared = {key: value for key, value in leaf.items() if key not in _HIDDEN}
        leaves.append(
            (str(shared), len(entry.leaf), len(entry.sealed), len(entry.tag or b""), len(entry.ref or b""))
        )
    # The log's tiles: one read in 256, whoever is asked about.
    own = tuple(shape for shape in statements if not re.search(r"\b(FROM|INTO) tile\b", shape))
    return Seen(shown, own, tuple(leaves))


def assert_alike(seen: Mapping[str, Seen]) -> None:
    """All the same; the first two that differ are named."""
    first, *others = seen
    for other in others:
        assert seen[other] == seen[first], f"{other} can be told from {first}"


def ask(world: World, service: str, purpose: str, fields: list[str]) -> Callable[[Any], dict[str, Any]]:
    session = world.service(service)
    stays = [path.removeprefix("stays.") for path in fields if path.startswith("stays.")] or ["room"]
    return lambda who: {
        "fetch": lambda: session.fetch(who, purpose=purpose, fields=fields),
        "fetch_many": lambda: session.fetch_many([who, who], purpose=purpose, fields=fields),
        "history": lambda: session.history(who, "stays", purpose=purpose, fields=stays),
        "find": lambda: (
            session.find(purpose=purpose, **{who.field: who.value})
            if isinstance(who, By)
            else session.fetch(who, purpose=purpose, fields=fields[:1])
        ),
    }


HIDDEN_FROM: list[tuple[str, str, list[str]]] = [
    ("mailer", "marketing.email", ["email", "given_name"]),
    ("mailer", "marketing.email", ["email", "allergies", "no.such.field"]),
    ("mailer", "surveys", ["given_name"]),
    ("kitchen", "meals", ["allergies"]),
    ("kitchen", "meals", ["allergies", "given_name", "phone"]),
    ("broker", "resale", ["email"]),
    ("broker", "stay", ["given_name"]),
    ("broker", "", ["given_name"]),
    ("broker", "no-such-purpose", ["given_name"]),
]
"""Questions to which the phantom, and so everybody here, gets nothing."""


@pytest.mark.parametrize("how", ["fetch", "fetch_many", "history", "find"])
@pytest.mark.parametrize("service, purpose, fields", HIDDEN_FROM)
def test_typed(people: People, how: str, service: str, purpose: str, fields: list[str]) -> None:
    """By address: whoever may not be seen, in whatever state, looks like nobody."""
    calls = ask(people.world, service, purpose, fields)
    watch(people.world, calls(people.typed["absent"])[how])
    assert_alike({name: watch(people.world, calls(who)[how]) for name, who in people.typed.items()})


@pytest.mark.parametrize("how", ["fetch", "fetch_many", "history"])
@pytest.mark.parametrize("service, purpose, fields", HIDDEN_FROM)
def test_known(people: People, how: str, service: str, purpose: str, fields: list[str]) -> None:
    """By pairwise id: an id that was kept, one of an erased person, a foreign and a forged one are all alike."""
    calls = ask(people.world, service, purpose, fields)
    watch(people.world, calls("pw1_" + "B" * 43)[how])
    assert_alike({name: watch(people.world, calls(who)[how]) for name, who in people.known(service).items()})


UNSEEN = ["restricted", "long story", "broken keys", "broken facts", "erased", "absent", "absent too"]
"""Who may not be seen even on a contract, where the phantom would get something."""


PARTLY_SEEN: list[tuple[str, str, str, list[str]]] = [
    (how, service, purpose, fields)
    for how in ("fetch", "fetch_many", "history", "find")
    for service, purpose, fields in (
        ("front-desk", "stay", ["given_name"]),
        ("front-desk", "stay", ["given_name", "allergies", "no.such.field", "phone"]),
        ("mailer", "marketing", ["given_name"]),
        ("mailer", "marketing", ["given_name", "email"]),
    )
    if (how, service) != ("history", "mailer")  # of stays the phantom gets nothing for marketing
]


@pytest.mark.parametrize("how, service, purpose, fields", PARTLY_SEEN)
def test_where_the_phantom_gets_something(
    people: People, how: str, service: str, purpose: str, fields: list[str]
) -> None:
    """On a contract or a legitimate interest: restricted, unreadable, erased and absent people are alike."""
    world = people.world
    calls = ask(world, service, purpose, fields)
    names = [*UNSEEN, *(["objected"] if purpose == "marketing" else [])]
    watch(world, calls(people.typed["absent"])[how])
    assert_alike({name: watch(world, calls(people.typed[name])[how]) for name in names})
    known = people.known(service)
    names = [*(set(names) & set(known)), "never here", "of another service", "forged", "altered"]
    if how != "find":
        assert_alike({name: watch(world, calls(known[name])[how]) for name in names})


def test_an_expired_value_looks_like_nobody(people: People) -> None:
    """Where all that was asked for has passed its retention, the answer is the one about nobody."""
    world = people.world
    who = world.guest(**{"room.bed": "king"})
    calls = ask(world, "front-desk", "stay", ["room.bed"])
    world.clock.ahead = 31 * DAY
    try:
        watch(world, calls(people.typed["absent"])["fetch"])
        assert_alike(
            {
                "expired": watch(world, calls(who)["fetch"]),
                "absent": watch(world, calls(people.typed["absent"])["fetch"]),
            }
        )
    finally:
        world.clock.ahead = 0


PATHS = ["given_name", "email", "phone", "allergies", "notes", "crm_id", "no.such.field", "stays.room"]
PURPOSES = ["stay", "meals", "marketing", "marketing.email", "surveys", "resale", "enrolment", "", "nonsense"]


@hypothesis.given(
    service=st.sampled_from(["front-desk", "kitchen", "mailer", "broker", "web-shop", "kiosk"]),
    purpose=st.sampled_from(PURPOSES),
    fields=st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True),
    look=st.sampled_from(["email", "phone", "crm_id", "pairwise"]),
    how=st.sampled_from(["fetch", "fetch_many", "history", "find"]),
)
@hypothesis.settings(
    max_examples=30,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
def test_whatever_is_asked(
    people: People, service: str, purpose: str, fields: list[str], look: str, how: str
) -> None:
    """Over any service, purpose, fields and way of naming: restricted, unreadable, erased and absent are one."""
    world = people.world
    calls = ask(world, service, purpose, fields)
    if how == "history":
        fields = ["stays.room"]
    named: dict[str, Any] = {}
    for name in ("restricted", "broken keys", "broken facts", "erased", "absent"):
        address = people.typed[name].value
        if look == "pairwise":
            named[name] = people.known(service).get(name, people.known(service)["never here"])
        elif look == "phone":
            named[name] = by(phone="+442079460001" if name == "restricted" else "+442079469999")
        else:
            named[name] = by(**{look: address})
    watch(world, calls(named["absent"])[how])
    assert_alike({name: watch(world, calls(who)[how]) for name, who in named.items()})


def writes(world: World, service: str, purpose: str) -> Callable[[Any], dict[str, Callable[[], object]]]:
    session = world.service(service)
    stay = {"arrived": "2024-05-01", "booking": "B9", "room": "9"}
    return lambda who: {
        "put": lambda: session.put(who, {"given_name": "Eve"}, purpose=purpose),
        "put unknown": lambda: session.put(who, {"given_name": "Eve", "no.such": 1}, purpose=purpose),
        "record": lambda: session.record(who, "stays", stay, purpose=purpose),
    }


@pytest.mark.parametrize("how", ["put", "put unknown", "record"])
@pytest.mark.parametrize(
    "service, purpose",
    [("mailer", "meals"), ("mailer", ""), ("mailer", "resale"), ("kitchen", "nonsense"), ("broker", "stay")],
)
def test_refused_writes(people: People, how: str, service: str, purpose: str) -> None:
    """A write that policy refuses says the same about everybody and nobody."""
    world = people.world
    calls = writes(world, service, purpose)
    watch(world, calls(people.typed["absent"])[how])
    assert_alike({name: watch(world, calls(who)[how]) for name, who in people.typed.items()})
    assert_alike({name: watch(world, calls(who)[how]) for name, who in people.known(service).items()})


@pytest.mark.parametrize("how", ["put", "record"])
def test_writes_about_nobody(people: People, how: str) -> None:
    """A write that is permitted, about people who are not here or do not open, is refused alike.

    So is a put about the restricted. A record about them is stored: see SECURITY.md.
    """
    world = people.world
    calls = writes(world, "front-desk", "stay")
    gone = ["erased", "broken keys", "broken facts", *(["restricted"] if how == "put" else [])]
    watch(world, calls(people.typed["absent"])[how])
    assert_alike({name: watch(world, calls(people.typed[name])[how]) for name in ("absent", "erased", *gone)})
    known = people.known("front-desk")
    names = [*gone, "never here", "of another service", "forged", "altered"]
    assert_alike({name: watch(world, calls(known[name])[how]) for name in names})


def test_an_address_for_an_id_is_a_mistake_whoever_has_it(people: People) -> None:
    """Somebody's address, and nobody's: the same words, no statement, no entry."""
    world = people.world
    desk = world.service("front-desk")
    world.vault.parts.store.sequence()
    before, seen = world.vault.parts.store.log.size(), set[tuple[str, str]]()
    with counted(world.vault.parts.store) as statements:
        for name in ("no choice", "restricted", "erased", "absent"):
            address = people.typed[name].value
            with pytest.raises(privet.errors.InvalidInput) as caught:
                desk.fetch(address, purpose="stay", fields=["given_name"])
            assert address not in repr(caught.value)
            seen.add((str(caught.value), repr(caught.value)))
    assert len(seen) == 1
    assert not statements
    world.vault.parts.store.sequence()
    assert world.vault.parts.store.log.size() == before


def test_a_clash_is_a_bad_value(people: People) -> None:
    """A look-up value of somebody else, and one that is none at all, get the same words from a service without find."""
    world = people.world
    kiosk = world.service("kiosk")
    taken = people.typed["restricted"].value
    seen: set[tuple[str, str, str | None]] = set()
    for address in (taken, "no address", "no@address@at.all"):
        with pytest.raises(privet.errors.InvalidInput) as caught:
            kiosk.put(by(crm_id=f"new-{len(seen)}-{address}"), {"email": address}, purpose="enrolment")
        seen.add((str(caught.value), repr(caught.value).replace(address, ""), caught.value.field))
    assert len(seen) == 1


def test_a_batch_of_many_tells_nothing(people: People) -> None:
    """A hundred absent people and a hundred in every hidden state: same answers, statements, leaves and lengths."""
    world = people.world
    mailer = world.service("mailer")
    absent = [by(email=f"absent{number}@example.org") for number in range(40)]
    mixed = (list(people.typed.values()) * 10)[:40]

    def many(subjects: list[By]) -> Callable[[], object]:
        return lambda: mailer.fetch_many(subjects, purpose="marketing.email", fields=["email"])

    watch(world, many(absent))
    first, second = watch(world, many(absent)), watch(world, many(mixed))
    assert first.answer == second.answer
    assert first.leaves == second.leaves
    assert len(first.statements) == len(second.statements)
