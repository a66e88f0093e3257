"""The database goes away under a server: it says so, recovers by itself, and stops when told to."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from privet.serving.health import LATE_S
from tests.e2e.serving import Place, fetch_body, make_place
from tests.services.parts import miss
from tests.services.postgres import PostgresServer, PostgresUnavailable
from tests.services.vault_server import VaultServer


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except PostgresUnavailable as error:
        miss("postgres", str(error))
    with server:
        yield server


def _ask(server: VaultServer, method: str, path: str, key: str = "") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=40)) as client:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        client.request(method, path, fetch_body() if method == "POST" else None, headers)
        answer = client.getresponse()
        return answer.status, answer.read()


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 40
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _expect_not_ready(server: VaultServer) -> None:
    """Within two seconds it is said, and some more for a slow machine; and soon after, the log tells it too."""
    gone = time.monotonic()
    _until(lambda: _ask(server, "GET", "/readyz")[0] == 503)
    assert time.monotonic() - gone < LATE_S + 8
    _until(lambda: _changes(server)[-1:] == ["not ready"])


def _changes(server: VaultServer) -> list[str]:
    """What the log tells of readiness."""
    said = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    return [line["event"] for line in said if line["event"] in ("not ready", "ready again")]


def _count(server: VaultServer, outcome: str) -> int:
    """Reads that ended so, by /metrics."""
    name = f'privet_reads_total{{outcome="{outcome}",purpose="care"}} '
    lines = _ask(server, "GET", "/metrics")[1].decode().splitlines()
    return sum(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))


@pytest.mark.postgres
def test_a_database_that_hangs(database: PostgresServer, tmp_path: Path) -> None:
    """No error tells of it: it is not ready after two seconds without an answer, and ready again after one."""
    place: Place = make_place(tmp_path / "vault", database_url=database.url(database.create_database()))
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        database.freeze()
        try:
            _expect_not_ready(server)
            assert b"has not answered for 2 s" in _ask(server, "GET", "/readyz")[1]
        finally:
            database.freeze(frozen=False)
        _until(lambda: _ask(server, "GET", "/readyz")[0] == 200)
        _until(lambda: _changes(server)[-1:] == ["ready again"])


@pytest.mark.postgres
def test_a_database_that_goes_and_comes_back(database: PostgresServer, tmp_path: Path) -> None:
    """503 meanwhile, on /readyz too; served again without a restart; stopped without it, it ends and says why."""
    place: Place = make_place(tmp_path / "vault", database_url=database.url(database.create_database()))
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        assert _ask(server, "POST", "/v1/fetch", place.key)[0] == 200
        database.crash()
        _expect_not_ready(server)
        status, body = _ask(server, "POST", "/v1/fetch", place.key)
        assert status == 503
        assert b"Ada" not in body
        assert _ask(server, "GET", "/healthz")[0] == 200
        database.start()
        _until(lambda: _ask(server, "GET", "/readyz")[0] == 200)
        _until(lambda: _changes(server)[-1:] == ["ready again"])
        assert _changes(server)[0] == "not ready"
        assert _count(server, "failed") == 1
        assert _ask(server, "POST", "/v1/fetch", place.key)[0] == 200
        database.crash()
        server.signal()
        assert server.wait() == 3
        said = server.output()
    assert "Traceback" not in said
    assert "privet: " in said.splitlines()[-1]
