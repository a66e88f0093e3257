"""`privet serve` over a real OPA: neighbours of a read that waits for it, readiness, and no start on another policy."""

import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.credentials import create_key
from privet.bootstrap.vault import Vault
from privet.config.catalogue import load_catalogue
from privet.decide.bundle import build_bundle
from tests.contract.policy.relay import Relay, guest, name_opa
from tests.contract.policy.signed import start_signed, write_signed
from tests.contract.policy.test_opa_hostile import BUNDLE, server
from tests.contract.policy.test_opa_watch import until
from tests.invariants.world import PASSPHRASE
from tests.services.vault_server import ServerFailed, VaultServer

pytestmark = pytest.mark.opa

PEOPLE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    server: VaultServer
    relay: Relay
    opa: Any
    desk: str
    mailer: str

    def fetch(self, key: str, number: int = 0, **asked: Any) -> tuple[int, Any, float]:
        """Status, body, and how long it took."""
        body = {
            "subject": {"email": f"guest{number}@example.org"},
            "purpose": "stay",
            "fields": ["given_name"],
            **asked,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        start = time.monotonic()
        try:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/fetch", json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), time.monotonic() - start
        finally:
            connection.close()

    def get(self, path: str) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"{self.server.url}{path}", timeout=30) as answer:
            return str(answer.read(), "utf-8")

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        return status == 200


@pytest.fixture
def served(directory: Path, opa_of_it: Any) -> Iterator[Served]:
    keys = {}
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        for number in range(PEOPLE):
            guest(vault, number)
        for name in ("front-desk", "mailer"):
            keys[name] = create_key(vault.parts, name).text
    relay = Relay(opa_of_it.port)
    with server(relay) as (url, seen):
        relay.seen = seen
        name_opa(directory, url)
        with VaultServer(directory, passphrase=PASSPHRASE) as running:
            yield Served(
                server=running, relay=relay, opa=opa_of_it, desk=keys["front-desk"], mailer=keys["mailer"]
            )
            relay.open.set()


def test_neighbours_of_what_waits_for_opa_do_not_wait(served: Served) -> None:
    """OPA thinks for seconds about a dozen new questions: known reads are answered as before, and then those too."""
    status, body, _ = served.fetch(served.desk)
    assert (status, body["values"]) == (200, {"given_name": "Ada"})
    served.relay.open.clear()
    answers: list[tuple[int, Any, float]] = []

    def ask(number: int) -> None:
        fields = ["given_name", f"field{number}"]
        answers.append(served.fetch(served.desk, number % PEOPLE, fields=fields))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    assert served.relay.waiting.acquire(timeout=10)
    times = [served.fetch(served.desk, number % PEOPLE)[2] for number in range(40)]
    assert answers == []
    assert max(times) < 10  # OPA is waited for twice as long
    served.relay.open.set()
    for thread in threads:
        thread.join(30)
    assert [status for status, _, _ in answers] == [200] * 12
    assert all(body["withheld"] for _, body, _ in answers)


def test_not_ready_while_opa_is_away_and_ready_when_it_is_back(served: Served) -> None:
    """/readyz, the log, and reads: refused with the reason and an audit id, counted as failed, then answered again."""
    assert served.is_ready()
    served.fetch(served.desk)
    served.opa.kill()
    status, body, took = served.fetch(served.mailer, purpose="surveys")
    assert (status, body["reasons"]) == (403, ["engine_error"])
    assert body["audit_id"]
    assert took < 10
    until(lambda: not served.is_ready(), 30)
    assert served.fetch(served.desk)[0] == 403
    until(lambda: "the policy engine cannot decide (engine_" in served.server.output(), 30)
    served.opa.start()
    until(served.is_ready, 30)
    assert served.fetch(served.desk)[0] == 200
    until(lambda: '"event": "ready again"' in served.server.output(), 30)
    counted = served.get("/metrics")
    assert 'privet_reads_total{outcome="failed",purpose="surveys"} 1.0' in counted
    assert 'privet_reads_total{outcome="failed",purpose="stay"} 1.0' in counted
    assert "refused" not in counted


def test_it_does_not_start_on_another_policy(
    directory: Path,
    opa_server: Any,
    tmp_path: Path,
) -> None:
    """OPA holds another revision: exit 3, and one line with both."""
    other = start_signed(opa_server, BUNDLE, tmp_path)
    name_opa(directory, other.url)
    with pytest.raises(ServerFailed) as caught:
        VaultServer(directory, passphrase=PASSPHRASE)
    said = str(caught.value)
    assert BUNDLE.revision in said
    assert build_bundle(load_catalogue(directory)).revision in said
    assert "Traceback" not in said


def test_another_policy_under_way_is_not_ready(served: Served, tmp_path: Path) -> None:
    """OPA is restarted with another bundle: everything is refused with revision_mismatch, and it is not ready."""
    served.fetch(served.desk)
    served.opa.restart(write_signed(BUNDLE, tmp_path))
    until(lambda: served.fetch(served.desk)[0] == 403, 5)
    assert served.fetch(served.desk)[1]["reasons"] == ["revision_mismatch"]
    until(lambda: not served.is_ready(), 5)
