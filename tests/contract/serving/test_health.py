"""When a process calls itself ready, on a real vault."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from privet import Vault
from privet.errors import Unavailable
from privet.serving.health import LATE_S, Health
from privet.serving.limits import Gate, Limits
from privet.store.custody.standing import JournalWatch
from privet.testing import make_vault
from tests.e2e.serving import CATALOGUE

LIMITS = Limits(header_s=1, body_s=1, keep_alive_s=1, body=10_000)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return make_vault(tmp_path / "vault", CATALOGUE)


@pytest.fixture
def capture() -> Iterator[list[dict[str, Any]]]:
    """What is logged."""
    with capture_logs() as said:
        yield said  # type: ignore[misc]  # entries are dictionaries


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


def test_one_fault_alone_changes_nothing(vault: Vault) -> None:
    """A process that serves is not taken out for what the next look does not find; two in a row do it."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        health.look()
        journal = vault.parts.settings.journal_path
        aside = journal.rename(journal.with_name("aside"))
        health.look()
        assert health.find_fault() is None
        health.look()
        assert "the control journal is not there" in str(health.find_fault())
        aside.rename(journal)


def test_not_when_the_database_has_been_silent(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that hangs gives no answer to look at; whoever else had an answer of it tells of it too."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        health.look()
        later = time.monotonic() + LATE_S + 0.1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert health.find_fault() == "the database has not answered for 2 s"
        health.answered()
        assert health.find_fault() is None


def test_an_old_look_does_not_contradict_a_newer_one(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several look in turn: what they saw who hung for a while, and then failed, is history."""
    with vault:
        health = Health(vault.parts, Gate(LIMITS, 1))
        hang, ends = threading.Semaphore(0), threading.Event()

        def slow(_: JournalWatch) -> None:
            hang.release()
            assert ends.wait(20)
            raise Unavailable("the journal of a while ago")

        with monkeypatch.context() as changed:
            changed.setattr(JournalWatch, "refresh", slow)
            old = [threading.Thread(target=health.look_at_store) for _ in range(3)]
            for thread in old:
                thread.start()
            assert all(hang.acquire(timeout=20) for _ in old)
        health.look()
        ends.set()
        for thread in old:
            thread.join(20)
        assert health.find_fault() is None


def test_each_change_is_logged_once(vault: Vault, capture: list[dict[str, Any]]) -> None:
    """Why, as often as that changes, and after how long it is ready again; nothing while it stays as it is."""
    with vault:
        gate = Gate(LIMITS, 1)
        health = Health(vault.parts, gate)
        health.look()
        assert [health.tell() for _ in range(3)] == [True] * 3
        assert capture == []
        journal = vault.parts.settings.journal_path
        aside = journal.rename(journal.with_name("aside"))
        for _ in range(3):
            health.look()
        assert [health.tell() for _ in range(3)] == [False] * 3
        aside.rename(journal)
        health.look()
        assert [health.tell() for _ in range(3)] == [True] * 3
        gate.begin_draining()
        assert not health.tell()
    lost, found = capture
    assert (lost["event"], lost["log_level"]) == ("not ready", "error")
    assert "the control journal is not there" in lost["why"]
    assert (found["event"], found["log_level"]) == ("ready again", "info")
    assert found["after_s"] >= 0
