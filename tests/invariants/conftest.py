"""Both backends, by one name: `place` is a closed vault, `world` an open one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.invariants.world import Clock, Place, World, copy_vault, make_template

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault on SQLite, closed, to be copied."""
    directory = tmp_path_factory.mktemp("template") / "vault"
    make_template(directory, None)
    return directory


@pytest.fixture(scope="session")
def postgres_template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A vault on PostgreSQL, closed: its directory and the name of its database."""
    server = request.getfixturevalue("postgres_server")
    directory = tmp_path_factory.mktemp("template") / "vault"
    name = server.create_database()
    make_template(directory, server.url(name))
    return directory, name


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


Make = Callable[[str], Place]


@pytest.fixture(scope="session")
def maker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Place, Callable[[], None]]]:
    """maker(backend): a fresh, closed vault, and how to be rid of it."""

    def make(kind: str) -> tuple[Place, Callable[[], None]]:
        directory = tmp_path_factory.mktemp("copy") / "vault"
        if kind == "sqlite":
            copy_vault(request.getfixturevalue("sqlite_template"), directory)
            url = f"sqlite:///{directory / 'vault.db'}"
            return Place(backend=kind, directory=directory, url=url), lambda: None
        template, database = request.getfixturevalue("postgres_template")
        server = request.getfixturevalue("postgres_server")
        name = server.create_database(database)
        copy_vault(template, directory, (database, name))
        place = Place(backend=kind, directory=directory, url=server.url(name))
        return place, lambda: server.drop_database(name)

    return make


@pytest.fixture
def make_place(maker: Callable[[str], tuple[Place, Callable[[], None]]]) -> Iterator[Make]:
    """make_place(backend): a fresh, closed vault for this test."""
    ends: list[Callable[[], None]] = []

    def make(kind: str) -> Place:
        place, end = maker(kind)
        ends.append(end)
        return place

    yield make
    for end in ends:
        end()


@pytest.fixture
def place(backend: str, make_place: Make) -> Place:
    """A fresh, closed vault."""
    return make_place(backend)


@pytest.fixture
def world(place: Place) -> Iterator[World]:
    """A fresh, open vault."""
    clock = Clock()
    made = World(place=place, vault=place.open(clock), clock=clock)
    yield made
    made.vault.close()


@pytest.fixture(scope="module", params=BACKENDS)
def shared(
    request: pytest.FixtureRequest, maker: Callable[[str], tuple[Place, Callable[[], None]]]
) -> Iterator[World]:
    """An open vault that the tests of one file share: each makes its own people."""
    place, end = maker(str(request.param))
    clock = Clock()
    made = World(place=place, vault=place.open(clock), clock=clock)
    yield made
    made.vault.close()
    end()
