"""The engines of the contract suite, each started the way the vault starts it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.vault import Vault
from privet.config.catalogue import load_catalogue
from privet.decide.bundle import Bundle, build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.engines import open_engine
from privet.decide.opa import OpaEngine
from privet.decide.regopy_engine import RegopyEngine
from privet.domain.decision import PolicyEngine
from tests.contract.policy.relay import Relay, name_opa
from tests.contract.policy.signed import TOKEN, start_signed
from tests.contract.policy.test_opa_hostile import server
from tests.invariants.world import PASSPHRASE, make_template

Start = Callable[[Bundle], PolicyEngine]


@pytest.fixture
def opa_engine(opa_server: Callable[..., Any], tmp_path: Path) -> Start:
    """Starts a real OPA with the signed bundle, and the engine that asks it."""

    def start(bundle: Bundle) -> OpaEngine:
        server = start_signed(opa_server, bundle, tmp_path)
        return OpaEngine(bundle, server.url, token=TOKEN, timeout=10)

    return start


@pytest.fixture(params=["embedded", "regopy", "opa", "memo over embedded", "memo over opa"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts the engine under test with a bundle; all are closed when the test ends."""
    started: list[PolicyEngine] = []

    def begin(bundle: Bundle) -> PolicyEngine:
        engine: PolicyEngine
        match request.param:
            case "embedded":
                engine = EmbeddedEngine(bundle)
            case "regopy":
                engine = RegopyEngine(bundle)
            case "memo over embedded":
                engine = open_engine(bundle, "embedded")
            case "opa":
                engine = request.getfixturevalue("opa_engine")(bundle)
            case _:
                server = request.getfixturevalue("opa_engine")(bundle)
                server.close()
                url = f"{server._client.schema}{server._client.host}:{server._client.port}"
                engine = open_engine(bundle, "opa", opa_url=url, opa_token=TOKEN, opa_timeout=10)
        started.append(engine)
        return engine

    yield begin
    for engine in started:
        engine.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault, closed, to be copied."""
    directory = tmp_path_factory.mktemp("opa") / "vault"
    make_template(directory, None)
    return directory


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> Path:
    """A vault of the test's own, closed."""
    return Path(shutil.copytree(template, tmp_path / "vault"))


@pytest.fixture
def opa_of_it(directory: Path, opa_server: Any, tmp_path: Path) -> Any:
    """A real OPA with its bundle, signed."""
    return start_signed(opa_server, build_bundle(load_catalogue(directory)), tmp_path)


@pytest.fixture
def relay(opa_of_it: Any, directory: Path) -> Iterator[Relay]:
    """Between the vault in `directory` and its OPA."""
    found = Relay(opa_of_it.port)
    with server(found) as (url, seen):
        found.seen = seen
        name_opa(directory, url)
        yield found
        found.open.set()


@pytest.fixture
def vault(relay: Relay, directory: Path) -> Iterator[Vault]:
    """Open, and deciding by the OPA behind the relay."""
    with Vault.open(directory, passphrase=PASSPHRASE) as opened:
        yield opened
