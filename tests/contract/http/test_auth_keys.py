"""API keys at a real server: made, expired and revoked in another process, under load, in every worker."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from privet import Vault
from privet.bootstrap.credentials import NewKey, create_key, list_keys, revoke_key
from privet.domain.ids import Millis
from privet.domain.request import by
from privet.testing import make_vault
from tests.contract.http.doors import Answer, Door, ask, catalogue, is_refused, last_reader, reads
from tests.services.vault_server import VaultServer, set_settings

ADA = {"subject": {"email": "ada@example.org"}, "purpose": "stay", "fields": ["name"]}


def write(at: int) -> dict[str, object]:
    """Each thread writes of somebody else: writers of one row wait for each other."""
    email = f"guest{at}@example.org"
    return {"subject": {"email": email}, "purpose": "stay", "values": {"name": "Ada", "email": email}}


NO_LIMIT = {"unauthenticated_per_minute": 1_000_000, "requests_per_second": 1_000_000, "burst": 1_000_000}


@dataclass(kw_only=True)
class Inn:
    """A vault that is open here and served there."""

    directory: Path
    vault: Vault
    workers: int


@contextmanager
def open_inn(directory: Path, url: str | None) -> Iterator[Inn]:
    with make_vault(
        directory, catalogue(desk="recipient: ''", kitchen="recipient: ''"), database_url=url
    ) as vault:
        vault.service("desk").put(
            by(email="ada@example.org"), {"name": "Ada", "email": "ada@example.org"}, purpose="stay"
        )
        set_settings(directory, portal={"enabled": False}, serve=NO_LIMIT)
        yield Inn(directory=directory, vault=vault, workers=2 if url else 1)


@pytest.fixture
def own_inn(tmp_path: Path) -> Iterator[Inn]:
    """Not served yet."""
    with open_inn(tmp_path / "vault", None) as inn:
        yield inn


@dataclass(kw_only=True)
class Served(Inn):
    server: VaultServer

    @property
    def door(self) -> Door:
        return Door(self.server.url)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of this file, for each takes seconds to start."""
    with ExitStack() as ends:
        url = None
        if request.param == "postgresql":
            cluster = request.getfixturevalue("postgres_server")
            name = cluster.create_database()
            ends.callback(cluster.drop_database, name)
            url = cluster.url(name)
        inn = ends.enter_context(open_inn(tmp_path_factory.mktemp("keys") / "vault", url))
        server = ends.enter_context(VaultServer(inn.directory, serve={"workers": inn.workers}))
        yield Served(directory=inn.directory, vault=inn.vault, workers=inn.workers, server=server)


@pytest.fixture
def inn(running: Served) -> Iterator[Served]:
    """It, without a key."""
    yield running
    for key in list_keys(running.vault.parts):
        revoke_key(running.vault.parts, key.id)


def test_a_key_made_meanwhile_is_served_at_once(inn: Served) -> None:
    """In every worker, without a restart; the log names its id and never the key."""
    server, door = inn.server, inn.door
    for service in ("desk", "kitchen"):
        key = create_key(inn.vault.parts, service)
        for _ in range(6):  # connections of their own, so that each worker meets it
            answer = door.ask(key.text, body=ADA)
            assert answer.status == 200, answer
        assert last_reader(inn.vault) == service
        assert key.text not in server.output()


def test_wrong_keys_get_one_answer(inn: Served) -> None:
    """Unknown, altered, revoked, of nobody: the same words, and no leaf."""
    key, gone = create_key(inn.vault.parts, "desk"), create_key(inn.vault.parts, "desk")
    revoke_key(inn.vault.parts, gone.id)
    door = inn.door
    before = reads(inn.vault)
    said = set()
    for shown in (
        gone.text,
        f"privet_{key.id}_{'A' * 43}",
        f"privet_aaaaaaaa_{key.text[16:]}",
        key.text[:-1],
        key.text.swapcase(),
        "privet_",
        "x",
    ):
        answer = door.ask(shown)
        assert is_refused(answer)
        said.add((answer.json["detail"], answer.json["title"], answer.headers["www-authenticate"]))
    assert len(said) == 1
    assert reads(inn.vault) == before


def test_a_key_expires_to_the_millisecond_at_a_running_server(inn: Served) -> None:
    """Known to every worker, and refused when its time has come."""
    door = inn.door
    answers: list[tuple[float, int]] = []
    for lasts in (3, 15):  # a machine may be too busy to ask in time
        ends = time.time() + lasts
        key = create_key(inn.vault.parts, "desk", expires=Millis(int(ends * 1000)))
        answers = []
        while not answers or answers[-1][0] < ends + 0.3:
            begun = time.time()
            answers.append((begun, door.ask(key.text, body=ADA).status))
            time.sleep(0.02)
        assert all(status == 401 for begun, status in answers if begun >= ends)
        if any(status == 200 for _, status in answers):
            break
    assert any(status == 200 for _, status in answers)


