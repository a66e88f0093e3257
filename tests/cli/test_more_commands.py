"""Replay, sweep and receipts from the command line: what they say, and their exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from privet import by
from privet.errors import AccessDenied
from privet.testing import PASSPHRASE, make_vault
from tests.contract.bootstrap.catalogue import CATALOGUE, NOTICES


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Ann, whose read was refused once, and who has a receipt."""
    with make_vault(tmp_path / "v", CATALOGUE, NOTICES) as vault:
        vault.service("register").put(
            by(email="ann@example.org"), {"crm_id": "C1", "size": 38}, purpose="enrolment"
        )
        with pytest.raises(AccessDenied) as denied:
            vault.service("letters").fetch(
                by(email="ann@example.org"), purpose="marketing.email", fields=["email"], request_id="mail-7"
            )
        receipt = vault.customer(by(crm_id="C1")).consent("marketing.email")
    (tmp_path / "receipt.json").write_text(json.dumps(receipt, ensure_ascii=False))
    (tmp_path / "audit_id").write_text(denied.value.audit_id or "")
    return tmp_path


def privet(
    directory: Path, *arguments: str, passphrase: str | None = PASSPHRASE
) -> subprocess.CompletedProcess[str]:
    environment = {"PRIVET_VAULT": str(directory / "v"), "PATH": "/usr/bin:/bin"}
    if passphrase is not None:
        environment["PRIVET_PASSPHRASE"] = passphrase
    command = [sys.executable, "-m", "privet_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_an_entry_is_found_by_its_request_id(directory: Path) -> None:
    """As its caller logged it, and told in a column of its own; an id that none can have is bad input."""
    audit_id = (directory / "audit_id").read_text()
    done = privet(directory, "audit", "query", "--request", "mail-7", "--json")
    [line] = map(json.loads, done.stdout.splitlines())
    assert (line["audit_id"], line["request"], line["credential"]) == (audit_id, "mail-7", None)
    assert "mail-7" in privet(directory, "audit", "show", audit_id).stdout
    assert privet(directory, "audit", "query", "--request", "mail-8", "--json").stdout == ""
    assert privet(directory, "audit", "query", "--request", "mail 7").returncode == 2


def test_a_refusal_is_replayed_from_its_audit_id(directory: Path) -> None:
    """The same answer by the revision of that day; an entry that is not there is refused in a sentence."""
    audit_id = (directory / "audit_id").read_text()
    done = privet(directory, "audit", "replay", audit_id, "--json")
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["same"] is True
    assert again["fields"] == {"email": {"effect": "deny", "reason": "consent_required"}}
    assert "The same answer" in privet(directory, "audit", "replay", audit_id, "--as", "ana").stderr
    assert privet(directory, "audit", "replay", "0" * 32).returncode == 1
    assert privet(directory, "audit", "replay", "zz").returncode == 2


def test_a_receipt_is_checked_without_a_passphrase(directory: Path) -> None:
    """Genuine as it was signed; one character later, not."""
    file = directory / "receipt.json"
    done = privet(directory, "consent", "check-receipt", str(file), passphrase=None)
    assert (done.returncode, done.stdout) == (0, "genuine: signed by this vault, and unaltered\n")
    key = directory / "v" / "anchors" / "log.vkey"
    assert (
        privet(
            directory, "consent", "check-receipt", str(file), "--key", str(key), passphrase=None
        ).returncode
        == 0
    )
    file.write_text(file.read_text().replace("marketing.email", "marketing.e-mail", 1))
    forged = privet(directory, "consent", "check-receipt", str(file), passphrase=None)
    assert forged.returncode == 1
    assert "Traceback" not in forged.stderr
    assert (
        privet(directory, "consent", "check-receipt", str(directory / "none"), passphrase=None).returncode
        == 3
    )


def test_a_sweep_says_what_it_removed(directory: Path) -> None:
    """Nothing has run out; then one field of everybody goes, so that the catalogue may drop it."""
    assert privet(directory, "subject", "sweep").stdout == "0 values and 0 records of 0 people removed.\n"
    done = privet(directory, "subject", "sweep", "--field", "size", "--yes")
    assert done.stdout == "1 value and 0 records of 1 person removed.\n", done.stderr
    assert privet(directory, "subject", "sweep", "--field", "nothing", "--yes").returncode == 2
    asked = privet(directory, "subject", "sweep", "--field", "size")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr


def test_a_no_is_told_as_what_was_done(directory: Path) -> None:
    """Withdrawn after a yes; recorded, as the ledger calls it, without one before it; said again, the same."""
    ann = ("--by", "crm_id=C1")
    for purpose, done in (
        ("marketing.email", "consent withdrawn"),
        ("care", "her no is recorded, as refused: there was no consent to withdraw"),
    ):
        for _ in range(2):
            said = privet(directory, "consent", "withdraw", *ann, purpose)
            assert said.stdout == f"{purpose}: {done}\n", said.stderr


@pytest.mark.parametrize("command", ["consent grant", "consent withdraw", "consent status", "rights object"])
def test_an_unknown_purpose_is_answered_with_those_there_are(command: str, directory: Path) -> None:
    """A slip of the pen is mended without opening the catalogue."""
    said = privet(directory, *command.split(), "--by", "crm_id=C1", "marketing.mail")
    assert said.returncode == 2
    assert "purposes here: care, enrolment, marketing.email" in said.stderr
