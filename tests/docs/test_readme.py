"""What the README says is run, and every link in the docs leads somewhere."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.testing import PASSPHRASE
from tests.services.vault_server import VaultServer

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


def snippet(name: str) -> str:
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"<!-- test: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def run(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={"PRIVET_PASSPHRASE_FILE": str(directory / "passphrase")},
        capture_output=True,
        text=True,
    )


def test_the_ten_lines_of_the_readme_do_what_their_comments_say(tmp_path: Path) -> None:
    """On a vault that `privet init` would make, with the guest in it whom the README puts there."""
    privet.Vault.create(tmp_path / "guests.privet", passphrase=PASSPHRASE).close()
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    first = run(snippet("first"), tmp_path)
    assert (first.stdout, first.stderr) == ("", "")
    code = snippet("sdk")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 11
    done = run(code, tmp_path)
    assert done.stderr == ""
    comments = re.findall(r"^    print\(.*?\)\s+# (.+)$", code, re.MULTILINE)
    assert done.stdout.splitlines()[: len(comments)] == comments
    assert done.stdout.splitlines()[len(comments)] == "2026-05-01 {'room': '12'}"


def test_the_service_of_the_readme_answers(tmp_path: Path) -> None:
    """The key by the command, the client's lines as they stand, but for the port."""
    privet.Vault.create(tmp_path / "guests.privet", passphrase=PASSPHRASE).close()
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    assert run(snippet("first"), tmp_path).stderr == ""
    with VaultServer(tmp_path / "guests.privet") as server:
        made = subprocess.run(
            [sys.executable, "-m", "privet_cli", "service", "key", "create", "front-desk"],
            cwd=tmp_path / "guests.privet",
            env={"PRIVET_PASSPHRASE": PASSPHRASE},
            capture_output=True,
            text=True,
        )
        (tmp_path / "front-desk.key").write_text(made.stdout)
        code = snippet("client").replace("http://127.0.0.1:8443", server.url)
        assert server.url in code
        done = run(code, tmp_path)
        told = ask_as_curl(server.url, made.stdout.strip())
    assert (done.stdout, done.stderr) == ("Ann\n", "")
    assert told["values"] == {"given_name": "Ann"}


def ask_as_curl(url: str, key: str) -> dict[str, Any]:
    """What the README's curl asks, asked without curl, which not every machine has."""
    found = re.search(r"<!-- test: curl -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    command, silent, address, *rest = shlex.split(found[1].replace("\\\n", " "))
    assert (command, silent) == ("curl", "-s")
    headers = dict(rest[at + 1].split(": ", 1) for at, word in enumerate(rest) if word == "-H")
    assert headers["Authorization"] == "Bearer $(cat front-desk.key)"
    headers["Authorization"] = f"Bearer {key}"
    body = rest[rest.index("-d") + 1].encode()
    asked = urllib.request.Request(address.replace("http://127.0.0.1:8443", url), body, headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links, from where the page stands."""
    targets = LINK.findall(page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_error_is_on_the_page_of_the_sdk() -> None:
    """Those a caller may have to tell apart."""
    page = (ROOT / "docs" / "sdk.md").read_text()
    names = [
        name
        for name, kind in vars(privet.errors).items()
        if isinstance(kind, type) and issubclass(kind, privet.errors.PrivetError)
    ]
    direct = [n for n in names if getattr(privet.errors, n).__base__ is privet.errors.PrivetError]
    assert [name for name in direct if f"`{name}`" not in page] == []


def test_every_decision_record_has_a_status_and_owns_its_cost() -> None:
    """An ADR without a cost is an advertisement."""
    for page in (ROOT / "docs" / "adr").glob("0*.md"):
        text = page.read_text()
        assert re.search(r"accepted|replaced", text, re.IGNORECASE), page.name
        assert page.name.startswith("0000") or re.search(r"cost|negative|price", text, re.IGNORECASE), (
            page.name
        )
