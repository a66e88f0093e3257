"""Invariant 3: plaintext, keys and raw identifiers in no log line, exception, repr, URL, file, index or leaf.

Every value that goes in is a canary; then everything that came out is searched for it, in every form that a careless
line of code would give it: as it is, quoted, in UTF-16, hexadecimal, base64, or as a plain hash.
"""

import base64
import contextlib
import gc
import hashlib
import json
import logging
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.vault import Vault
from privet.domain.request import By, by
from privet.errors import PrivetError
from privet.intake.pipeline import Intake
from privet.release import pipeline
from privet.release.logging import Logging
from privet.store.unit import Unit
from tests.invariants.conftest import Make
from tests.invariants.world import PASSPHRASE, Place, World

VALUES = {
    "given_name": "Canarína Gelbvogel",
    "email": "canary.bird@cage-eleven.example",
    "phone": "+442079460917",
    "crm_id": "CRM/canary/55081",
    "notes": "the canary sings at dawn, says Gelbvogel",
    "allergies": ["canaryseed", "feathers-of-canaries"],
}
STAY = {"arrived": "2021-11-17", "booking": "BOOK-canary-7", "room": "canary suite 44"}
OTHER = "another.canary@cage-twelve.example"
WORDS = [
    *(value for value in VALUES.values() if isinstance(value, str)),
    *VALUES["allergies"],
    STAY["booking"], STAY["room"], OTHER, PASSPHRASE, "Gelbvogel", "cage-eleven", "2079460917",
]  # fmt: skip
PERSON = by(email=str(VALUES["email"]))
PURPOSE = "for canarina@cage-thirteen.example"
"""A person where a purpose should stand: told to nobody and in no file in clear. (What was asked is kept in memory.)"""


def forms(secret: str | bytes) -> Iterator[bytes]:
    """How a secret could stand in a text or a file."""
    raw = secret.encode() if isinstance(secret, str) else secret
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield repr(raw)[2:-1].encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for lead in range(3):
            # Whatever stands before it: the part of the base64 text that only the secret decides.
            yield encode(bytes(lead) + raw)[(0, 2, 3)[lead] : -4]
    if isinstance(secret, str):
        yield secret.encode("utf-16-le")
        yield json.dumps(secret)[1:-1].encode()
        yield secret.upper().encode()
        yield secret.lower().encode()
        for spelling in (secret, secret.lower()):
            for name in ("md5", "sha1", "sha256"):
                digest = hashlib.new(name, spelling.encode())
                yield digest.digest()
                yield digest.hexdigest().encode()


def needles(world: World, *more: str | bytes) -> dict[bytes, str]:
    """Every form of every secret of this vault, to what it is."""
    material = world.vault.parts.keyring._material  # type: ignore[attr-defined]
    keys: dict[str, bytes] = {"root": material._root, "seed": material._seed}
    keys |= {f"KEK {epoch}": kek for epoch, kek in material._keks.items()}
    found = {form: word for word in (*WORDS, *more) for form in forms(word) if len(form) >= 8}
    found |= {form: name for name, key in keys.items() for form in forms(key)}
    return found


def assert_clean(where: str, data: bytes | str, wanted: dict[bytes, str]) -> None:
    hay = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    for needle, what in wanted.items():
        if needle in hay:
            at = hay.index(needle)
            pytest.fail(f"{where} shows {what!r}: …{hay[max(0, at - 80) : at + 80]!r}…")


