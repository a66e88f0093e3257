"""Real parts that tests run against, and what happens when one cannot be had.

Without a part its tests are skipped and the run says so at its end. With PRIVET_TEST_REQUIRE=all (or a comma
separated list of parts) they fail instead: a run that must prove something may not pass by leaving it out.
"""

import os
import socket
from typing import NoReturn

import pytest

MISSING = "missing real part: "


def required(part: str) -> bool:
    """Tell whether this run must have the named part."""
    wanted = {name.strip() for name in os.environ.get("PRIVET_TEST_REQUIRE", "").split(",")}
    return "all" in wanted or part in wanted


def miss(part: str, why: str) -> NoReturn:
    """Skip the test that asked for a part, or fail it when the run must have that part."""
    if required(part):
        pytest.fail(f"{MISSING}{part}: {why}", pytrace=False)
    pytest.skip(f"{MISSING}{part}: {why}")


def spare_port() -> int:
    """Return a loopback port that was free a moment ago. Whoever binds it must be ready to try another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
