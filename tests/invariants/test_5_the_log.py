"""Invariant 5: the log does not shrink, fork or reorder without the verifier saying where."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from privet.audit.damage import FsckReport
from privet.audit.leaf import parse_leaf
from privet.audit.merkle import Frontier, leaf_hash
from privet.audit.tiles import WIDTH
from privet.bootstrap.verifying import read_verifier_key, verify_store
from privet.config.settings import load_settings
from privet.domain.ids import WorkerId
from privet.errors import IntegrityError, PrivetError, RestoreNeeded
from privet.store import tables
from privet.store.opening import open_store
from tests.invariants.conftest import Make
from tests.invariants.world import Place, World

ENTRIES = WIDTH + 60
"""More than one full tile, so that both stored hashes and bare leaves are looked at."""
POSITIONS = [0, 7, WIDTH - 1, WIDTH, ENTRIES - 1]


@pytest.fixture(scope="module")
def logged(shared: World) -> World:
    """A vault with a log of ENTRIES entries, witnessed once in the middle and at its end."""
    who = shared.guest()
    desk = shared.service("front-desk")
    parts = shared.vault.parts
    signing = parts.checkpointer._checkpointer
    signing._every, signing._next = 2**63, 2**62
    while (size := len(shared.log())) < ENTRIES:
        if size == 100 or size == 1:
            parts.checkpointer.sign()
        count = min(ENTRIES, 100 if size < 100 else ENTRIES) - size
        desk.fetch_many([who] * count, purpose="stay", fields=["given_name"])
    parts.checkpointer.sign()
    assert len(shared.log()) == ENTRIES
    assert verify(shared.place).ok
    return shared


def verify(place: Place) -> FsckReport:
    """As `privet audit verify`: settings and the public key, no passphrase."""
    settings = load_settings(place.directory)
    store = open_store(
        settings.database_url,
        worker=WorkerId(bytes(16)),
        origin="",
        clock=lambda: None,  # type: ignore[arg-type, return-value]
        randomness=bytes,
    )
    try:
        return verify_store(store, settings, read_verifier_key(settings))
    finally:
        store.close()


COLUMNS = [column.name for column in tables.entry.columns]
ID, LEAF = COLUMNS.index("id"), COLUMNS.index("leaf")
UNVERIFIED = {"pos", "tag", "ref"}
"""`pos` is what is moved; the other two go at erasure, so no proof rests on them."""


def rows(place: Place, where: str) -> list[Any]:
    return place.execute(f"SELECT {', '.join(COLUMNS)} FROM entry WHERE {where} ORDER BY pos")


def put(place: Place, *added: Any) -> None:
    many: list[dict[str, object]] = [
        {n: v if isinstance(v, int | None) else bytes(v) for n, v in zip(COLUMNS, row, strict=True)}
        for row in added
    ]
    named = ", ".join(f":{name}" for name in COLUMNS)
    place.execute(f"INSERT INTO entry ({', '.join(COLUMNS)}) VALUES ({named})", *many)


@contextmanager
def tampered(place: Place, where: str) -> Iterator[list[Any]]:
    """The rows of the log that the test will alter; afterwards all is as it was."""
    before = rows(place, where)
    try:
        yield before
    finally:
        gone: list[dict[str, object]] = [{"pos": row[0], "id": bytes(row[ID])} for row in before]
        place.execute("DELETE FROM entry WHERE pos = :pos OR id = :id", *gone)
        put(place, *before)
        assert verify(place).ok


def names(report: FsckReport, position: int) -> bool:
    """Whether a finding covers this position, without just naming everything."""
    return any(
        damage.first is not None
        and damage.last is not None
        and damage.first <= position <= damage.last
        and damage.last - damage.first < WIDTH
        for damage in report.damages
    )


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in UNVERIFIED])
@pytest.mark.parametrize("change", ["flipped", "cut", "emptied", "another's"])
def test_an_altered_column(logged: World, position: int, column: str, change: str) -> None:
    """One byte, the end, all of it, or the neighbour's: the verifier names the entry."""
    place = logged.place
    with tampered(place, f"pos = {position}") as (row,):
        value = bytes(row[COLUMNS.index(column)])
        neighbour = (position + 1) % ENTRIES
        other = bytes(place.execute(f"SELECT {column} FROM entry WHERE pos = {neighbour}")[0][0])
        new = {
            "flipped": value[:-2] + bytes([value[-2] ^ 1]) + value[-1:],
            "cut": value[:-1],
            "emptied": b"",
            "another's": other,
        }[change]
        place.execute(f"UPDATE entry SET {column} = :v WHERE pos = :pos", v=new, pos=position)
        report = verify(place)
        assert not report.ok
        assert names(report, position), [str(damage) for damage in report.damages]