class Load:
    """Threads that ask without pause, each on a connection of its own, and note when each request began."""

    def __init__(
        self, door: Door, work: Callable[[int], tuple[str, dict[str, object]]], key: NewKey, threads: int
    ) -> None:
        self._door, self._work, self._key = door, work, key
        self._stop = threading.Event()
        self.seen: list[tuple[float, Answer]] = []
        self.failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(at,)) for at in range(threads)]

    def __enter__(self) -> "Load":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._threads:
            one.join(30)

    def wait_for(self, many: int, since: float = 0.0) -> None:
        """Until so many that began since then were answered."""
        until = time.monotonic() + 30
        while len([1 for at, _ in self.seen if at > since]) < many and not self.failed:
            assert time.monotonic() < until
            time.sleep(0.05)

    def _run(self, at: int) -> None:
        path, body = self._work(at)
        connection = self._door.connect()
        try:
            while not self._stop.is_set():
                begun = time.monotonic()
                self.seen.append((begun, ask(connection, self._key.text, path=path, body=body)))
        except BaseException as error:  # noqa: BLE001  told by the test
            self.failed.append(error)
        finally:
            connection.close()


@pytest.mark.parametrize(
    "path, body",
    [
        ("/v1/fetch", ADA),
        ("/v1/fetch-many", {"subjects": [ADA["subject"]] * 20, "purpose": "stay", "fields": ["name"]}),
        ("/v1/find", {"subject": ADA["subject"], "purpose": "stay"}),
        ("/v1/put", None),
    ],
)
def test_a_key_revoked_under_load_serves_nobody_after(
    inn: Served, path: str, body: dict[str, object] | None
) -> None:
    """Not one request that began after the revocation returned is answered, in any worker; until then all are."""
    key, other = create_key(inn.vault.parts, "desk"), create_key(inn.vault.parts, "desk")
    door = inn.door
    with (
        Load(door, lambda at: (path, body or write(at)), key, 6) as load,
        Load(door, lambda at: (path, body or write(at + 6)), other, 2) as kept,
    ):
        load.wait_for(100)
        begun = time.monotonic()
        revoke_key(inn.vault.parts, key.id)
        returned = time.monotonic()
        load.wait_for(60, since=returned)
    assert not load.failed
    assert not kept.failed
    before = [answer.status for at, answer in load.seen[:100]]
    after = [answer for at, answer in load.seen if at > returned]
    assert set(before) <= {200}
    assert any(answer.status == 200 for at, answer in load.seen if at < begun)
    assert len(after) > 5
    assert all(is_refused(answer) for answer in after)
    # the other key of the same service does not notice, whatever batch it was in
    assert {answer.status for _, answer in kept.seen} == {200}


def test_rates_over_http(own_inn: Inn) -> None:
    """429 with the time to wait; a neighbour's key and a stranger's failures are counted apart."""
    inn = own_inn
    one, two = create_key(inn.vault.parts, "desk"), create_key(inn.vault.parts, "kitchen")
    with VaultServer(
        inn.directory, serve={"requests_per_second": 0.1, "burst": 3, "unauthenticated_per_minute": 4}
    ) as server:
        door = Door(server.url)
        answers = [door.ask(one.text, body=ADA) for _ in range(5)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
        last = answers[-1]
        assert last.json["code"] == "rate_limited"
        assert 1 <= int(last.headers["retry-after"]) <= 10
        assert last.json["retry_after"] == int(last.headers["retry-after"])
        before = reads(inn.vault)
        strangers = [door.ask("wrong").status for _ in range(8)]
        assert strangers == [401] * 4 + [429] * 4
        assert reads(inn.vault) == before
        assert door.ask(two.text, body=ADA).status == 200  # a neighbour, and known
        time.sleep(int(last.headers["retry-after"]))
        assert door.ask(one.text, body=ADA).status == 200  # known: not counted among the strangers


def test_strangers_are_counted_and_never_logged(own_inn: Inn) -> None:
    """By why nobody was found: a number for the operator, and not one entry in the log."""
    inn = own_inn
    with VaultServer(inn.directory) as server:
        door = Door(server.url)
        before = inn.vault.parts.store.log.size()
        for shown in (None, "x", "x", f"privet_aaaaaaaa_{'A' * 43}"):
            assert is_refused(door.ask(shown))
        assert is_refused(door.ask(headers={"authorization": "Basic YTpi"}))
        for path in ("/v1/fetch", "/v1/find"):
            assert is_refused(door.ask("x", headers={"Authorization": "Bearer y"}, path=path)), "two of them"
        assert inn.vault.parts.store.log.size() == before
        with urllib.request.urlopen(f"{server.url}/metrics") as answer:
            told = answer.read().decode()
    for why, count in (("missing", 1), ("token", 2), ("api_key", 1), ("malformed", 3)):
        assert f'privet_unknown_callers_total{{why="{why}"}} {count}.0' in told
