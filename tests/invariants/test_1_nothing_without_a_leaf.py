"""Invariant 1: a value is released only once its leaf is durable, and no switch turns auditing off."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import create_engine, text

import privet
from privet import errors
from privet.audit.leaf import parse_leaf
from privet.bootstrap.service import ServiceSession
from privet.bootstrap.vault import Vault
from privet.config.settings.shape import FileShape
from privet.domain.ports import EntryRow
from privet.errors import Unavailable
from privet.store.faults import FULL
from privet.store.postgresql_unit import PostgresqlUnit, PostgresqlWriting
from privet.store.sqlite_file import get_driver
from privet.store.sqlite_unit import SqliteUnit
from tests.invariants.world import World

SOURCE = Path(privet.__file__).parent
FIELDS = ["given_name", "room.bed"]

Read = Callable[[Vault, Any], object]
READS: dict[str, Read] = {
    "fetch": lambda vault, who: vault.service("front-desk").fetch(who, purpose="stay", fields=FIELDS),
    "fetch_many": lambda vault, who: vault.service("front-desk").fetch_many(
        [who, who], purpose="stay", fields=FIELDS
    ),
    "find": lambda vault, who: vault.service("front-desk").find(email=who.value, purpose="stay"),
    "history": lambda vault, who: vault.service("front-desk").history(
        who, "stays", purpose="stay", fields=["room"]
    ),
    "profile": lambda vault, who: vault.customer(who).profile(),
    "consents": lambda vault, who: vault.customer(who).consents(),
    "accesses": lambda vault, who: vault.customer(who).accesses(),
    "receipts": lambda vault, who: vault.customer(who).receipts(),
    "query": lambda vault, who: vault.officer("ana").audit.query(subject=who),
}


def guest(world: World) -> Any:
    who = world.guest(**{"room.bed": "king"})
    world.service("front-desk").record(
        who, "stays", {"arrived": "2024-05-01", "booking": "B1", "room": "12"}, purpose="stay"
    )
    world.customer(who).consent("surveys")
    return who


class FailingCommit:
    """SQLite's connection, but for the end of a write."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def execute(self, statement: str, *parameters: Any) -> Any:
        if statement == "COMMIT":
            raise get_driver().OperationalError("disk I/O error")
        return self._real.execute(statement, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def refuse(_self: Any, *_: object) -> None:
    raise Unavailable("the disk failed")


@contextmanager
def broken_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From now on every COMMIT fails, and what it held is undone."""
    with monkeypatch.context() as patch:
        if world.place.backend == "sqlite":
            writer = world.vault.parts.store._writer  # type: ignore[attr-defined]
            patch.setattr(writer, "raw", FailingCommit(writer.raw))
        else:
            patch.setattr(PostgresqlWriting, "_commit", refuse)
        yield


@contextmanager
def broken_append(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From now on nothing can be added to the log."""

    def append(self: Any, _entries: Sequence[EntryRow]) -> None:
        self.spoiled = True
        raise Unavailable("the log cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteUnit if world.place.backend == "sqlite" else PostgresqlUnit, "append", append)
        yield


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("breakage", [broken_commit, broken_append])
def test_no_value_without_a_log(
    shared: World, read: Read, breakage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the log cannot be made durable the caller gets an error or a refusal, never a value; then all is well."""
    who = guest(shared)
    before = len(shared.log())
    with breakage(shared, monkeypatch):
        try:
            answer = read(shared.vault, who)
        except Unavailable:
            answer = None
    if answer is not None:
        assert isinstance(answer, list)
        assert all(isinstance(item, privet.Refusal) for item in answer)
        assert all(item.reasons == ("batch_failed",) for item in answer)
    assert len(shared.log()) == before
    assert read(shared.vault, who)
    assert len(shared.log()) > before


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_each_answer_has_its_leaf_when_it_arrives(shared: World, read: Read) -> None:
    """By the time a caller has an answer another process finds its entry in the log."""
    who = guest(shared)
    before = len(shared.log())
    expected = 2 if read is READS["fetch_many"] else 1
    answer = read(shared.vault, who)
    with shared.place.open() as other:
        other.parts.store.sequence()
        log = other.parts.store.log
        entries = list(log.entries(before, log.size()))
    assert len(entries) == expected
    shown = answer if isinstance(answer, list) else [answer]
    ids = {parse_leaf(entry.leaf).id.hex() for entry in entries}
    for item in shown:
        if isinstance(item, privet.View | privet.History):
            assert item.audit_id in ids


def test_a_refusal_has_its_leaf_too(shared: World) -> None:
    """Refusals of every kind, static ones and those about nobody included, are in the log with their audit id."""
    who = guest(shared)
    asked: list[tuple[str, Any, str, list[str]]] = [
        ("mailer", who, "marketing.email", ["email"]),
        ("broker", who, "resale", ["email"]),
        ("broker", who, "", ["email"]),
        ("broker", who, "no-such-purpose", ["email"]),
        ("front-desk", who, "stay", ["no.such.field"]),
        ("front-desk", privet.by(email="nobody@example.org"), "stay", ["given_name"]),
        ("front-desk", "pw1_" + "F" * 43, "stay", ["given_name"]),
        ("kitchen", privet.by(phone="+442079460000"), "meals", ["allergies"]),
    ]
    for service, subject, purpose, fields in asked:
        with pytest.raises(errors.AccessDenied) as caught:
            shared.service(service).fetch(subject, purpose=purpose, fields=fields)
        leaf = parse_leaf(shared.log()[-1].leaf)
        assert leaf.id.hex() == caught.value.audit_id
        assert (leaf.decision, leaf.service, leaf.n) == ("refuse", service, 0)


def test_a_static_refusal_is_in_her_own_log(shared: World) -> None:
    """A refusal that policy alone decides still resolves her, so that she sees who asked."""
    who = guest(shared)
    with pytest.raises(errors.AccessDenied) as caught:
        shared.service("broker").fetch(who, purpose="resale", fields=["email"])
    line = next(line for line in shared.customer(who).accesses() if line.audit_id == caught.value.audit_id)
    assert line.withheld == {"email": "purpose_prohibited"}


def test_a_full_database_releases_nothing(make_place: Any) -> None:
    """With no page left in the database no value comes out, and once there is room again it does."""
    place = make_place("sqlite")
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=vault.parts.clock)
        who = guest(world)
        writer = vault.parts.store._writer
        pages = writer.raw.execute("PRAGMA page_count").fetchone()[0]
        writer.raw.execute(f"PRAGMA max_page_count={pages}")
        failures: list[Unavailable] = []
        while len(failures) < 3:
            before = len(world.log())
            try:
                READS["fetch"](vault, who)
            except Unavailable as full:
                failures.append(full)
            assert len(world.log()) == before + (not failures)
        assert {full.message for full in failures} == {FULL}
        writer.raw.execute("PRAGMA max_page_count=1073741823")
        assert READS["fetch"](vault, who)
        assert vault.officer("ana").audit.verify().ok


@pytest.mark.postgres
def test_a_killed_connection_releases_nothing(make_place: Any) -> None:
    """When the server ends the connection between load and commit, no value comes out; the next read does."""
    place = make_place("postgresql")
    with place.open() as vault:
        world = World(place=place, vault=vault, clock=vault.parts.clock)
        who = guest(world)
        admin = create_engine(place.url)
        pipeline = vault.parts.pipeline
        real = pipeline._log.append

        def append(unit: Any, minimised: Any) -> Any:
            logged = real(unit, minimised)
            with admin.begin() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name LIKE 'privet %' AND datname = current_database()"
                    )
                )
            return logged

        before = len(world.log())
        pipeline._log.append = append
        with pytest.raises(Unavailable):
            READS["fetch"](vault, who)
        pipeline._log.append = real
        admin.dispose()
        assert len(world.log()) == before
        assert READS["fetch"](vault, who)


SECTIONS = {
    "format", "vault_id", "database", "keyring", "policy", "log", "anchors", "keypack", "journal", "serve",
    "issuers", "portal", "smtp", "telemetry",
}  # fmt: skip
"""Every section of the settings. None of them is about whether there is a log: a new one is to be looked at here."""
SWITCHES = {"database.allow_plaintext", "database.pooler", "portal.enabled", "serve.behind_proxy"}
"""Every setting that is a yes or a no: how the database is reached, whether there are pages, who ends TLS."""
ENVIRONMENT = {
    "PRIVET_DEBUG", "PRIVET_NEW_PASSPHRASE", "PRIVET_PASSPHRASE", "PRIVET_PASSPHRASE_FILE", "PRIVET_VAULT",
    "PRIVET_TOKEN", "PRIVET_TOKEN_FILE", "PRIVET_ISSUERS", "PRIVET_SERVE__PORT",
}  # fmt: skip
"""PRIVET_DEBUG shows the command's tracebacks, no more; the last two stand for the settings, which are above."""


def test_no_setting_turns_auditing_off() -> None:
    """Sections and switches are these and no others, and no key speaks of auditing."""
    switches, keys = set(), set()
    for name, top in FileShape.model_fields.items():
        kinds = [
            kind for kind in (top.annotation, *get_args(top.annotation)) if hasattr(kind, "model_fields")
        ]
        for kind in kinds:
            for key, setting in kind.model_fields.items():
                keys.add(f"{name}.{key}")
                if setting.annotation is bool:
                    switches.add(f"{name}.{key}")
    assert set(FileShape.model_fields) == SECTIONS
    assert switches == SWITCHES
    spoken = {key for key in keys if re.search(r"audit|leaf|entr(y|ies)|sync|durab", key)}
    assert spoken == set()
    assert {key for key in keys if key.startswith("log.")} == {"log.origin"}


def test_no_environment_variable_turns_auditing_off() -> None:
    """The code reads no environment variable but those that say where things are, who asks, and the settings."""
    found = set()
    for path in [*SOURCE.rglob("*.py"), *(SOURCE.parent.parent / "cli").rglob("*.py")]:
        source = path.read_text()
        found |= set(re.findall(r"\bPRIVET_[A-Z_]+\b", source))
        for use in re.findall(r"(?:environ|getenv)\W+[\"']([A-Z_]+)", source):
            assert use.startswith("PRIVET_") or use in {"NO_COLOR", "TERM", "COLUMNS", "HOME"}, (path, use)
    assert found <= ENVIRONMENT, found - ENVIRONMENT


def test_no_argument_turns_auditing_off() -> None:
    """Opening a vault and naming a service take nothing that could leave out the log."""
    switches = re.compile(r"audit|(^|_)log|quiet|silent|skip|dry|unsafe", re.IGNORECASE)
    session = [method for _, method in inspect.getmembers(ServiceSession, inspect.isfunction)]
    calls: list[Callable[..., Any]] = [
        Vault.open, Vault.create, Vault.service, Vault.customer, Vault.officer, *session
    ]  # fmt: skip
    for call in calls:
        assert not [name for name in inspect.signature(call).parameters if switches.search(name)]


def test_the_way_of_a_read_has_no_branch_around_the_log() -> None:
    """In the pipeline the append stands in the unit, unconditionally; the release in one place, behind the commit."""
    source = (SOURCE / "release" / "pipeline.py").read_text()
    load = source[source.index("def load") : source.index("def _read_batch")]
    assert load.count("self._log.append(unit, minimised)") == 1
    assert source.count("_log.append") == 1
    appended = next(line for line in load.splitlines() if "_log.append" in line)
    opened = next(line for line in load.splitlines() if "with ending:" in line)
    assert load.index("with ending:") < load.index("self._store.write(")
    assert len(appended) - len(appended.lstrip()) == len(opened) - len(opened.lstrip()) + 4
    commit = source[source.index("def commit") : source.index("def abandon")]
    assert source.count("_disclose.release(") == 1
    assert commit.index("self._ending.close()") < commit.index("_disclose.release(")
