"""A vault to attack: made once a session, copied for each test, with people whose values are canaries.

Refuses nothing; everything in it is real: store, keyring file, policy engine, journal, anchors.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from privet.bootstrap.customer import Customer
from privet.bootstrap.service import ServiceSession
from privet.bootstrap.vault import Vault, system_clock
from privet.crypto.keyring import FileKeyring, ScryptCost
from privet.domain.ids import Millis, SubjectId
from privet.domain.request import By, by
from privet.store import sqlite_file
from privet.store.custody.rotation import Rotated, rotate

CATALOGUE = Path(__file__).parent / "catalogue"
PASSPHRASE = "canary-Passphrase-Zx81qq"
CHEAP = ScryptCost(log2_n=4)
"""For tests only: opening a vault otherwise takes 0.6 s of scrypt."""


class Clock:
    """The real time, and whatever a test has put forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> Millis:
        return Millis(time.time_ns() // 1_000_000 + self.ahead)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a closed vault lies."""

    backend: str
    directory: Path
    url: str = field(repr=False)

    def open(self, clock: Callable[[], Millis] = system_clock) -> Vault:
        return Vault.open(self.directory, passphrase=PASSPHRASE, clock=clock)

    def execute(self, statement: str, *many: dict[str, object], **values: object) -> list[Any]:
        """Behind the store's back: what somebody with the database in hand can do. `many`: once for each of them."""
        if self.backend == "sqlite":
            connection = sqlite_file.get_driver().connect(self.url.removeprefix("sqlite:///"))
            try:
                run = connection.executemany if many else connection.execute
                rows: list[Any] = run(statement, many or values).fetchall()
                connection.commit()
            finally:
                connection.close()
            return rows
        engine = create_engine(self.url)
        try:
            with engine.begin() as plain:
                result = plain.execute(text(statement), list(many) or values)
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()

    def files(self) -> list[Path]:
        return sorted(path for path in self.directory.rglob("*") if path.is_file())


@dataclass(kw_only=True)
class World:
    """An open vault and the people in it."""

    place: Place
    vault: Vault
    clock: Clock
    made: int = 0

    def service(self, name: str) -> ServiceSession:
        return self.vault.service(name)

    def customer(self, who: By) -> Customer:
        return self.vault.customer(who)

    def guest(self, **values: object) -> By:
        """A new guest, known by a fresh address."""
        self.made += 1
        who = by(email=f"guest{self.made}@example.org")
        self.vault.service("web-shop").put(who, {"given_name": "Ada", **values}, purpose="enrolment")
        return who

    def subject(self, who: By) -> SubjectId:
        from privet.bootstrap.subjects import get_subject

        return get_subject(self.vault.parts, who)

    def reopen(self) -> Vault:
        """Closes and opens again, as after a restart of the process."""
        self.vault.close()
        self.vault = self.place.open(self.clock)
        return self.vault

    def rotate(self) -> Rotated:
        return rotate_keys(self.vault)

    def log(self) -> list[Any]:
        """Every entry, sequenced."""
        store = self.vault.parts.store
        store.sequence()
        return list(store.log.entries(0, store.log.size()))


def rotate_keys(vault: Vault, **options: Any) -> Rotated:
    """As `privet keys rotate` does."""
    parts = vault.parts
    return rotate(
        store=parts.store,
        keyring=parts.keyring,
        vault=parts.vault,
        catalogue=parts.catalogue,
        scribe=parts.scribe,
        keypack=parts.keypack,
        journal=parts.journal,
        clock=parts.clock,
        **{"grace_s": 0.0, **options},
    )


def make_template(directory: Path, database_url: str | None) -> None:
    """A fresh vault under a cheap passphrase, closed."""
    Vault.create(directory, passphrase=PASSPHRASE, catalogue=CATALOGUE, database_url=database_url).close()
    secret = PASSPHRASE.encode()
    FileKeyring.open(directory / "keyring.json", secret).change_passphrase(secret, cost=CHEAP)


def copy_vault(template: Path, directory: Path, replaced: tuple[str, str] | None = None) -> None:
    """The template again, elsewhere; `replaced` renames its database in privet.toml."""
    shutil.copytree(template, directory)
    if replaced is not None:
        settings = directory / "privet.toml"
        settings.write_text(settings.read_text().replace(*replaced))
