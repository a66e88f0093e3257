"""A life with canaries in it: every session's every method, and every way to fail with one in hand."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.service import ServiceSession
from privet.bootstrap.vault import Vault
from privet.domain.request import by
from privet.errors import PrivetError
from tests.invariants.canaries import OTHER, PERSON, PURPOSE, STAY, VALUES
from tests.invariants.world import PASSPHRASE, World


def live(world: World) -> list[object]:
    """A life in the vault: every session's every method. Returns what they returned."""
    vault, desk = world.vault, world.service("front-desk")
    me, ana = vault.customer(PERSON), vault.officer("ana")
    made: list[object] = [vault, vault.parts, vault.parts.settings, desk, me, ana, ana.audit]
    paths = [*VALUES, "room.bed"]
    made.append(desk.fetch(PERSON, purpose="stay", fields=paths))
    made += desk.fetch_many([PERSON, by(email=OTHER)], purpose="stay", fields=paths)
    made.append(desk.find(email=PERSON.value, purpose="stay"))
    history = desk.history(PERSON, "stays", purpose="stay", fields=["*"])
    made += [history, history[0]]
    for purpose in ("meals", "marketing.email"):
        made.append(me.consent(purpose))
    made.append(world.service("kitchen").fetch(PERSON, purpose="meals", fields=["allergies"]))
    made.append(world.service("mailer").fetch(PERSON, purpose="marketing.email", fields=["email"]))
    profile = me.profile()
    assert profile["given_name"] == VALUES["given_name"]
    made += [profile, *profile.collections["stays"], me.accesses(), me.consents(), me.receipts()]
    corrected = me.correct({"email": "new.canary@cage-eleven.example", "notes": "the canary sings at noon"})
    made.append(corrected)
    made.append(me.withdraw("marketing.email"))
    made += [me.object("marketing"), me.unobject("marketing"), me.restrict(), me.unrestrict()]
    made.append(ana.audit.verify())
    made.append(ana.audit.query(subject=PERSON))
    made.append(PERSON)
    return made


BAD: list[tuple[str, Any]] = [
    ("given_name", 55081),
    ("given_name", ["Canarína Gelbvogel"]),
    ("given_name", "Canarína Gelbvogel\x00"),
    ("given_name", "Canarína Gelbvogel\ud800"),
    ("given_name", "Canarína Gelbvogel" * 100_000),
    ("email", "canary.bird at cage-eleven.example"),
    ("email", "canary.bird@cage-eleven.example\n"),
    ("phone", "call 2079460917 please"),
    ("allergies", "canaryseed"),
    ("allergies", ["canaryseed" * 10_000]),
    ("room.bed", "canary suite 44"),
    ("notes", {"the canary sings at dawn, says Gelbvogel": {}}),
    ("crm_id", "CRM/canary/55081\ud83d"),
]


def attempts(world: World) -> Iterable[Callable[[], object]]:
    """Calls that fail, each with a canary in hand."""
    vault, shop, desk = world.vault, world.service("web-shop"), world.service("front-desk")
    kiosk, mailer, me = world.service("kiosk"), world.service("mailer"), vault.customer(PERSON)
    email, name = PERSON.value, str(VALUES["given_name"])
    for field, value in BAD:
        yield partial(shop.put, PERSON, {field: value}, purpose="enrolment")
        yield partial(me.correct, {field: value})
        yield partial(shop.put, by(email=OTHER), {field: value}, purpose=PURPOSE)
    for field in ("email", "phone", "crm_id"):
        for word in ("canary.bird@", "CRM/canary/55081\ud800", "+44 canary 2079460917", ""):
            yield partial(_fetch_by, desk, field, word)
            yield partial(_customer_by, vault, field, word)
    yield lambda: shop.put(by(email=OTHER), {"crm_id": VALUES["crm_id"]}, purpose="enrolment")
    yield lambda: kiosk.put(by(crm_id="K1"), {"email": email}, purpose="enrolment")
    yield lambda: shop.put(by(email="x@cage-eleven.example"), {"email": email}, purpose="enrolment")
    yield lambda: shop.put(PERSON, {}, purpose="enrolment")
    yield lambda: shop.put(PERSON, email, purpose="enrolment")  # type: ignore[arg-type]
    yield lambda: desk.record(PERSON, "stays", {**STAY, "arrived": f"{name} 2021"}, purpose="stay")
    yield lambda: desk.record(PERSON, email, STAY, purpose="stay")
    yield lambda: desk.record(PERSON, "stays", {"room": name}, purpose="stay")
    for subject in (email, name, "pw1_canary.bird@cage-eleven.example", email * 10, email.encode(), None):
        yield partial(desk.fetch, subject, purpose="stay", fields=["given_name"])  # type: ignore[arg-type]
    for purpose in ("marketing.email", "resale", "meals", PURPOSE):
        yield partial(mailer.fetch, PERSON, purpose=purpose, fields=["allergies", "phone"])
        yield partial(mailer.fetch, PERSON, purpose=purpose, fields=["given_name\ud800"])
        yield partial(me.consent, purpose if purpose == PURPOSE else "resale")
        yield partial(me.object, purpose if purpose == PURPOSE else "accounts")
    yield lambda: desk.find(email=email, phone="2079460917", purpose="stay")
    yield lambda: desk.find(given_name=name, purpose="stay")
    yield lambda: desk.history(PERSON, email, purpose="stay", fields=["room"])
    yield lambda: mailer.fetch(PERSON, purpose="marketing.email", fields=["email"])["email"]
    yield lambda: vault.service(email)
    yield lambda: vault.officer(email)
    yield lambda: vault.customer(by(email="nobody.canary@cage-eleven.example"))
    yield lambda: vault.customer(email)  # type: ignore[arg-type]
    yield lambda: vault.officer("ana").audit.query(subject=by(email="nobody@cage-eleven.example"))
    yield lambda: vault.officer("ana").audit.query(subject=email)
    yield lambda: vault.officer("ana").audit.entry(email)
    yield lambda: me.confirm("email", "canary-suite-44")
    yield lambda: me.confirm(email, "1")
    yield lambda: me.export(Path("/nowhere") / "export.zip")
    yield lambda: Vault.open(world.place.directory, passphrase=PASSPHRASE + "x")
    yield lambda: Vault.open(world.place.directory / "no-vault", passphrase=PASSPHRASE)
    yield lambda: Vault.create(world.place.directory, passphrase=PASSPHRASE)


def _fetch_by(desk: ServiceSession, field: str, word: str) -> object:
    return desk.fetch(by(**{field: word}), purpose="stay", fields=["given_name"])


def _customer_by(vault: Vault, field: str, word: str) -> object:
    return vault.customer(by(**{field: word}))


def raised(calls: Iterable[Callable[[], object]]) -> list[Exception]:
    errors: list[Exception] = []
    for number, call in enumerate(calls):
        try:
            call()
        except (PrivetError, KeyError) as error:
            errors.append(error)
        else:
            pytest.fail(f"attempt {number} was meant to fail: {call}")
    return errors


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
