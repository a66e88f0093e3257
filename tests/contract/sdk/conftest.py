"""`shared` and `clinic`: open vaults, their services asked by each face in turn."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.bootstrap.credentials import create_key
from privet.testing import PASSPHRASE, FakeVault, make_vault, open_vault
from tests.contract.sdk import every_type
from tests.contract.sdk.faces import Awaiting, FacedWorld, Loop, Make
from tests.contract.sdk.papers import write_papers
from tests.invariants.conftest import (
    backend,
    make_place,
    maker,
    place,
    postgres_template,
    sqlite_template,
    world,
)
from tests.invariants.world import CATALOGUE, Clock, Place
from tests.invariants.world import PASSPHRASE as WORD
from tests.services.vault_server import VaultServer

__all__ = ["backend", "make_place", "maker", "place", "postgres_template", "sqlite_template", "world"]

FACES = [
    "session on sqlite",
    pytest.param("session on postgresql", marks=pytest.mark.postgres),
    "client of the fake",
    "awaited client of the fake",
    "client",
    "awaited client",
]
Maker = Callable[[str], tuple[Place, Callable[[], None]]]


@pytest.fixture(scope="session")
def worlds(
    maker: Maker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], FacedWorld]]:
    """worlds(which, face): made when first asked for, then shared, for a server takes seconds to start."""
    with ExitStack() as ends:

        @cache
        def world_of(which: str, kind: str) -> FacedWorld:
            if "fake" in kind:
                return _fake(kind, ends, *_CATALOGUES[which])
            if which == "house":
                return _real(kind, maker, ends)
            return _clinic(kind, tmp_path_factory.mktemp("clinic") / "vault", ends)

        yield world_of


@pytest.fixture(scope="session")
def postgres_house(postgres_template: tuple[Path, str], maker: Maker) -> Iterator[FacedWorld]:
    """Its own fixture, so that it ends before its server does."""
    with ExitStack() as ends:
        yield _real("session on postgresql", maker, ends)


@pytest.fixture(params=FACES)
def shared(request: pytest.FixtureRequest, worlds: Callable[[str, str], FacedWorld]) -> FacedWorld:
    """An open vault that tests share: each makes its own people."""
    if "postgresql" in request.param:
        house: FacedWorld = request.getfixturevalue("postgres_house")
        return house
    return worlds("house", str(request.param))


@pytest.fixture(params=[face for face in FACES if isinstance(face, str)])
def clinic(request: pytest.FixtureRequest, worlds: Callable[[str, str], FacedWorld]) -> FacedWorld:
    """As `shared`, with the catalogue that has every type."""
    return worlds("clinic", str(request.param))


_CATALOGUES: Mapping[str, tuple[str | Path, Mapping[str, str] | None]] = {
    "house": (CATALOGUE, None),
    "clinic": (every_type.CATALOGUE, every_type.NOTICES),
}


def _clinic(kind: str, directory: Path, ends: ExitStack) -> FacedWorld:
    make_vault(directory, every_type.CATALOGUE, every_type.NOTICES).close()
    clock = Clock()
    vault = ends.enter_context(open_vault(directory, clock=clock))
    place = Place(backend="sqlite", directory=directory, url="")
    face = vault.service if kind.startswith("session") else _served(kind, vault, directory, PASSPHRASE, ends)
    return FacedWorld(place=place, vault=vault, clock=clock, face=face, kind=kind)


def _fake(kind: str, ends: ExitStack, catalogue: str | Path, notices: Mapping[str, str] | None) -> FacedWorld:
    fake = ends.enter_context(FakeVault(catalogue, notices))
    place = Place(backend="sqlite", directory=Path(), url="")
    if kind.startswith("awaited"):
        loop = ends.enter_context(closing(Loop()))
        face: Callable[[str], Any] = lambda name: Awaiting(fake.async_client(name), loop)  # noqa: E731
    else:
        face = fake.client
    return FacedWorld(place=place, vault=fake.vault, clock=Clock(), face=face, kind=kind)


def _real(kind: str, maker: Maker, ends: ExitStack) -> FacedWorld:
    place, end = maker("postgresql" if "postgresql" in kind else "sqlite")
    ends.callback(end)
    clock = Clock()
    vault = ends.enter_context(place.open(clock))
    face = vault.service if kind.startswith("session") else _served(kind, vault, place.directory, WORD, ends)
    return FacedWorld(place=place, vault=vault, clock=clock, face=face, kind=kind)


def _served(
    kind: str, vault: privet.Vault, directory: Path, passphrase: str, ends: ExitStack
) -> Callable[[str], Any]:
    """Clients of a real server, by the name of their service, each with a key of its own."""
    server = ends.enter_context(VaultServer(directory, passphrase=passphrase, portal={"enabled": False}))
    loop = ends.enter_context(closing(Loop()))

    @cache
    def face(name: str) -> Any:
        token = create_key(vault.parts, name).text
        if not kind.startswith("awaited"):
            return ends.enter_context(privet.Client(server.url, token=token))
        client = privet.AsyncClient(server.url, token=token)
        ends.callback(lambda: loop.run(client.close()))
        return Awaiting(client, loop)

    return face


@pytest.fixture(params=["client", "awaited client"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """make(url, …): one of the two clients, asked from plain code."""
    with ExitStack() as ends:
        loop = ends.enter_context(closing(Loop())) if request.param != "client" else None

        def client(url: str, **options: Any) -> Any:
            options = {"token": "t0ken", "timeout": 20.0, **options}
            if loop is None:
                return ends.enter_context(privet.Client(url, **options))
            made = privet.AsyncClient(url, **options)
            ends.callback(lambda: loop.run(made.close()))
            return Awaiting(made, loop)

        yield client


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of certificates."""
    return write_papers(tmp_path_factory.mktemp("papers"))
