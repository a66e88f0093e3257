"""What every test has: no network in unit tests, a clean environment, real servers for those who ask."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from coverage import Coverage

from tests.services.opa import OpaServer, OpaUnavailable, find_opa
from tests.services.parts import MISSING, miss
from tests.services.postgres import PostgresServer, PostgresUnavailable

_KEPT = frozenset({"PRIVET_TEST_REQUIRE", "PRIVET_OPA", "PRIVET_CHROMIUM"})
_HERE = Path(__file__).parent
UNIT = _HERE / "unit"
TRACED = [
    UNIT,
    _HERE / "invariants",
    *(_HERE / "contract" / name for name in ("bootstrap", "policy", "rights", "store", "vault")),
]
"""The tests that count for tests/coverage_gate.py."""
LONGEST_NAME = 1_000

# In the background of a script Ctrl-C is ignored, and whoever is started there inherits that: some tests send one.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine is slow at odd moments: a deadline would test the machine.
hypothesis.settings.register_profile(
    "privet", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("privet")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on a vault, a passphrase or a Python setting of whoever runs it."""
    # it would hide what is lost at the end of a process
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    for name in os.environ:
        if name.startswith("PRIVET_") and name not in _KEPT:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests reach nobody."""
    if not request.path.is_relative_to(UNIT):
        return

    def guard(real: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                pytest.fail(f"a unit test tried to reach {address!r}")
            return real(self, address)

        return connect

    monkeypatch.setattr(socket.socket, "connect", guard(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guard(socket.socket.connect_ex))


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test's name goes into the environment of whatever it starts: one of a megabyte starts nothing."""
    if len(item.nodeid) > LONGEST_NAME:
        raise pytest.UsageError(f"give its cases shorter ids: {item.nodeid[:100]}...")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage looks only at the tests by which its gate is judged: all the others would run a quarter longer."""
    measuring = Coverage.current()
    if measuring is None or any(item.path.is_relative_to(folder) for folder in TRACED):
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One private cluster for the whole run. Tests that crash or stop it start their own PostgresServer."""
    try:
        server = PostgresServer()
    except PostgresUnavailable as error:
        miss("postgres", str(error))
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh, empty database."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def opa() -> Path:
    """The real OPA's path."""
    found = find_opa()
    if found is None:
        miss("opa", "no OPA of a version that fits: run `make tools` (needs Go 1.26 or later)")
    return found


@pytest.fixture
def opa_server(opa: Path) -> Iterator[Callable[..., OpaServer]]:
    """Start an OPA with a bundle: `opa_server(folder, token=…)`, as OpaServer. All are stopped when the test ends."""
    started: list[OpaServer] = []

    def start(bundle: Path, **options: Any) -> OpaServer:
        try:
            server = OpaServer(bundle, **options)
        except OpaUnavailable as error:
            miss("opa", str(error))
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the end which real parts were not to be had, and what that left untested."""
    missing: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        text = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if MISSING in text:
            reason = text.split(MISSING, 1)[1]
            missing[reason] = missing.get(reason, 0) + 1
    if missing:
        terminalreporter.section("not tested, for want of a real part")
    for reason, count in sorted(missing.items()):
        terminalreporter.write_line(f"{count} tests skipped. {reason}")
