"""What Prometheus reads of the real service: true counts, of all workers together, and nothing of anybody."""

import contextlib
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import privet
from privet.errors import AccessDenied
from tests.e2e.serving import ADA, Place, make_place
from tests.services.vault_server import VaultServer

CANARY = "canary-purpose-Zx81qq"


def scrape(server: VaultServer, **headers: str) -> dict[tuple[str, ...], float]:
    """Samples by (name, label values…)."""
    asked = urllib.request.Request(f"{server.url}/metrics", headers=headers)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        text = answer.read().decode()
    assert "ada" not in text.lower().replace("adapter", "")
    assert CANARY not in text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def use(server: VaultServer, place: Place, times: int) -> None:
    """Reads that end in every way, each on a connection of its own, so that several workers are met."""
    for _ in range(times):
        with privet.Client(server.url, token=place.key) as desk:
            desk.fetch(privet.by(**ADA), purpose="care", fields=["given_name"])
            for purpose in (CANARY, "enrolment"):
                with pytest.raises(AccessDenied):
                    desk.fetch(privet.by(email="nobody@example.org"), purpose=purpose, fields=["given_name"])


def check(found: dict[tuple[str, ...], float], times: int) -> None:
    assert found["privet_reads_total", "released", "care"] == times
    assert found["privet_reads_total", "refused", ""] == times
    assert found["privet_reads_total", "refused", "enrolment"] == times
    assert found["privet_requests_total", "/v1/fetch", "200"] == times
    assert found["privet_requests_total", "/v1/fetch", "403"] == 2 * times
    assert found["privet_request_seconds_count", "/v1/fetch"] == 3 * times
    assert found["privet_batch_reads_sum",] == 3 * times
    assert found["privet_policy_questions_total", "hit"] > 0
    assert found["privet_policy_questions_total", "miss"] > 0


def wait_for(server: VaultServer, **least: float) -> dict[tuple[str, ...], float]:
    """The scrape once these gauges, looked at every few seconds, are as high."""
    until = time.monotonic() + 15
    while True:
        found = scrape(server)
        if all(found.get((name,), 0) >= value for name, value in least.items()):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_one_worker(tmp_path: Path) -> None:
    """Reads by purpose and outcome, requests, latencies, batches, memo, log and keys."""
    place = make_place(tmp_path / "vault")
    with VaultServer(place.directory) as server:
        use(server, place, 5)
        check(scrape(server), 5)
        for path in ("/my/sign-in", f"/{CANARY}"):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{server.url}{path}", timeout=10).close()
        assert scrape(server)["privet_requests_total", "/my", "200"] == 1
        assert scrape(server)["privet_requests_total", "nowhere", "404"] == 1
        found = wait_for(server, privet_log_entries=15, privet_ready=1)
        assert found["privet_log_lag_entries",] == 0
        assert 0 <= found["privet_key_age_seconds", "1", "open"] < 600


@pytest.mark.postgres
def test_several_workers_are_counted_together(tmp_path: Path, postgres_url: str) -> None:
    """Whichever worker answers the scrape tells of all of them, and goes on doing so when one was replaced."""
    place = make_place(tmp_path / "vault", database_url=postgres_url)
    with VaultServer(place.directory, serve={"workers": 2}) as server:
        use(server, place, 20)
        for _ in range(5):
            check(scrape(server), 20)
        assert wait_for(server, privet_ready=2)["privet_ready",] == 2
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        before = children.read_text().split()
        os.kill(int(before[0]), signal.SIGKILL)
        until = time.monotonic() + 30
        while len(now := children.read_text().split()) != 2 or before[0] in now:
            assert time.monotonic() < until
            time.sleep(0.05)
        check(wait_for(server, privet_ready=2), 20)
        use(server, place, 20)
        check(scrape(server), 40)


def test_a_token_opens_metrics_and_nothing_else_does(tmp_path: Path) -> None:
    """With a token set, loopback alone is not enough; without the right one it is 404, as any address."""
    place = make_place(tmp_path / "vault")
    token = tmp_path / "token"
    token.write_text("metrics-token-0123456789\n")
    with VaultServer(place.directory, serve={"metrics_token_file": str(token)}) as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {place.key}"}):
            with pytest.raises(urllib.error.HTTPError) as refused:
                scrape(server, **headers)
            with refused.value as answer:
                assert answer.code == 404
        assert scrape(server, Authorization="Bearer metrics-token-0123456789")
