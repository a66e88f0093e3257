"""A whole vault on each database, shared by a module: every test has people of its own in it."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from privet.bootstrap.customer import Customer
from privet.bootstrap.subjects import SubjectRights, get_subject, wire_rights
from privet.bootstrap.vault import Vault
from privet.domain.ids import Millis, SubjectId
from privet.domain.request import By, by

CATALOGUE = Path(__file__).parent / "catalogue"
PASSPHRASE = "correct horse battery"
DAY = 86_400_000


class Clock:
    """The real time, and whatever a test has put forward; or where a test has stopped it."""

    def __init__(self) -> None:
        self.ahead = 0
        self.stopped = 0

    def __call__(self) -> Millis:
        return Millis(self.stopped or time.time_ns() // 1_000_000 + self.ahead)


class House:
    """An open vault with its clock, its people, and a way to tamper with its rows."""

    def __init__(self, vault: Vault, clock: Clock, engine: Engine) -> None:
        self.vault = vault
        self.clock = clock
        self.rights: SubjectRights = wire_rights(vault.parts)
        self._engine = engine
        self._people = itertools.count(1)

    def guest(self, **values: object) -> By:
        """A new guest, known by a fresh address."""
        who = by(email=f"guest{next(self._people)}@example.org")
        desk = self.vault.service("front-desk")
        desk.put(who, {"email": who.value, "given_name": "Ada", **values}, purpose="stay")
        return who

    def customer(self, who: By) -> Customer:
        return self.vault.customer(who)

    def subject(self, who: By) -> SubjectId:
        return get_subject(self.vault.parts, who)

    def mail(self, who: By) -> object:
        """The newsletter service reads the address: refused without consent."""
        return self.vault.service("mailer").fetch(who, purpose="marketing.email", fields=["email"])["email"]

    def row(self, statement: str, **values: object) -> Any:
        with self._engine.begin() as connection:
            return connection.execute(text(statement), values).fetchone()

    def tamper(self, statement: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)

    @contextmanager
    def second(self) -> Iterator[Vault]:
        """The same vault opened again, as another process would."""
        with Vault.open(
            self.vault.parts.settings.directory, passphrase=PASSPHRASE, clock=self.clock
        ) as again:
            yield again


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An open vault on this database."""
    directory = tmp_path_factory.mktemp("house") / "vault"
    url = f"sqlite:///{directory / 'vault.db'}"
    server = name = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        name = server.create_database()
        url = server.url(name)
    clock = Clock()
    vault = Vault.create(
        directory,
        passphrase=PASSPHRASE,
        catalogue=CATALOGUE,
        database_url=url if server is not None else None,
        clock=clock,
    )
    engine = create_engine(url)
    yield House(vault, clock, engine)
    vault.close()
    engine.dispose()
    if server is not None:
        server.drop_database(name)


@pytest.fixture(autouse=True)
def _now(house: House) -> Iterator[None]:
    """Tests that put the clock forward put it back."""
    yield
    house.clock.ahead = house.clock.stopped = 0
