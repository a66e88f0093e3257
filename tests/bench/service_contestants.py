"""Who is put under load, and by what: `privet serve` and the twins as processes, and the load generator.

Refuses answers other than 200: a contestant that fails is not measured but reported.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from privet.bootstrap.credentials import create_key
from privet.decide.bundle import write_bundle
from tests.bench.people import FIELDS, PURPOSE, SERVICE, filled_vault
from tests.services.parts import spare_port
from tests.services.vault_server import VaultServer

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / ".tools" / "bin" / "load"
OURS = "privet"
MANY = 1_000
_TICKS = os.sysconf("SC_CLK_TCK")
_START_S = 30.0


def _build() -> str:
    """Builds the load generator if need be; why there is none, or ""."""
    done = subprocess.run(
        [ROOT / "tests" / "tools" / "build.sh", "load"], capture_output=True, text=True, check=False
    )
    return "" if GENERATOR.exists() else done.stderr.strip() or "there is no load generator"


MISSING = _build()


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """One round of one contestant."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Processor time of the server's process, user and system, a request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A closed vault with people in it."""

    directory: Path
    key: str
    ids: list[str]
    bodies: Path
    bundle: Path

    def copy(self, name: str) -> "Prepared":
        """The same vault in another place."""
        target = self.directory.with_name(f"{name}.privet")
        shutil.copytree(self.directory, target)
        return replace(self, directory=target)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    name: str
    url: str
    pid: int
    bodies: Path
    header: str = "X-Twin: yes"

    def load(self, seconds: float, clients: int, *, seed: int, warm: float) -> Load:
        """One round. Raises RuntimeError unless every answer is 200."""
        before = processor_seconds(self.pid)
        command: list[Any] = [
            GENERATOR, "-connections", str(clients), "-seconds", str(seconds), "-warm", str(warm),
            "-bodies", self.bodies, "-seed", str(seed), "-header", self.header, f"{self.url}/v1/fetch",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")
        found = json.loads(done.stdout)
        if set(found["statuses"]) != {"200"}:
            raise RuntimeError(f"{self.name} answered {found['statuses']}")
        asked = found["rate"] * (seconds + warm)
        return Load(
            rate=found["rate"],
            p50_ms=found["p50_us"] / 1e3,
            p99_ms=found["p99_us"] / 1e3,
            cpu_us=(processor_seconds(self.pid) - before) / asked * 1e6,
        )


def processor_seconds(pid: int) -> float:
    """What a process has used so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def prepare(home: Path, people: int, url: str | None) -> Prepared:
    """A vault under `home` with people, a key for its service, and the requests that will be made."""
    with filled_vault(home, people, url) as filled:
        key = create_key(filled.vault.parts, SERVICE).text
        bundle = write_bundle(filled.vault.parts.bundle, home / "bundle.tar.gz")
        directory, ids = filled.vault.parts.settings.directory, filled.ids
    bodies = home / "bodies"
    with bodies.open("w", encoding="utf-8") as file:
        for who in ids:
            file.write(json.dumps({"subject": who, "purpose": PURPOSE, "fields": FIELDS}) + "\n")
    return Prepared(directory=directory, key=key, ids=ids, bodies=bodies, bundle=bundle)


@contextmanager
def serve_ours(prepared: Prepared, **settings: Any) -> Iterator[Contestant]:
    """A real `privet serve`, one process, its rate limit out of the way."""
    limits = {"requests_per_second": 1_000_000, "burst": 1_000_000}
    with VaultServer(prepared.directory, passphrase="bench", serve=limits, **settings) as server:
        yield Contestant(
            name=OURS,
            url=server.url,
            pid=server.pid,
            bodies=prepared.bodies,
            header=f"Authorization: Bearer {prepared.key}",
        )


@contextmanager
def serve_twin(kind: str, database: str, bodies: Path) -> Iterator[Contestant]:
    """A plain twin, one process."""
    port = spare_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.twin_service", kind, database, str(port)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, bodies)
        yield Contestant(name=kind, url=url, pid=process.pid, bodies=bodies)
    finally:
        process.kill()
        process.wait()


def _wait(url: str, bodies: Path) -> None:
    with bodies.open("rb") as file:
        body = file.readline()
    until = time.monotonic() + _START_S
    while True:
        request = urllib.request.Request(
            f"{url}/v1/fetch", data=body, headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (OSError, urllib.error.URLError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
