"""What the page of the SDK shows is run, and prints what its comments say; so is the example of a service."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import privet
from privet.bootstrap.credentials import create_key
from privet.testing import PASSPHRASE, FakeVault, make_vault
from tests.services.vault_server import VaultServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
HOTEL, WELCOME = ROOT / "examples" / "hotel", ROOT / "examples" / "welcome"
SNIPPETS = dict(re.findall(r"<!-- test: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
STAY = {"arrived": "2026-05-01", "booking": "B1", "room_type": "A"}


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_prints_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a client of the fake, as far as it needs a desk and guests."""
    monkeypatch.chdir(ROOT)
    said = io.StringIO()
    with FakeVault(HOTEL) as vault, contextlib.redirect_stdout(said):
        ada = vault.add(
            {"room.bed": "king"}, email="ada@example.org", given_name="Ada", records={"stays": [STAY]}
        )
        guests = [ada, privet.by(email="nobody@example.org")]
        exec(SNIPPETS[name], {"privet": privet, "desk": vault.client("city-front-desk"), "guests": guests})
    comments = re.findall(r"^ *print\(.*?\) +# (.+)$", SNIPPETS[name], re.MULTILINE)
    assert said.getvalue().splitlines() == comments


def test_every_way_in_is_there() -> None:
    """The page's first lines name what can be had; each method of a session is on the page, and each argument."""
    for name in ("Vault.open", "Client", "AsyncClient", "testing.FakeVault"):
        found: object = privet
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found)
        assert f"privet.{name}(" in PAGE
    for name in (n for n in vars(privet.Session) if not n.startswith("_")):
        assert f"`{name}(" in PAGE, name
    for name in ("token", "token_file", "certificate", "ca_file", "timeout", "retries"):
        assert f"| `{name}` |" in PAGE, name
    for word in ("PRIVET_TOKEN", "PRIVET_TOKEN_FILE", "deadline="):
        assert word in PAGE


def test_the_tests_of_the_example_pass() -> None:
    """As its README runs them."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--confcutdir",
            str(WELCOME),
            "test_welcome.py",
        ],
        cwd=WELCOME,
        capture_output=True,
        text=True,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_example_against_a_vault_that_runs(tmp_path: Path) -> None:
    """A real server, a key, and a guest."""
    notices = {path.stem: path.read_text() for path in (HOTEL / "notices").glob("*.md")}
    with make_vault(tmp_path / "v", (HOTEL / "catalogue.yaml").read_text(), notices) as vault:
        who = privet.by(email="ada@example.org")
        vault.service("booking-import").put(
            who, {"given_name": "Ada", "room.bed": "twin"}, purpose="enrolment"
        )
        token = create_key(vault.parts, "city-front-desk").text
    with VaultServer(tmp_path / "v", passphrase=PASSPHRASE) as server:
        done = subprocess.run(
            [sys.executable, "welcome.py", "ada@example.org"],
            cwd=WELCOME,
            env={"PRIVET_URL": server.url, "PRIVET_TOKEN": token},
            capture_output=True,
            text=True,
        )
    assert (done.stdout, done.stderr) == ("Welcome, Ada. A room with a twin bed, as last time?\n", "")
