"""A vault with two guests, made once and copied for each test."""

import shutil
from pathlib import Path

import pytest

from privet import Vault
from tests.cli.running import PASSPHRASE, seal_cheaply

GUESTS = """\
id,first,last,mail,phone,newsletter
G-1,Ada,Lovelace,ada@example.org,+44 20 7946 0001,yes
G-2,Grace,Hopper,grace@example.org,,no
"""
MAP = """\
subject: {lookup: guest_id, column: id}
fields: {given_name: first, family_name: last, email: mail, phone: phone}
consents: {marketing.email: newsletter}
purpose: enrolment
"""


@pytest.fixture(scope="session")
def made_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vault that the others are copies of. Nobody changes it."""
    home = tmp_path_factory.mktemp("made")
    Vault.create(home / "guests.privet", passphrase=PASSPHRASE).close()
    seal_cheaply(home / "guests.privet")
    (home / "guests.csv").write_text(GUESTS)
    (home / "guests.yaml").write_text(MAP)
    with Vault.open(home / "guests.privet", passphrase=PASSPHRASE) as vault:
        vault.steward().import_file(home / "guests.csv", home / "guests.yaml")
    return home


@pytest.fixture
def home(made_vault: Path, tmp_path: Path) -> Path:
    """A directory with guests.privet, guests.csv and its map in it."""
    copy = tmp_path / "home"
    shutil.copytree(made_vault, copy)
    return copy


@pytest.fixture
def vault(home: Path) -> Path:
    """The vault's own directory: stand in it and no --vault is needed."""
    return home / "guests.privet"
