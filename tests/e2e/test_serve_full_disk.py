"""Full disks under the real process: what is not the vault's own is given up, never the service."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import privet
from tests.e2e.serving import ADA, Place, make_place
from tests.e2e.test_metrics import scrape
from tests.services.vault_server import VaultServer

ROUTES = [
    *(f"me/{name}" for name in ("profile", "accesses", "consents", "receipts")),
    *("fetch", "fetch-many", "find", "history", "put", "record", "controls", "audit/verify", "audit/query"),
    *(f"consent/{name}" for name in ("record", "request", "status", "receipt")),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "privet-test", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, name: str = "ballast") -> None:
    """Until nothing more fits."""
    with (disk / name).open("ab", buffering=0) as ballast:
        try:
            while ballast.write(b"\n" * 4_096):
                pass
        except OSError:
            return


def workers_of(server: VaultServer) -> str:
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()


def fetch(server: VaultServer, place: Place) -> None:
    """On a connection of its own, so that every worker is met."""
    with privet.Client(server.url, token=place.key) as desk:
        desk.fetch(privet.by(**ADA), purpose="care", fields=["given_name"])


@pytest.mark.postgres
def test_no_room_for_counts_ends_no_worker(tmp_path: Path, postgres_url: str, small_disk: Path) -> None:
    """Memory and the temporary directory full: the workers that there were answer all; with room all was counted."""
    place = make_place(tmp_path / "vault", database_url=postgres_url)
    in_place_of_memory = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /dev/shm && exec "$@"')
    with VaultServer(
        place.directory,
        serve={"workers": 2},
        environment={"TMPDIR": str(small_disk)},
        within=(*in_place_of_memory, str(small_disk)),
    ) as server:
        before = workers_of(server)
        fetch(server, place)
        assert list(small_disk.glob("privet-metrics-*/*.db"))
        fill(small_disk)
        for _ in range(10):
            for route in ROUTES:
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(f"{server.url}/v1/{route}", b"", timeout=10)
                refused.value.close()
            fetch(server, place)
        assert workers_of(server) == before, server.output()
        assert server.output().count("new counts are not shared") in range(1, 9)  # a file of a worker each
        assert scrape(server)
        (small_disk / "ballast").unlink()
        reads, until = 11, time.monotonic() + 30
        while scrape(server).get(("privet_reads_total", "released", "care")) != reads:
            assert time.monotonic() < until, scrape(server)
            fetch(server, place)
            reads += 1


@pytest.mark.postgres
def test_a_full_log_disk_ends_nothing(tmp_path: Path, postgres_url: str, small_disk: Path) -> None:
    """Reads are answered, a worker that died is replaced, SIGTERM is heard; with room the log says what it lost."""
    place = make_place(tmp_path / "vault", database_url=postgres_url)
    log = small_disk / "log"
    with VaultServer(place.directory, serve={"workers": 2}, log=log) as server:
        fill(small_disk)
        fill(small_disk, "log")
        before = workers_of(server).split()
        os.kill(int(before[0]), signal.SIGKILL)
        until = time.monotonic() + 30
        while len(now := workers_of(server).split()) != 2 or before[0] in now:
            assert time.monotonic() < until, now
            time.sleep(0.05)
        for _ in range(10):
            fetch(server, place)
        assert "a worker ended" not in log.read_text()
        (small_disk / "ballast").unlink()
        assert server.stop() == 0
        said = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    assert [line.get("lost_lines") for line in said if line["worker"] == -1] == [1]
