"""Stopping and dying: nobody is cut off, nothing acknowledged is lost."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from privet.testing import open_vault
from tests.e2e.serving import Crowd, Place, make_place, raw_fetch
from tests.services.vault_server import VaultServer


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "vault")


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str) -> Place:
    return make_place(tmp_path / "vault", database_url=postgres_url)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What closes when the test is over."""
    with ExitStack() as stack:
        yield stack


def _logged(place: Place) -> set[str]:
    """Every entry of the log, by id; the log is sound."""
    with open_vault(place.directory) as vault:
        store = vault.parts.store
        store.sequence()
        return {row.id.hex() for row in store.log.entries(0, store.log.size())}


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _wait_children(pid: int, many: int, without: set[int] = frozenset()) -> list[int]:  # type: ignore[assignment]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = _children(pid)
        if len(found) == many and not without & set(found):
            return found
        time.sleep(0.05)
    raise AssertionError("the workers are not there")


def _stop(server: VaultServer) -> None:
    """Signals it, and returns when it has heard that and some more."""
    server.signal()
    until = time.monotonic() + 40
    while '"stopping"' not in server.output():
        assert time.monotonic() < until, server.output()
        time.sleep(0.05)
    time.sleep(0.5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_under_load_cuts_nobody_off(place: Place, number: signal.Signals) -> None:
    """Each request that was sent is answered, each answer is in the log, the exit code is 0."""
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        crowd = Crowd(server.port, place.key)
        crowd.wait_for(300)
        server.signal(number)
        assert server.wait() == 0, server.output()
        crowd.wait()
    assert crowd.cut == []
    assert {status for status, _ in crowd.answers} <= {200}
    assert crowd.audit_ids <= _logged(place)


def test_clients_that_pause_are_not_cut_off_either(place: Place) -> None:
    """Connections that idle between requests while the server stops."""
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        crowd = Crowd(server.port, place.key, many=24, pause_s=0.01)
        crowd.wait_for(200)
        server.signal()
        assert server.wait() == 0
        crowd.wait()
    assert crowd.cut == []


def test_the_last_checkpoint_covers_everything(place: Place) -> None:
    """What was answered last is signed for when the process is gone."""
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        crowd = Crowd(server.port, place.key, many=2)
        crowd.wait_for(50)
        crowd.stop()
    with open_vault(place.directory) as vault:
        held = vault.parts.anchors.find_latest()
        assert held is not None
        assert held[0].size == vault.parts.store.log.size()


def test_readiness_goes_first(place: Place, ends: ExitStack) -> None:
    """Between the signal and the end /readyz says 503 on a connection that was open, and the fetch is still served."""
    with VaultServer(place.directory, portal={"enabled": False}, serve={"drain_s": 4}) as server:
        asking, working = (http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(2))
        ends.callback(asking.close)
        ends.callback(working.close)
        for connection in (asking, working):
            connection.request("GET", "/readyz")
            assert connection.getresponse().read() == b"ready\n"
        server.signal()
        status, body = 200, b""
        while status == 200:  # until it ends, which this connection would notice
            asking.request("GET", "/readyz")
            answer = asking.getresponse()
            status, body = answer.status, answer.read()
        assert status == 503
        assert b'"code":"unavailable"' in body
        working.sock.sendall(raw_fetch(place.key))
        answer = http.client.HTTPResponse(working.sock)
        answer.begin()
        assert answer.status == 200
        answer.read()
        answer.close()
        assert server.wait() == 0


def test_a_second_signal_ends_at_once(place: Place, ends: ExitStack) -> None:
    """Though a client is still sending its request."""
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        client = ends.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        client.sendall(raw_fetch(place.key)[:-5])
        time.sleep(0.1)
        _stop(server)
        assert server.process.poll() is None
        server.signal()
        assert server.wait() == 128 + signal.SIGTERM


def test_a_request_half_sent_is_waited_for(place: Place, ends: ExitStack) -> None:
    """Within serve.graceful_s."""
    with VaultServer(place.directory, portal={"enabled": False}) as server:
        client = ends.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        request = raw_fetch(place.key)
        client.sendall(request[:-5])
        time.sleep(0.1)
        _stop(server)
        client.sendall(request[-5:])
        answer = client.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert server.wait() == 0


def test_waiting_for_a_slow_client_ends(place: Place, ends: ExitStack) -> None:
    """After serve.graceful_s the process goes, whoever is still sending."""
    with VaultServer(place.directory, portal={"enabled": False}, serve={"graceful_s": 0.5}) as server:
        client = ends.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        client.sendall(raw_fetch(place.key)[:-5])
        time.sleep(0.1)
        server.signal()
        assert server.wait() == 0


@pytest.mark.postgres
def test_a_worker_killed_under_load_harms_only_its_own(shared: Place) -> None:
    """The others go on, another is started, and what was acknowledged is in the log."""
    with VaultServer(shared.directory, arguments=("--workers", "2"), portal={"enabled": False}) as server:
        workers = _wait_children(server.pid, 2)
        crowd = Crowd(server.port, shared.key)
        crowd.wait_for(200)
        os.kill(workers[0], signal.SIGKILL)
        before = len(crowd.answers)
        crowd.wait_for(before + 200)
        _wait_children(server.pid, 2, {workers[0]})
        crowd.stop()
        assert len(crowd.cut) <= 8, crowd.cut  # what the dead one had under way, a request a connection
        assert server.stop() == 0
    assert crowd.audit_ids <= _logged(shared)


@pytest.mark.postgres
def test_workers_stop_together_and_cut_nobody_off(shared: Place) -> None:
    """As one process does."""
    with VaultServer(shared.directory, arguments=("--workers", "2"), portal={"enabled": False}) as server:
        crowd = Crowd(server.port, shared.key)
        crowd.wait_for(200)
        server.signal()
        assert server.wait() == 0, server.output()
        crowd.wait()
    assert crowd.cut == []
    assert crowd.audit_ids <= _logged(shared)


@pytest.mark.postgres
def test_workers_do_not_outlive_their_parent(shared: Place) -> None:
    """Killed like that it can tell nobody; they see that it is gone, and end as on SIGTERM."""
    with VaultServer(shared.directory, arguments=("--workers", "2"), portal={"enabled": False}) as server:
        workers = _wait_children(server.pid, 2)
        server.kill()
        until = time.monotonic() + 40
        while any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers)


@pytest.mark.postgres
def test_nobody_can_see_the_passphrase(shared: Place) -> None:
    """It is in no argument and in no environment of a worker, and the parent opened no vault."""
    with VaultServer(shared.directory, arguments=("--workers", "2"), portal={"enabled": False}) as server:
        for pid in _wait_children(server.pid, 2):
            shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert b"only for tests" not in shown
            assert b"PRIVET_PASSPHRASE" not in shown


@pytest.mark.postgres
def test_a_wrong_passphrase_ends_them_all(shared: Place) -> None:
    """One sentence, exit code 3, as with one worker."""
    server = VaultServer(
        shared.directory,
        passphrase="not this one",
        arguments=("--workers", "2"),
        wait=False,
        portal={"enabled": False},
    )
    assert server.wait() == 3
    assert server.output().count("wrong passphrase") == 1
    assert "Traceback" not in server.output()


def test_two_workers_on_sqlite_are_refused(place: Place) -> None:
    """Exit code 2, with the reason and what to do."""
    server = VaultServer(place.directory, arguments=("--workers", "2"), wait=False)
    assert server.wait() == 2
    assert "SQLite has one writer" in server.output()