def test_a_leaf_that_says_something_else(logged: World) -> None:
    """A refusal edited into a release, a service into another: in valid, canonical JSON, and named all the same."""
    place = logged.place
    for old, new in ((b'"permit"', b'"refuse"'), (b'"front-desk"', b'"front-disk"'), (b'"n":1', b'"n":2')):
        with tampered(place, "pos = 30") as (row,):
            leaf = bytes(row[LEAF]).replace(old, new)
            assert leaf != bytes(row[LEAF])
            parse_leaf(leaf)
            place.execute("UPDATE entry SET leaf = :v WHERE pos = 30", v=leaf)
            report = verify(place)
            assert report.first is not None
            assert (report.first.first, report.first.last) == (30, 30)


@pytest.mark.parametrize("pair", [(3, 4), (10, 200), (WIDTH - 1, WIDTH), (20, ENTRIES - 1)])
def test_two_entries_change_places(logged: World, pair: tuple[int, int]) -> None:
    """Reordered entries are named: both where both stand under stored hashes, else the one that does."""
    place = logged.place
    first, second = pair
    with tampered(place, f"pos IN ({first}, {second})"):
        place.execute("UPDATE entry SET pos = -1 WHERE pos = :p", p=first)
        place.execute("UPDATE entry SET pos = :q WHERE pos = :p", p=second, q=first)
        place.execute("UPDATE entry SET pos = :q WHERE pos = -1", q=second)
        report = verify(place)
        assert names(report, first)
        assert names(report, second) or second >= WIDTH


@pytest.mark.parametrize("position", POSITIONS)
def test_an_entry_is_gone(logged: World, position: int) -> None:
    """A deleted entry is missed at its place."""
    place = logged.place
    with tampered(place, f"pos = {position}"):
        place.execute("DELETE FROM entry WHERE pos = :p", p=position)
        report = verify(place)
        assert not report.ok
        if position == ENTRIES - 1:  # then it is the log that is too short
            assert "tells of 316 entries" in str(report.first) or names(report, position)
        else:
            assert names(report, position), [str(damage) for damage in report.damages]


@pytest.mark.parametrize("position", [5, WIDTH + 5])
def test_the_rest_moves_up(logged: World, position: int) -> None:
    """An entry deleted and all later ones moved up, so that no gap shows: the verifier says from where on."""
    place = logged.place
    with tampered(place, f"pos >= {position}"):
        place.execute("DELETE FROM entry WHERE pos = :p", p=position)
        place.execute("UPDATE entry SET pos = -pos WHERE pos > :p", p=position)
        place.execute("UPDATE entry SET pos = -pos - 1 WHERE pos < 0")
        report = verify(place)
        assert not report.ok
        if position < WIDTH:
            assert report.first is not None
            assert report.first.first in range(position, position + 2)
        else:  # behind the last full tile nothing but checkpoints tells: the last one that holds says from where on
            assert report.proven <= position


def test_an_entry_too_many(logged: World) -> None:
    """A replayed entry at the end, or a made-up one, is named."""
    place = logged.place
    (old,) = rows(place, "pos = 40")
    (end,) = place.execute("SELECT max(pos) + 1 FROM entry")[0]
    put(place, (end, *old[1:]))
    try:
        report = verify(place)
        assert names(report, end), [str(damage) for damage in report.damages]
    finally:
        place.execute("DELETE FROM entry WHERE pos = :p", p=end)
    assert verify(place).ok


