"""Invariant 4: an acknowledged write, consent or erasure survives kill -9, a full disk and a failing fsync."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from privet.audit.leaf import parse_leaf
from privet.bootstrap.vault import Vault
from privet.domain.request import by
from privet.errors import AccessDenied, NotFound, Unavailable
from tests.invariants.conftest import Make
from tests.invariants.workers import Worker, live, rotate_without_end
from tests.invariants.world import Place, make_template
from tests.services.parts import miss
from tests.services.postgres import PostgresServer

KILLS = {"sqlite": 36, "postgresql": 18}
ROTATION_KILLS = {"sqlite": 10, "postgresql": 4}
ROOT = Path(__file__).parent.parent.parent
SHIM = Path(__file__).with_name("failing.c")


@dataclass(kw_only=True)
class Person:
    """What was acknowledged of one person; `open` is what was begun and may have happened or not."""

    name: str | None = None
    notes: str | None = None
    stays: set[str] = field(default_factory=set)
    consented: bool = False
    restricted: bool = False
    erased: bool = False
    maybe: tuple[str, str] | None = None


@dataclass(kw_only=True)
class Ledger:
    """All that children were told and said."""

    people: dict[str, Person] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)
    erasures: int = 0

    def take(self, said: list[Any]) -> int:
        """Notes what one child said until it died. Returns how many acts it acknowledged."""
        done = 0
        for word, *rest in said:
            assert word in ("begin", "done", "ready"), rest
            if word == "ready":
                continue
            act, address, detail, *audit = rest
            person = self.people.setdefault(address, Person())
            if word == "begin":
                person.maybe = (act, detail)
                continue
            person.maybe, done = None, done + 1
            found = audit[0] if isinstance(audit[0], list) else [audit[0]]
            self.entries |= {entry for entry in found if entry}
            if act == "enrol":
                person.name = detail
            elif act == "put":
                person.notes = detail
            elif act == "record":
                person.stays.add(detail)
            elif act in ("consent", "withdraw"):
                person.consented = act == "consent"
            elif act in ("restrict", "unrestrict"):
                person.restricted = act == "restrict"
            elif act == "erase":
                person.erased = True
                self.erasures += 1
        return done


def assert_kept(vault: Vault, ledger: Ledger) -> None:
    """Everything acknowledged is there, nothing else but what was begun, and the log verifies and has its entries."""
    assert vault.officer("ana").audit.verify().ok
    vault.parts.store.sequence()
    log = vault.parts.store.log
    logged = {parse_leaf(entry.leaf).id.hex() for entry in log.entries(0, log.size())}
    assert ledger.entries <= logged
    for address, person in ledger.people.items():
        check(vault, address, person)


def check(vault: Vault, address: str, person: Person) -> None:
    act, detail = person.maybe or ("", "")
    try:
        me = vault.customer(by(email=address))
        profile = me.profile()
    except NotFound:
        assert person.erased or act == "erase" or person.name is None, f"{address} is lost"
        person.erased, person.maybe = person.name is not None, None
        return
    assert not person.erased, f"{address} is back"
    assert profile["given_name"] == person.name or act == "enrol"
    assert profile.get("notes") == person.notes or (act == "put" and profile.get("notes") == detail)
    stays = {str(record["booking"]) for record in profile.collections.get("stays", ())}
    assert person.stays <= stays <= person.stays | ({detail} if act == "record" else set())
    consented = any(
        c.purpose == "marketing.email" and c.status in ("given", "renewed") for c in me.consents()
    )
    assert consented == person.consented or act in ("consent", "withdraw")
    assert profile.restricted == person.restricted or act in ("restrict", "unrestrict")
    try:
        vault.service("mailer").fetch(by(email=address), purpose="marketing.email", fields=["email"])
        released = True
    except AccessDenied:
        released = False
    assert released == (consented and not profile.restricted)
    # From here on it stands as it was found.
    person.name, person.notes, person.stays = str(profile["given_name"]), profile.get("notes"), stays  # type: ignore[assignment]
    person.consented, person.restricted, person.maybe = consented, profile.restricted, None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_at_random_moments(place: Place) -> None:
    """Children that live a life in the vault are killed at random moments: what they were told is done, stays done."""
    ledger, kills, done = Ledger(), 0, 0
    draw = random.Random()
    while kills < KILLS[place.backend]:
        pair = [Worker(live, place.directory, draw.randrange(10**9)) for _ in range(1 + kills % 2)]
        for worker in pair:
            worker.expect(("ready",))
        time.sleep(draw.uniform(0.0, 0.25))
        for worker in pair:
            worker.kill()
            done += ledger.take(worker.rest())
            worker.end()
        kills += len(pair)
        if kills % 6 < len(pair):
            with place.open() as vault:
                assert_kept(vault, ledger)
    with place.open() as vault:
        assert_kept(vault, ledger)
    assert done > 3 * kills
    assert ledger.erasures > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_in_the_middle_of_rotations(place: Place) -> None:
    """A rotation killed anywhere, with a writer beside it: everybody still opens, and the next rotation ends well."""
    ledger, draw = Ledger(), random.Random()
    for _ in range(ROTATION_KILLS[place.backend]):
        writer = Worker(live, place.directory, draw.randrange(10**9))
        rotator = Worker(rotate_without_end, place.directory)
        for worker in (writer, rotator):
            worker.expect(("ready",))
        time.sleep(draw.uniform(0.0, 0.3 if place.backend == "sqlite" else 1.0))
        rotator.kill()
        time.sleep(0.05)
        writer.kill()
        ledger.take(writer.rest())  # and it did not die of somebody else's rotation
        for worker in (writer, rotator):
            worker.end()
    with place.open() as vault:
        assert_kept(vault, ledger)
        vault.steward().rotate()
        vault.steward().rotate()
        assert len(vault.parts.keyring.epochs()) == 1
        assert_kept(vault, ledger)


@pytest.mark.slow
@pytest.mark.postgres
def test_the_server_crashes(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """A PostgreSQL that is killed under its clients, twice: what was acknowledged is there when it is back."""
    with PostgresServer() as server:
        name = server.create_database()
        directory = tmp_path / "vault"
        make_template(directory, server.url(name))
        place = Place(backend="postgresql", directory=directory, url=server.url(name))
        ledger, done = Ledger(), 0
        for seed in (1, 2):
            worker = Worker(live, directory, seed)
            worker.expect(("ready",))
            time.sleep(0.4)
            server.crash()
            worker.process.join(30)
            done += ledger.take([said for said in worker.rest() if said[0] != "died"])
            worker.end()
            server.start()
            with place.open() as vault:
                assert_kept(vault, ledger)
        assert done > 5


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The failing disk, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        miss("gcc", "no C compiler, so a failing disk cannot be made")
    built = tmp_path_factory.mktemp("shim") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, SHIM, "-ldl"], check=True)
    built.parent.chmod(0o755)
    return built


CHILD = """
import sys
from tests.invariants.failing_disk import main
main(*sys.argv[1:])
"""


@pytest.fixture
def on_failing_disk(shim: Path, tmp_path: Path) -> Callable[[Path, str], list[str]]:
    """on_failing_disk(directory, "f" or "w"): a child works, its disk begins to fail, it goes on, the disk is well."""

    def run(directory: Path, how: str) -> list[str]:
        switch = tmp_path / f"switch-{how}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
            "LD_PRELOAD": str(shim), "PRIVET_FAILING": str(switch),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(directory), str(switch), how],
            capture_output=True, text=True, env=environment, timeout=100, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.splitlines()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("how", ["f", "w"])
def test_a_failing_disk_acknowledges_nothing(
    make_place: Make, how: str, on_failing_disk: Callable[[Path, str], list[str]]
) -> None:
    """While fsync fails, or the disk is full, no act is acknowledged and no value comes out; then all is well."""
    place = make_place("sqlite")
    lines = on_failing_disk(place.directory, how)
    assert lines[0] == "well"
    failed = lines[lines.index("failing") + 1 : lines.index("well again")]
    assert len(failed) >= 8
    assert all(line.startswith("Unavailable ") for line in failed), failed
    assert lines[-1] == "end"
    with place.open() as vault:
        assert vault.officer("ana").audit.verify().ok
        me = vault.customer(by(email="first@example.org"))
        assert me.profile()["given_name"] == "First"
        status = {consent.purpose: consent.status for consent in me.consents()}
        assert status["surveys"] == "given"
        assert vault.customer(by(email="after@example.org")).profile()["given_name"] == "After"
        with pytest.raises(NotFound):
            vault.customer(by(email="gone@example.org"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 3 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; the failing disk of the other test stands in")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "privet-test", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("this machine lets nobody mount; the failing disk of the other test stands in")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_fills_up(make_place: Make, small_disk: Path) -> None:
    """Written until a real file system is full: one error, nothing half written, all of it there with room again."""
    template = make_place("sqlite")
    directory = small_disk / "vault"
    shutil.copytree(template.directory, directory)
    place = Place(backend="sqlite", directory=directory, url=f"sqlite:///{directory / 'vault.db'}")
    kept: list[str] = []
    with place.open() as vault:
        shop = vault.service("web-shop")
        failures = 0
        for number in range(5000):
            address = f"n{number}@example.org"
            try:
                shop.put(by(email=address), {"notes": "x" * 8000}, purpose="enrolment")
                kept.append(address)
                failures = 0
            except Unavailable:
                failures += 1
                if failures == 3:
                    break
        assert failures == 3
        reads: tuple[Callable[[], object], ...] = (
            lambda: vault.customer(by(email=kept[0])).profile(),
            lambda: fetch(vault, kept[0]),
        )
        for read in reads:
            with pytest.raises(Unavailable):
                for _ in range(500):  # what is left of the write-ahead log takes a few small entries yet
                    read()
        subprocess.run(["mount", "-o", "remount,size=12m", small_disk], check=True)
        assert fetch(vault, kept[-1]) == "x" * 8000
        shop.put(by(email="after@example.org"), {"given_name": "After"}, purpose="enrolment")
    with place.open() as vault:
        assert vault.officer("ana").audit.verify().ok
        for address in kept:
            assert fetch(vault, address) == "x" * 8000
        with vault.parts.store.read() as unit:
            assert unit.count_subjects() == len(kept) + 1


def fetch_once_back(vault: Vault, address: str) -> object:
    """As soon as the vault has found its server again, which it does by itself, within seconds."""
    until = time.monotonic() + 60
    while True:
        try:
            return fetch(vault, address)
        except Unavailable:
            assert time.monotonic() < until
            time.sleep(0.1)


def fetch(vault: Vault, address: str) -> object:
    return vault.service("front-desk").fetch(by(email=address), purpose="stay", fields=["notes"])["notes"]


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("how", ["f", "w"])
def test_a_server_whose_disk_fails(shim: Path, how: str) -> None:
    """PostgreSQL on a disk that fails at a commit: nothing is acknowledged that is not there when it is back."""
    with tempfile.TemporaryDirectory(prefix="privet-failing-") as folder:
        Path(folder).chmod(0o755)
        library = Path(folder) / "failing.so"
        shutil.copy(shim, library)
        library.chmod(0o755)
        switch = Path(folder) / "switch"
        server = PostgresServer()
        try:
            server._end(2)  # type: ignore[arg-type]
            os.environ["LD_PRELOAD"], os.environ["PRIVET_FAILING"] = str(library), str(switch)
            try:
                server.start()
            finally:
                del os.environ["LD_PRELOAD"], os.environ["PRIVET_FAILING"]
            name = server.create_database()
            directory = Path(folder) / "vault"
            make_template(directory, server.url(name))
            place = Place(backend="postgresql", directory=directory, url=server.url(name))
            kept: list[str] = []
            with place.open() as vault:
                shop = vault.service("web-shop")
                for number in range(5):
                    kept.append(f"n{number}@example.org")
                    shop.put(by(email=kept[-1]), {"notes": "x"}, purpose="enrolment")
                switch.write_text(how)
                for number in range(3):
                    with pytest.raises(Unavailable):
                        shop.put(by(email=f"lost{number}@example.org"), {"notes": "x"}, purpose="enrolment")
                    with pytest.raises(Unavailable):
                        fetch(vault, kept[0])
                switch.unlink()
                server.crash()
                server.start()
                assert fetch_once_back(vault, kept[0]) == "x"
            with place.open() as vault:
                assert vault.officer("ana").audit.verify().ok
                assert [fetch(vault, address) for address in kept] == ["x"] * 5
        finally:
            server.stop()
