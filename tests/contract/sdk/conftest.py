"""`shared`: an open vault for the tests of one file, its services asked by each face in turn."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import privet
from privet.bootstrap.credentials import create_key
from privet.testing import FakeVault
from tests.contract.sdk.faces import Awaiting, FacedWorld, Loop
from tests.invariants.conftest import make_place, maker, postgres_template, sqlite_template
from tests.invariants.world import CATALOGUE, PASSPHRASE, Clock, Place
from tests.services.vault_server import VaultServer

__all__ = ["make_place", "maker", "postgres_template", "sqlite_template"]

FACES = [
    "session on sqlite",
    pytest.param("session on postgresql", marks=pytest.mark.postgres),
    "client of the fake",
    "awaited client of the fake",
    "client",
    "awaited client",
]
Maker = Callable[[str], tuple[Place, Callable[[], None]]]


@pytest.fixture(scope="module", params=FACES)
def shared(request: pytest.FixtureRequest, maker: Maker) -> Iterator[FacedWorld]:
    """Each test makes its own people."""
    kind = str(request.param)
    with ExitStack() as ends:
        yield _fake(kind, ends) if "fake" in kind else _real(kind, maker, ends)


def _fake(kind: str, ends: ExitStack) -> FacedWorld:
    fake = ends.enter_context(FakeVault(CATALOGUE))
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
    if kind.startswith("session"):
        return FacedWorld(place=place, vault=vault, clock=clock, face=vault.service, kind=kind)
    server = ends.enter_context(
        VaultServer(place.directory, passphrase=PASSPHRASE, portal={"enabled": False})
    )
    loop = ends.enter_context(closing(Loop()))

    @cache
    def face(name: str) -> Any:
        token = create_key(vault.parts, name).text
        if not kind.startswith("awaited"):
            return ends.enter_context(privet.Client(server.url, token=token))
        client = privet.AsyncClient(server.url, token=token)
        ends.callback(lambda: loop.run(client.close()))
        return Awaiting(client, loop)

    return FacedWorld(place=place, vault=vault, clock=clock, face=face, kind=kind)