def test_a_tile_is_altered(logged: World) -> None:
    """Stored hashes that lie are named, and the entries are said to be sound."""
    place = logged.place
    (hashes,) = place.execute("SELECT hashes FROM tile WHERE level = 0 AND n = 0")[0]
    hashes = bytes(hashes)
    broken = hashes[:32] + bytes([hashes[32] ^ 1]) + hashes[33:]
    place.execute("UPDATE tile SET hashes = :v WHERE level = 0 AND n = 0", v=broken)
    try:
        report = verify(place)
        assert not report.ok
        assert {str(damage.fault) for damage in report.damages} <= {"hash", "range"}
        assert names(report, 1), [str(damage) for damage in report.damages]
    finally:
        place.execute("UPDATE tile SET hashes = :v WHERE level = 0 AND n = 0", v=hashes)
    assert verify(place).ok


def test_checkpoints_and_anchors_are_altered(logged: World) -> None:
    """A stored checkpoint or an anchor with one letter changed is named for what it is."""
    place = logged.place
    stored = place.execute("SELECT size, note FROM checkpoint")
    assert len(stored) >= 2
    for size, note in stored:
        lines = note.split("\n")
        for line in (1, 2, -2):
            changed = lines.copy()
            changed[line] = (
                changed[line][:-6] + ("A" if changed[line][-6:-5] != "A" else "B") + changed[line][-5:]
            )
            if line == 1:
                changed[line] = str(size + 1)
            place.execute("UPDATE checkpoint SET note = :n WHERE size = :s", n="\n".join(changed), s=size)
            assert not verify(place).ok
        place.execute("UPDATE checkpoint SET note = :n WHERE size = :s", n=note, s=size)
    anchor = place.directory / "anchors" / "latest"
    kept = anchor.read_bytes()
    anchor.write_bytes(kept.replace(b"\n\n", b"\nA\n\n", 1))
    assert not verify(place).ok
    anchor.write_bytes(kept)
    assert verify(place).ok


def test_references_are_bound_to_their_entry(logged: World) -> None:
    """Whose entry it is cannot be edited unseen: a moved or altered reference makes the officer's query name it."""
    place = logged.place
    before = len(logged.log())
    for value in ("swapped", "flipped"):
        with logged_row(place, 30) as ref:
            (foreign,) = place.execute("SELECT ref FROM entry WHERE pos = 31")[0]
            new = bytes(foreign) if value == "swapped" else bytes([ref[0] ^ 1]) + ref[1:]
            place.execute("UPDATE entry SET ref = :v WHERE pos = 30", v=new)
            with pytest.raises(IntegrityError, match="entry 30"):
                logged.vault.officer("ana").audit.query()
    assert len(logged.log()) == before + 2  # the queries themselves


@contextmanager
def logged_row(place: Place, position: int) -> Iterator[bytes]:
    (ref,) = place.execute("SELECT ref FROM entry WHERE pos = :p", p=position)[0]
    try:
        yield bytes(ref)
    finally:
        place.execute("UPDATE entry SET ref = :v WHERE pos = :p", v=bytes(ref), p=position)


def grown(place: Place, reads: int) -> Any:
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=None)  # type: ignore[arg-type]
        who = world.guest()
        vault.service("front-desk").fetch_many([who] * reads, purpose="stay", fields=["given_name"])
    return who


def shrink(place: Place, size: int) -> None:
    """As somebody would who has all of the database, but neither the keys nor the anchors."""
    kept = rows(place, f"pos < {size}")
    frontier = Frontier()
    frontier.extend(leaf_hash(bytes(row[LEAF])) for row in kept)
    place.execute("DELETE FROM entry WHERE pos >= :s", s=size)
    place.execute("DELETE FROM checkpoint WHERE size > :s", s=size)
    place.execute("DELETE FROM tile WHERE (n + 1) * 256 > :s", s=size)
    if place.backend == "postgresql":
        place.execute(
            "UPDATE head SET size = :s, root = :r, frontier = :f",
            s=size, r=frontier.root(), f=frontier.to_bytes(),
        )  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 9])
def test_a_shortened_log(place: Place, size: int) -> None:
    """The end cut off, with everything in the database made to fit: refused at open, and the verifier says so."""
    grown(place, 20)
    shrink(place, size)
    with pytest.raises(RestoreNeeded):
        place.open()
    report = verify(place)
    assert not report.ok
    assert report.size == size


