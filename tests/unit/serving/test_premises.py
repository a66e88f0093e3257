"""What is looked at of a vault's directory before it is served."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from privet.config.settings import Settings, default_settings
from privet.domain.ids import VaultId
from privet.errors import Unavailable
from privet.serving.premises import alone, verify_writable


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A directory with what a vault has there, its anchors elsewhere."""
    made = default_settings(tmp_path, VaultId(bytes(16)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("journal", "keypack", "vault.db"):
        (tmp_path / name).touch()
    return replace(made, anchors_path=elsewhere)


def test_what_can_be_written_is_well(settings: Settings) -> None:
    """Nothing said, nothing left behind; what is not there yet will be made."""
    before = sorted(settings.directory.iterdir())
    verify_writable(settings)
    verify_writable(replace(settings, anchors_path=settings.directory / "later"))
    assert sorted(settings.directory.iterdir()) == before


@pytest.mark.parametrize("name", ["elsewhere", "journal", "keypack", "vault.db"])
def test_what_cannot_be_written_is_named(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its path; the system is asked, which knows of users and of read-only disks."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != name and access(path, mode))
    with pytest.raises(Unavailable, match=f"/{name} cannot be written"):
        verify_writable(settings)


def test_one_at_a_time(tmp_path: Path) -> None:
    """The second is refused, and may once the first has ended."""
    with alone(tmp_path), pytest.raises(Unavailable, match="is served already"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
