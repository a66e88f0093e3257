"""The database goes away under a server: it says so, recovers by itself, and stops when told to."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

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


@pytest.mark.postgres
def test_a_database_that_goes_and_comes_back(database: PostgresServer, tmp_path: Path) -> None:
    """503 meanwhile, on /readyz too; served again without a restart; stopped without it, it ends and says why."""
    place: Place = make_place(tmp_path / "vault", database_url=database.url(database.create_database()))
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        assert _ask(server, "POST", "/v1/fetch", place.key)[0] == 200
        database.crash()
        status, body = _ask(server, "POST", "/v1/fetch", place.key)
        assert status == 503
        assert b"Ada" not in body
        _until(lambda: _ask(server, "GET", "/readyz")[0] == 503)
        assert _ask(server, "GET", "/healthz")[0] == 200
        database.start()
        _until(lambda: _ask(server, "GET", "/readyz")[0] == 200)
        assert _ask(server, "POST", "/v1/fetch", place.key)[0] == 200
        database.crash()
        server.signal()
        assert server.wait() == 3
        said = server.output()
    assert "Traceback" not in said
    assert "privet: " in said.splitlines()[-1]