def test_a_forked_log(place: Place) -> None:
    """The last entries rewritten and everything in the database made to fit: refused at open, and named."""
    grown(place, 20)
    total = len(rows(place, "true"))
    after = rows(place, f"pos >= {total - 5}")
    shrink(place, total - 5)
    for row in after:
        leaf = bytes(row[LEAF]).replace(b'"front-desk"', b'"front-disk"')
        changed = dict(zip(COLUMNS, row, strict=True)) | {"leaf": leaf}
        if "hash" in changed:
            changed["hash"] = leaf_hash(leaf)
        put(place, tuple(changed.values()))
    if place.backend == "postgresql":
        frontier = Frontier()
        frontier.extend(leaf_hash(bytes(row[LEAF])) for row in rows(place, "true"))
        place.execute(
            "UPDATE head SET size = :s, root = :r, frontier = :f",
            s=total, r=frontier.root(), f=frontier.to_bytes(),
        )  # fmt: skip
    with pytest.raises(PrivetError) as caught:
        place.open()
    assert isinstance(caught.value, IntegrityError | RestoreNeeded)
    report = verify(place)
    assert not report.ok
    assert any("anchor" in str(damage.fault) or damage.first is not None for damage in report.damages)


def test_an_older_copy_of_the_whole_database(make_place: Make) -> None:
    """A copy from before, put back whole, is refused at open: its log is shorter than what was witnessed."""
    place = make_place("sqlite")
    who = grown(place, 3)
    older = place.directory.parent / "older.db"
    shutil.copy(place.directory / "vault.db", older)
    with place.open() as vault:
        vault.customer(who).consent("marketing.email")
        vault.customer(who).withdraw("marketing.email")
    shutil.copy(older, place.directory / "vault.db")
    with pytest.raises(RestoreNeeded):
        place.open()
    assert not verify(place).ok


def test_an_open_vault_whose_database_is_swapped(make_place: Make) -> None:
    """Anchors never go back: what a vault signs over an older copy is refused by them."""
    place = make_place("sqlite")
    who = grown(place, 3)
    older = place.directory.parent / "older.db"
    shutil.copy(place.directory / "vault.db", older)
    with place.open() as vault:
        vault.service("front-desk").fetch_many([who] * 9, purpose="stay", fields=["given_name"])
    anchor = (place.directory / "anchors" / "latest").read_bytes()
    shutil.copy(older, place.directory / "vault.db")
    with pytest.raises(RestoreNeeded):
        place.open()
    assert (place.directory / "anchors" / "latest").read_bytes() == anchor


@pytest.mark.parametrize("damage", ["missing", "foreign", "altered"])
def test_anchors_cannot_be_made_to_fit(make_place: Make, damage: str) -> None:
    """An anchor by another key, or altered, and none where there was one, does not open the vault."""
    place = make_place("sqlite")
    grown(place, 3)
    file = place.directory / "anchors" / "latest"
    if damage == "missing":
        file.unlink()
    elif damage == "foreign":
        other = make_place("sqlite")
        with other.open() as vault:
            vault.parts.checkpointer.sign()
        note = (other.directory / "anchors" / "latest").read_bytes()
        file.write_bytes(note[:-9] + b"AAAAAAAA\n")
    else:
        lines = file.read_bytes().split(b"\n")
        lines[1] = b"1"
        file.write_bytes(b"\n".join(lines))
    with pytest.raises(IntegrityError):
        place.open()


def test_the_verifier_is_what_an_officer_runs(place: Place) -> None:
    """The officer's own verification finds the same, says the entry, and is itself logged."""
    grown(place, 5)
    with place.open() as vault:
        ana = vault.officer("ana")
        assert ana.audit.verify().ok
        size = vault.parts.store.log.size()
        place.execute("UPDATE entry SET sealed = :v WHERE pos = 3", v=b"x" * 90)
        with pytest.raises(IntegrityError, match="entry 3"):
            ana.audit.verify()
        vault.parts.store.sequence()
        log = vault.parts.store.log
        acts = [parse_leaf(entry.leaf) for entry in log.entries(size - 1, log.size())]
        assert [(leaf.act, leaf.decision.value) for leaf in acts][-2:] == [
            ("verify", "done"),
            ("verify", "failed"),
        ]
