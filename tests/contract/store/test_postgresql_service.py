"""Two workers of `privet serve` and another process on one PostgreSQL: what ends, comes back; what is refused, is."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

import privet
from privet.bootstrap.credentials import create_key
from privet.domain.request import By
from tests.bench.people import FIELDS, PURPOSE, SERVICE, filled_vault
from tests.services.postgres import PostgresServer
from tests.services.vault_server import VaultServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

BOUND_S = 30.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as made:
        yield made


class Asking:
    """Threads that fetch without a pause, each by a connection of its own."""

    def __init__(self, url: str, key: str, ids: list[str], threads: int = 4) -> None:
        self.statuses: Counter[int] = Counter()
        self.logged: set[str] = set()
        self.slowest = 0.0
        self._url, self._ids = url, ids
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in self._threads)

    def await_answers(self, many: int) -> None:
        wanted, until = self.statuses[200] + many, time.monotonic() + 30
        while self.statuses[200] < wanted:
            assert time.monotonic() < until, self.statuses
            time.sleep(0.05)

    def _ask(self, number: int) -> None:
        http = urllib3.HTTPConnectionPool(
            self._url.removeprefix("http://"), maxsize=1, retries=False, timeout=60
        )
        at = number
        while not self._ending.is_set():
            at += 1
            body = {"subject": self._ids[at % len(self._ids)], "purpose": PURPOSE, "fields": FIELDS}
            begun = time.monotonic()
            answer = http.request("POST", "/v1/fetch", body=json.dumps(body), headers=self._headers)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.statuses[answer.status] += 1
            if answer.status == 200:
                self.logged.add(answer.json()["audit_id"])
            else:
                time.sleep(0.05)


def fetch(url: str, key: str, who: str) -> set[int]:
    """The statuses of many reads of one person, each on a connection of its own, so that both workers answer."""
    body = json.dumps({"subject": who, "purpose": PURPOSE, "fields": FIELDS})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Connection": "close"}
    return {urllib3.request("POST", f"{url}/v1/fetch", body=body, headers=headers).status for _ in range(30)}


def test_a_service_outlives_its_database_server(server: PostgresServer, tmp_path: Path) -> None:
    """Killed and started under load: 200 or 503 and nothing else, in time; each 200 is in the log, which verifies.
    Meanwhile another process writes to the same vault, and what it refuses holds in both workers at once."""
    with filled_vault(tmp_path, 40, server.url(server.create_database())) as filled:
        key, ids = create_key(filled.vault.parts, SERVICE).text, filled.ids
        directory = filled.vault.parts.settings.directory
    limits = {"pool_size": 4, "pool_wait_s": 3.0, "statement_timeout_ms": 2_000}
    arguments = ("--workers", "2")
    with VaultServer(directory, passphrase="bench", arguments=arguments, database=limits) as service:
        with Asking(service.url, key, ids) as asking:
            asking.await_answers(30)
            server.kill()
            time.sleep(1)
            server.start()
            asking.await_answers(30)
            server.restart(fast=True)
            asking.await_answers(30)
        assert set(asking.statuses) <= {200, 503}, service.output()
        assert asking.slowest < BOUND_S
        with privet.Vault.open(directory, passphrase="bench") as vault:
            assert fetch(service.url, key, ids[7]) == {200}
            email = vault.service(SERVICE).fetch(ids[7], purpose=PURPOSE, fields=["email"]).values["email"]
            vault.customer(By("email", str(email))).erase()
            assert fetch(service.url, key, ids[7]) == {403}
            assert vault.officer("ana").audit.verify().ok
            log = vault.parts.store.log
            logged = {row.id.hex() for row in log.entries(0, log.size())}
        assert asking.logged <= logged
        assert service.process.poll() is None