@pytest.fixture
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any library would log, at its most talkative."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def enrol(world: World) -> By:
    world.service("web-shop").put(PERSON, VALUES, purpose="enrolment")
    world.service("front-desk").record(PERSON, "stays", STAY, purpose="stay")
    world.service("web-shop").put(by(email=OTHER), {"given_name": "Other"}, purpose="enrolment")
    return PERSON


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
        yield lambda field=field, value=value: shop.put(PERSON, {field: value}, purpose="enrolment")
        yield lambda field=field, value=value: me.correct({field: value})
        yield lambda field=field, value=value: shop.put(by(email=OTHER), {field: value}, purpose=PURPOSE)
    for field in ("email", "phone", "crm_id"):
        for value in ("canary.bird@", "CRM/canary/55081\ud800", "+44 canary 2079460917", ""):
            yield lambda f=field, v=value: desk.fetch(by(**{f: v}), purpose="stay", fields=["given_name"])
            yield lambda f=field, v=value: vault.customer(by(**{f: v}))
    yield lambda: shop.put(by(email=OTHER), {"crm_id": VALUES["crm_id"]}, purpose="enrolment")
    yield lambda: kiosk.put(by(crm_id="K1"), {"email": email}, purpose="enrolment")
    yield lambda: shop.put(by(email="x@cage-eleven.example"), {"email": email}, purpose="enrolment")
    yield lambda: shop.put(PERSON, {}, purpose="enrolment")
    yield lambda: shop.put(PERSON, email, purpose="enrolment")  # type: ignore[arg-type]
    yield lambda: desk.record(PERSON, "stays", {**STAY, "arrived": f"{name} 2021"}, purpose="stay")
    yield lambda: desk.record(PERSON, email, STAY, purpose="stay")
    yield lambda: desk.record(PERSON, "stays", {"room": name}, purpose="stay")
    for subject in (email, name, "pw1_canary.bird@cage-eleven.example", email * 10, email.encode(), None):
        yield lambda s=subject: desk.fetch(s, purpose="stay", fields=["given_name"])
    for purpose in ("marketing.email", "resale", "meals", PURPOSE):
        yield lambda p=purpose: mailer.fetch(PERSON, purpose=p, fields=["allergies", "phone"])
        yield lambda p=purpose: mailer.fetch(PERSON, purpose=p, fields=["given_name\ud800"])
        yield lambda p=purpose: me.consent(p if p == PURPOSE else "resale")
        yield lambda p=purpose: me.object(p if p == PURPOSE else "accounts")
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


def raised(calls: Iterable[Callable[[], object]]) -> list[Exception]:
    errors: list[Exception] = []
    for number, call in enumerate(calls):
        try:
            call()
        except (PrivetError, KeyError) as error:
            errors.append(error)
        else:
            pytest.fail(f"attempt {number} (line {call.__code__.co_firstlineno}) was meant to fail")
    return errors


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


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
                    except PrivetError as error:
                        errors.append(error)
            place.execute(f"UPDATE {table} SET {column} = :v WHERE subject = :of", v=before, of=subject)
        assert len(errors) > 40
        for error in errors:
            for link in chain(error):
                assert_clean(type(link).__name__, f"{link} {link!r} {vars(link)!r}", wanted)
    assert_clean("a log line", listening.text, wanted)
    assert_clean("output", "".join(capfd.readouterr()), wanted)


def shown(seen: dict[str, str]) -> None:
    """Adds the repr of every living object of ours, by class."""
    for thing in gc.get_objects():
        kind = type(thing)
        if str(kind.__module__).startswith("privet.") and not isinstance(thing, type):
            with contextlib.suppress(AttributeError, ReferenceError):  # half made, or going
                text = repr(thing)
                if text not in seen.get(kind.__qualname__, ""):
                    seen[kind.__qualname__] = seen.get(kind.__qualname__, "") + text + "\n"


def test_no_object_shows_what_it_holds(
    world: World, monkeypatch: pytest.MonkeyPatch, listening: pytest.LogCaptureFixture
) -> None:
    """In the middle of every act, and after: the repr of no object of ours shows a value or a key."""
    seen: dict[str, str] = {}

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
    shown(seen)
    wanted = needles(world)
    kinds = set(seen)
    assert {"OpenedRead", "MinimisedRead", "Working", "WriteRequest", "SubjectRow", "View", "Parts"} <= kinds
    assert {"SubjectKeys", "FileKeyring", "KeyMaterial", "Profile", "Corrected", "By"} <= kinds
    for kind, text in seen.items():
        assert_clean(f"repr of {kind}", text, wanted)
    for thing in made:
        if not isinstance(thing, str | dict):
            assert_clean(f"repr of {type(thing).__name__}", repr(thing), wanted)
            assert_clean(f"str of {type(thing).__name__}", str(thing), wanted)
    assert_clean("a log line", listening.text, wanted)


def test_no_subject_id_reaches_a_service(shared: World) -> None:
    """Nothing that a service gets has the vault's own id of a person in it, raw, in hexadecimal or in base64."""
    who = shared.guest()
    shared.service("front-desk").record(who, "stays", STAY, purpose="stay")
    subject = bytes(shared.subject(who))
    wanted = dict.fromkeys(forms(subject), "a subject id")
    desk = shared.service("front-desk")
    view = desk.fetch(who, purpose="stay", fields=["given_name", "allergies"])
    history = desk.history(who, "stays", purpose="stay", fields=["*"])
    told = [view.subject, view.audit_id, view.revision, repr(view), repr(history), *(r.id for r in history)]
    told.append(str(desk.find(email=who.value, purpose="stay")))
    for text in told:
        assert_clean("an answer", text, wanted)


