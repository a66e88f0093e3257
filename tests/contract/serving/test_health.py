"""When a process calls itself ready, on a real vault."""

import time
from pathlib import Path

import pytest

from privet import Vault
from privet.serving.health import Health
from privet.serving.limits import Gate, Limits
from privet.testing import make_vault
from tests.e2e.serving import CATALOGUE

LIMITS = Limits(header_s=1, body_s=1, keep_alive_s=1, body=10_000)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return make_vault(tmp_path / "vault", CATALOGUE)


def test_not_before_the_first_look(vault: Vault) -> None:
    """It has not shown yet that it can."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        assert health.find_fault() == "the service is starting"
        health.look()
        assert health.find_fault() is None


def test_not_while_it_stops(vault: Vault) -> None:
    """Though it still answers."""
    with vault:
        gate = Gate(LIMITS, 1)
        health = Health(vault.parts, gate)
        health.look()
        gate.begin_draining()
        assert health.find_fault() == "the service is stopping"


def test_not_when_the_store_is_gone(vault: Vault) -> None:
    """It says why, and is ready again when the store is."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
    health.look()
    assert health.find_fault() == "the vault is closed"


def test_not_without_the_control_journal(vault: Vault) -> None:
    """Every read would fail: it says so, and is ready again once the file is back."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        journal = vault.parts.settings.journal_path
        aside = journal.rename(journal.with_name("aside"))
        health.look()
        assert "the control journal is not there" in str(health.find_fault())
        aside.rename(journal)
        health.look()
        assert health.find_fault() is None


def test_not_when_nobody_has_looked_for_a_while(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that hangs gives no answer to look at."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        health.look()
        later = time.monotonic() + 9
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert "has not answered" in str(health.find_fault())
