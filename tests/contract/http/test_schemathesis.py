"""The OpenAPI document is true: schemathesis asks what it allows and what it forbids, with every check there is.

Against a real server, as a stranger would run it: a service that may do most, an officer, a customer, and at last the
erasure, after which a customer has nothing more to ask. The seed is fixed, so that a run tells of the code.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.http.house import House

HERE = Path(__file__).parent
READS = "^/v1/(fetch|find|history)"
WRITES = "^/v1/(put|record|consent)"
OFFICERS = "^/(v1/(audit|controls|log|openapi)|healthz|readyz|metrics)"
HER_OWN = "^/v1/me/(?!erase)"
EXAMPLES = 4


def start(house: House, who: str, paths: str, place: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name("st")),
            *("--config-file", str(HERE / "schemathesis.toml"), "--no-color"),
            *("run", f"{house.url}/v1/openapi.json", "-H", f"Authorization: Bearer {house.bearer(who)}"),
            *("--include-path-regex", paths, "--checks", "all", "--max-examples", str(EXAMPLES)),
            *("--seed", "1", "--no-shrink", "--continue-on-failure", "--generation-database", "none"),
            *("--phases", "examples,coverage,fuzzing", "--warnings", "off"),
        ],
        cwd=place,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.contract.http.schemathesis_hooks",
            "PYTHONPATH": str(HERE.parents[2]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check(*runs: "subprocess.Popen[str]") -> None:
    for one in runs:
        told = one.communicate(timeout=500)[0]
        assert one.returncode == 0, told[-8_000:]
        assert "generated" in told


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_the_document_is_true_for_a_service(own_house: House, tmp_path: Path) -> None:
    """Reads and writes of one that may do most."""
    check(start(own_house, "desk", READS, tmp_path), start(own_house, "desk", WRITES, tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_the_document_is_true_for_officers_and_customers(own_house: House, tmp_path: Path) -> None:
    """And, at last, for the erasure, after which a customer has nothing more to ask."""
    her = own_house.guest(phone="+351912345678").value
    check(start(own_house, "officer", OFFICERS, tmp_path), start(own_house, her, HER_OWN, tmp_path))
    check(start(own_house, her, "^/v1/me/erase$", tmp_path))
