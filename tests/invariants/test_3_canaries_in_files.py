"""Invariant 3: plaintext, keys and raw identifiers in no file, index, leaf or answer."""

import base64
import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.invariants.canaries import (
    PERSON,
    PURPOSE,
    STAY,
    assert_clean,
    enrol,
    forms,
    needles,
)
from tests.invariants.canary_calls import attempts, live, raised
from tests.invariants.conftest import Make
from tests.invariants.world import Place, World, make_template
from tests.services.postgres import PostgresServer


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


@pytest.fixture
def began(backend: str, request: pytest.FixtureRequest) -> str:
    """The name of the segment that the server's write-ahead log had come to before the vault was made."""
    if backend == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return str(server.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")[0][0])


@pytest.fixture
def new(backend: str, began: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A closed vault that is no copy."""
    url = request.getfixturevalue("postgres_url") if backend == "postgresql" else None
    make_template(tmp_path / "vault", url)
    return Place(
        backend=backend,
        directory=tmp_path / "vault",
        url=url or f"sqlite:///{tmp_path / 'vault' / 'vault.db'}",
    )


def test_the_files_hold_no_canary(
    new: Place, began: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every file of the vault, its write-ahead log, its backup and the folder for temporary files, byte by byte."""
    place = new
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
        for path in its_files(request.getfixturevalue("postgres_server"), place, began):
            with contextlib.suppress(FileNotFoundError):
                assert_clean(f"PostgreSQL's {path.name}", path.read_bytes(), wanted)


def its_files(server: PostgresServer, place: Place, began: str) -> Iterator[Path]:
    """The cluster's files that can hold something of this vault: not another test's database, no older log."""
    data = server.home / "data"
    (oid,) = server.execute(f"SELECT oid FROM pg_database WHERE datname = '{database_of(place)}'")[0]
    found = [path for path in (*server.home.glob("*"), *data.rglob("*")) if path.is_file()]
    assert [path for path in found if path.parent == data / "base" / str(oid)]
    assert [path for path in found if path.parent == data / "pg_wal" and path.name >= began]
    for path in found:
        others = path.parent.parent == data / "base" and path.parent.name not in (str(oid), "pgsql_tmp")
        if not others and not (path.parent == data / "pg_wal" and path.name < began):
            yield path


def database_of(place: Place) -> str:
    return place.url.rpartition("/")[2]


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
