"""What `privet doctor` looks at: everything that can be opened is, and each check says one sentence and its fix.

Refuses to stop at the first fault, and changes nothing. What needs keys is left out, and said so, when there are none.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from privet.audit.leaf import parse_leaf
from privet.bootstrap.adopting import number
from privet.bootstrap.callers_check import examine_callers
from privet.bootstrap.engine import open_policy_engine
from privet.bootstrap.passphrase import get_passphrase
from privet.bootstrap.vault import system_clock
from privet.config.catalogue import load_catalogue
from privet.config.settings import Settings, load_settings
from privet.config.settings.environment import find_misspelt
from privet.config.settings.shape import FileShape
from privet.crypto.keyring_file import FileKeyring
from privet.decide.bundle import build_bundle
from privet.domain.catalogue import Catalogue
from privet.domain.ids import WorkerId, from_millis
from privet.domain.ports import Clock, Store
from privet.errors import CatalogueError, PrivetError
from privet.store import sqlite_file
from privet.store.custody.anchors import Anchors
from privet.store.custody.doctor import Finding, doctor_custody
from privet.store.custody.journal import JournalFile
from privet.store.custody.keypack import KeypackFile
from privet.store.faults import BUSY, CANNOT_OPEN, READ_ONLY, explain
from privet.store.opening import open_store

__all__ = ["Finding", "examine"]

_LITTLE: Final = 256 << 20
_NONE: Final = 16 << 20
_SKEW_MS: Final = 600_000
_BUILT_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before it is wrong."""


def examine(
    directory: Path,
    *,
    passphrase: bytes | None,
    prompt: Callable[[], str] | None,
    clock: Clock = system_clock,
) -> list[Finding]:
    """Every check, in order. Raises Unavailable when there is no vault at all, InvalidInput for bad settings."""
    settings = load_settings(directory)
    findings = [*_environment(), *_files(settings), *_guarded(lambda: _space(settings)), *_sqlite(settings)]
    catalogue = _catalogue(settings, findings)
    if catalogue is not None:
        findings += examine_callers(settings, catalogue)
    keyring = _keyring(settings, passphrase, prompt, findings)
    store = _store(settings, clock, findings)
    if store is None:
        return findings
    try:
        findings += _guarded(lambda: _log(store, clock))
        if catalogue is not None:
            findings += _guarded(lambda: _engine(settings, store, catalogue))
        if keyring is not None:
            findings += doctor_custody(
                directory=settings.directory,
                keyring_path=settings.keyring_path,
                store=store,
                keyring=keyring,
                vault=settings.vault_id,
                keypack=KeypackFile(settings.keypack_path, keyring, settings.vault_id),
                journal=JournalFile(settings.journal_path, keyring, settings.vault_id),
                anchors=Anchors(settings.anchors_path, keyring.signer().public),
                clock=clock,
            )
    finally:
        store.close()
    return findings