def test_the_files_hold_no_canary(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every file of the vault, its write-ahead log, its backup and the folder for temporary files, byte by byte."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        enrol(world)
        wanted = needles(world)
        live(world)
        raised(attempts(world))
        world.rotate()
        wanted |= needles(world, PURPOSE)
        vault.steward().backup(tmp_path / "backup")
        scanned = scan(place, wanted)  # while it is open, with its write-ahead log
        assert scanned > 100_000
    scan(place, wanted)
    for folder in (temporary, tmp_path / "backup"):
        for path in folder.rglob("*"):
            if path.is_file():
                assert_clean(path.name, path.read_bytes(), wanted)
    assert list(temporary.iterdir()) == []
    if place.backend == "postgresql":
        server = request.getfixturevalue("postgres_server")
        for path in server._home.rglob("*"):
            if (
                path.is_file()
                and path.stat().st_size
                and "share" not in path.parts
                and "lib" not in path.parts
            ):
                with contextlib.suppress(FileNotFoundError):
                    assert_clean(f"PostgreSQL's {path.name}", path.read_bytes(), wanted)


def scan(place: Place, wanted: dict[bytes, str]) -> int:
    size = 0
    for path in place.files():
        data = path.read_bytes()
        size += len(data)
        assert_clean(path.name, data, wanted)
        assert_clean("a file's name", str(path.relative_to(place.directory)), wanted)
    return size if place.backend == "sqlite" else 10**9


def test_the_search_would_find_it(tmp_path: Path, make_place: Make) -> None:
    """The searcher itself: a canary planted in a file is found in each of its forms."""
    place = make_place("sqlite")
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        wanted = needles(world)
        kek = vault.parts.keyring._material._keks[1]  # type: ignore[attr-defined]
    email = PERSON.value
    planted = [
        email.encode(), email.upper().encode(), email.encode("utf-16-le"), base64.b64encode(b"x" + email.encode()),
        hashlib.sha256(email.encode()).digest(), kek, kek.hex().encode(), base64.b64encode(b"ab" + kek),
    ]  # fmt: skip
    for data in planted:
        (place.directory / "planted").write_bytes(b"\x00\xff" * 9 + data + b"\x00")
        with pytest.raises(pytest.fail.Exception):
            scan(place, wanted)


def test_leaves_and_indexes(shared: World) -> None:
    """No leaf names a person, not even by the vault's own id, and equal values leave nothing equal behind."""
    who = shared.guest(given_name="Canarína Gelbvogel")
    twin = shared.guest(given_name="Canarína Gelbvogel", phone="+442079460917")
    shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    subject = bytes(shared.subject(who))
    wanted = needles(shared) | dict.fromkeys(forms(subject), "a subject id")
    for entry in shared.log():
        assert_clean("a leaf", entry.leaf, wanted)
        assert_clean("a sealed part", entry.sealed, wanted)
        assert_clean("a reference", (entry.tag or b"") + (entry.ref or b""), wanted)
    rows = shared.place.execute("SELECT value FROM lookup")
    assert rows
    for (value,) in rows:
        assert len(bytes(value)) == 32
        assert_clean("an index", bytes(value), wanted)
    other = bytes(shared.subject(twin))
    with shared.vault.parts.store.read() as unit:
        packed = [unit.find_rows((of,))[of].fields for of in (subject, other)]  # type: ignore[index, arg-type]
    assert not set(chunks(packed[0])) & set(chunks(packed[1]))


def test_indexes_die_with_their_epoch(world: World) -> None:
    """An index is no hash that anybody could make again: after a rotation every one of them is another."""
    enrol(world)
    before = {bytes(value) for (value,) in world.place.execute("SELECT value FROM lookup")}
    world.rotate()
    after = {bytes(value) for (value,) in world.place.execute("SELECT value FROM lookup")}
    assert len(before) == len(after) == 4
    assert not before & after
    assert world.service("front-desk").find(email=PERSON.value, purpose="stay")


def chunks(packed: bytes) -> Iterator[bytes]:
    """Sixteen bytes at every place, but for the packed form's own numbers and lengths."""
    from privet.crypto.fields import parse_packed

    for entry in parse_packed(packed):
        for at in range(len(entry[4]) - 15):
            yield entry[4][at : at + 16]


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
