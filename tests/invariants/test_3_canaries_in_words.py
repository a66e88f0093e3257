"""Invariant 3: plaintext, keys and raw identifiers in no log line, exception or repr."""

import contextlib
import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from privet.errors import PrivetError
from privet.intake.pipeline import Intake
from privet.release import pipeline
from privet.release.logging import Logging
from privet.store.unit import Unit
from tests.invariants.canaries import PERSON, PURPOSE, VALUES, assert_clean, enrol, needles
from tests.invariants.canary_calls import attempts, chain, live, raised
from tests.invariants.conftest import Make
from tests.invariants.world import Place, World


@pytest.fixture
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any library would log, at its most talkative."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_errors_say_nothing(
    shared: World, listening: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """No error's words, repr, arguments or traceback, no log line, no output has a canary in it."""
    if not hasattr(shared, "canaries"):
        enrol(shared)
        shared.canaries = True  # type: ignore[attr-defined]
    wanted = needles(shared, PURPOSE)
    for number, error in enumerate(raised(attempts(shared))):
        for link in chain(error):
            printed = "".join(traceback.format_exception_only(link))
            said = {key: value for key, value in vars(link).items() if key != "withheld"}
            text = f"{link} {link!r} {link.args!r} {said!r}"
            assert_clean(f"attempt {number}: {type(link).__name__}", printed + text, wanted)
    assert_clean("a log line", listening.text, wanted)
    out, err = capfd.readouterr()
    assert_clean("output", out + err, wanted)


def test_broken_rows_say_nothing(
    place: Place, listening: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Damage in every column of her row, her records and her ledger: the errors name no value and no key."""
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        enrol(world)
        me = vault.customer(PERSON)
        me.consent("meals")
        wanted = needles(world)
        subject = bytes(world.subject(PERSON))
        damaged = [("subject", "fields"), ("record", "fields"), ("consent", "sealed")]
        damaged += [("subject", "facts"), ("subject", "keys")]
        errors: list[Exception] = []
        for table, column in damaged:
            (before,) = place.execute(f"SELECT {column} FROM {table} WHERE subject = :of", of=subject)[0]
            before = bytes(before)
            for broken in (before[:-1] + bytes([before[-1] ^ 1]), before[:7], b"", b"x" * 60):
                place.execute(f"UPDATE {table} SET {column} = :v WHERE subject = :of", v=broken, of=subject)
                calls: list[Callable[[], object]] = [
                    lambda: world.service("front-desk").fetch(
                        PERSON, purpose="stay", fields=["given_name", "email"]
                    ),
                    lambda: world.service("front-desk").history(
                        PERSON, "stays", purpose="stay", fields=["room"]
                    ),
                    lambda: world.service("front-desk").put(
                        PERSON, {"notes": VALUES["notes"]}, purpose="stay"
                    ),
                    me.profile,
                    me.consents,
                    lambda: me.correct({"notes": "canary note again"}),
                ]
                for call in calls:
                    try:
                        call()
                    except PrivetError as failure:
                        errors.append(failure)
            place.execute(f"UPDATE {table} SET {column} = :v WHERE subject = :of", v=before, of=subject)
        assert len(errors) > 40
        for error in errors:
            for link in chain(error):
                assert_clean(type(link).__name__, f"{link} {link!r} {vars(link)!r}", wanted)
    assert_clean("a log line", listening.text, wanted)
    assert_clean("output", "".join(capfd.readouterr()), wanted)


@cache
def is_ours(kind: type) -> bool:
    return str(kind.__module__).startswith("privet.") and not issubclass(kind, type)


def shown(seen: dict[str, set[str]]) -> None:
    """Adds the repr of every living object of ours, by class."""
    for thing in gc.get_objects():
        kind: Any = type(thing)
        if is_ours(kind):
            with contextlib.suppress(AttributeError, ReferenceError):  # half made, or going
                seen.setdefault(kind.__qualname__, set()).add(repr(thing))


@pytest.fixture
def _alone() -> Iterator[None]:
    """What stood before this test is not looked at in every act, only at the end of all: it may be much."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_alone")
def test_no_object_shows_what_it_holds(
    world: World, monkeypatch: pytest.MonkeyPatch, listening: pytest.LogCaptureFixture
) -> None:
    """In the middle of every act, and after: the repr of no object of ours shows a value or a key."""
    seen: dict[str, set[str]] = {}

    def watched(owner: type, name: str) -> None:
        real = getattr(owner, name)

        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            shown(seen)
            result = real(self, *arguments, **named)
            shown(seen)
            return result

        monkeypatch.setattr(owner, name, call)

    monkeypatch.setattr(pipeline, "STALE_SECONDS", 600.0)  # looking at everything takes seconds, in the batch
    watched(Logging, "append")
    watched(Intake, "finish")
    watched(Unit, "swap_facts")
    watched(Unit, "swap_fields")
    enrol(world)
    made = live(world)
    gc.unfreeze()
    shown(seen)
    wanted = needles(world)
    kinds = set(seen)
    assert {"OpenedRead", "MinimisedRead", "Working", "WriteRequest", "SubjectRow", "View", "Parts"} <= kinds
    assert {"SubjectKeys", "FileKeyring", "KeyMaterial", "Profile", "Corrected", "By"} <= kinds
    for kind, texts in seen.items():
        assert_clean(f"repr of {kind}", "\n".join(texts), wanted)
    for thing in made:
        if not isinstance(thing, str | dict):
            assert_clean(f"repr of {type(thing).__name__}", repr(thing), wanted)
            assert_clean(f"str of {type(thing).__name__}", str(thing), wanted)
    assert_clean("a log line", listening.text, wanted)


@pytest.mark.postgres
def test_a_database_password_is_nowhere(
    make_place: Make, listening: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """A server that refuses or is gone: the password and the URL are in no error and in no repr."""
    place = make_place("postgresql")
    server = request.getfixturevalue("postgres_server")
    wanted = {server._password.encode(): "the database password", b"s3cret-canary": "a wrong password"}
    settings = place.directory / "privet.toml"
    text = settings.read_text()
    with place.open() as vault:
        for thing in (vault, vault.parts, vault.parts.settings, vault.parts.store):
            assert_clean(f"repr of {type(thing).__name__}", repr(thing), wanted)
    for wrong in (
        text.replace(server._password, "s3cret-canary"),
        text.replace(f":{server.port}/", ":1/"),
        text.replace("127.0.0.1", "no-such-host.invalid"),
    ):
        assert wrong != text
        settings.write_text(wrong)
        with pytest.raises(PrivetError) as caught:
            place.open()
        for link in chain(caught.value):
            assert_clean(type(link).__name__, f"{link} {link!r} {vars(link)!r}", wanted)
    assert_clean("a log line", listening.text, wanted)