def _guarded(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except PrivetError as error:
        found.append(Finding("fault", error.message, ""))
    except OSError as error:
        found.append(
            Finding("fault", f"a file cannot be read ({error.strerror})", "look at paths and permissions")
        )
    return found


def _environment() -> Iterator[Finding]:
    """A variable that nobody reads is worse than none: whoever set it thinks that it counts."""
    for name, meant in sorted(find_misspelt(FileShape).items()):
        yield Finding(
            "warn", f"the variable {name} is not read", f"{meant} is: two underscores after the section"
        )


def _files(settings: Settings) -> Iterator[Finding]:
    """Modes: what others may read tells them more than the vault would; what they may change is theirs."""
    loose: list[tuple[Path, int]] = []
    database = _database(settings)
    watched = [
        settings.directory,
        settings.directory / "privet.toml",
        settings.journal_path,
        settings.keypack_path,
    ]
    watched += [] if database is None else [database, Path(f"{database}-wal")]
    for path in watched:
        try:
            mode = path.stat().st_mode & 0o077
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Finding(
                "fault", f"{path} cannot be looked at ({error.strerror})", "look at paths and permissions"
            )
            continue
        if mode:
            loose.append((path, mode))
    for path, mode in loose:
        mend = f"chmod {'700' if path.is_dir() else '600'} {path}"
        if mode & 0o002:
            yield Finding(
                "fault", f"anybody on this machine can change {path}", f"{mend}, and look what it says"
            )
        elif mode & 0o020:
            yield Finding("warn", f"others of its group can change {path}", mend)
        else:
            yield Finding("warn", f"others on this machine may look into {path}", mend)
    if not loose:
        yield Finding("ok", "only its owner can look into the vault's files")


def _database(settings: Settings) -> Path | None:
    return Path(settings.database_url.removeprefix("sqlite:///")) if settings.is_sqlite else None


def _space(settings: Settings) -> Iterator[Finding]:
    database = _database(settings)
    size = database.stat().st_size if database is not None and database.exists() else 0
    for folder in {settings.directory, *([] if database is None else [database.parent])}:
        if not folder.is_dir():
            continue
        free = shutil.disk_usage(folder).free
        if free < max(_NONE, size // 10):
            yield Finding("fault", f"the disk of {folder} is full: {free >> 20} MiB free", "make room")
        elif free < max(_LITTLE, size):
            yield Finding("warn", f"the disk of {folder} is nearly full: {free >> 20} MiB free", "make room")
        else:
            yield Finding("ok", f"{free >> 30} GiB free on the disk of {folder}")


def _sqlite(settings: Settings) -> list[Finding]:
    def check() -> Iterator[Finding]:
        if not settings.is_sqlite:
            return
        driver = sqlite_file.get_driver()
        yield Finding("ok", f"SQLite {driver.sqlite_version}")
        database = _database(settings)
        assert database is not None
        sqlite_file.check_path(database)
        try:
            with closing(sqlite_file.connect(driver, database, read_only=True)) as connection:
                sqlite_file.check_mark(connection)
                said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except driver.Error as error:
            told = explain(error)
            if told.message in (BUSY, CANNOT_OPEN, READ_ONLY):
                raise told from None  # no backup would mend that
            said = "it cannot be read"
        if said == "ok":
            yield Finding("ok", "the database file is whole")
        else:
            yield Finding("fault", "the database file is damaged", "restore a backup: `privet restore`")

    return _guarded(check)


def _catalogue(settings: Settings, findings: list[Finding]) -> Catalogue | None:
    try:
        catalogue = load_catalogue(settings.directory)
    except CatalogueError as error:
        findings += [Finding("fault", problem, "") for problem in error.problems]
        return None
    findings += [Finding("warn", warning, "") for warning in catalogue.warnings]
    if not catalogue.warnings:
        findings.append(Finding("ok", "the catalogue is sound"))
    return catalogue


def _keyring(
    settings: Settings, passphrase: bytes | None, prompt: Callable[[], str] | None, findings: list[Finding]
) -> FileKeyring | None:
    try:
        keyring = FileKeyring.open(settings.keyring_path, get_passphrase(passphrase, prompt=prompt))
    except PrivetError as error:
        fix = "keys, people, journal and anchors were not looked at"
        if _is_missing(settings.keyring_path):
            fix = f"put your copy of it at {settings.keyring_path}, or set keyring.path; {fix}"
        findings.append(Finding("fault", error.message, fix))
        return None
    cost = keyring.cost
    if cost.is_weak:
        findings.append(
            Finding(
                "warn",
                f"a guess at the passphrase is cheap (scrypt 2^{cost.log2_n}, {cost.memory >> 20} MiB)",
                "change it: `privet keys passphrase`",
            )
        )
    else:
        findings.append(Finding("ok", f"the keyring opens; a guess costs scrypt 2^{cost.log2_n}"))
    return keyring


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


_SERVER_FIX = "look at database.url, and at the server (docs/postgresql.md)"
_ASK_US = (", or run `privet doctor`", ": run `privet doctor`", "; run `privet doctor`")


def _told(settings: Settings, error: PrivetError) -> str:
    """What opening the database says, without the advice to ask whoever says it; of a server, which."""
    said = error.message
    for advice in _ASK_US:
        said = said.removesuffix(advice)
    if settings.is_sqlite:
        return said
    try:
        url = urlsplit(settings.database_url)
        query = dict(parse_qsl(url.query))
        port = url.port or query.get("port", 5432)
    except ValueError:  # several hosts, each with its port; or no address at all
        return said
    return f"the database at {url.hostname or query.get('host', 'this machine')} port {port}: {said}"


def _store(settings: Settings, clock: Clock, findings: list[Finding]) -> Store | None:
    try:
        store = open_store(
            settings.database_url,
            database=settings.database,
            worker=WorkerId(os.urandom(16)),
            origin=settings.log_origin,
            clock=clock,
            randomness=os.urandom,
        )
    except PrivetError as error:
        said = _told(settings, error)
        if all(said != found.sentence for found in findings):
            findings.append(Finding("fault", said, "" if settings.is_sqlite else _SERVER_FIX))
        return None
    if store.identity().vault != settings.vault_id:
        findings.append(
            Finding(
                "fault",
                "the database belongs to another vault than privet.toml",
                "put the right one in its place",
            )
        )
    else:
        findings.append(
            Finding("ok", f"the database opens ({store.backend}, schema {store.identity().schema})")
        )
    return store


def _engine(settings: Settings, store: Store, catalogue: Catalogue) -> Iterator[Finding]:
    name = settings.policy.engine
    with store.read() as unit:
        # What is new in the catalogue gets its numbers when the vault is next opened.
        numbered = number(catalogue, unit.numbers())
    try:
        engine = open_policy_engine(settings, build_bundle(numbered))
    except PrivetError as error:
        yield Finding("fault", str(error), "see docs/opa.md" if name == "opa" else "reinstall Privet")
        return
    try:
        stands = engine.assure()
    finally:
        engine.close()
    if stands is not None:
        yield Finding(
            "fault",
            f"the OPA server does not answer ({stands.value}): reads are refused",
            "start it, docs/opa.md",
        )
    elif name == "opa":
        yield Finding("ok", "the OPA server answers, with this vault's policy")
    else:
        yield Finding("ok", f"the policy engine ({name}) gives every known answer")


def _log(store: Store, clock: Clock) -> Iterator[Finding]:
    now = clock()
    newest = next(iter(store.log.entries_newest()), None)
    size, lag = store.log.size(), store.log.lag()
    yield Finding("ok", f"the log has {size:,} entries; `privet audit verify` checks each")
    if lag:
        yield Finding("warn", f"{lag} entries wait to be sequenced into the log", "look again in a second")
    latest = parse_leaf(newest.leaf).t_ms if newest is not None else 0
    if now < _BUILT_MS:
        yield Finding("fault", f"this machine's clock says {from_millis(now):%Y-%m-%d}", "set it")
    elif latest > now + _SKEW_MS:
        yield Finding(
            "warn",
            f"the log's newest entry is of {from_millis(latest):%Y-%m-%d %H:%M}Z, ahead of this clock",
            "set it",
        )
    else:
        yield Finding("ok", "the clock is not behind the log")
