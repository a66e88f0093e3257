"""One interface: what a session in process takes and gives, a client does, to the letter; mypy reads this file too."""

import inspect
from typing import Any

import pytest

import privet
from privet.bootstrap.service import ServiceSession
from privet.testing.faces import FakeAsyncClient, FakeClient

METHODS = sorted(name for name in vars(privet.Session) if not name.startswith("_"))
CLIENTS = [privet.Client, privet.AsyncClient, FakeClient, FakeAsyncClient]


def all_are_sessions(
    session: ServiceSession, client: privet.Client, fake: FakeClient
) -> tuple[privet.Session, privet.Session, privet.Session]:
    """Never called: mypy checks it."""
    return session, client, fake


def all_are_async_sessions(
    client: privet.AsyncClient, fake: FakeAsyncClient
) -> tuple[privet.AsyncSession, privet.AsyncSession]:
    """Never called: mypy checks it."""
    return client, fake


def taken(kind: type[Any], name: str) -> list[tuple[str, object, object]]:
    """Parameters with kinds and defaults, but for `deadline`, which only a client has."""
    parameters = inspect.signature(getattr(kind, name)).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters if p.name != "deadline"]


def test_the_session_has_these_methods_and_no_other() -> None:
    """What is added to one is added to all."""
    for kind in (ServiceSession, *CLIENTS, privet.AsyncSession):
        own = {name for name in dir(kind) if not name.startswith("_")} - {"close", "name"}
        assert own == set(METHODS), kind


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "kind", [*CLIENTS, privet.Session, privet.AsyncSession], ids=lambda kind: kind.__name__
)
def test_parameters_are_the_same(kind: type[Any], name: str) -> None:
    """Names, order, defaults; what is awaited in a client is plain in a session."""
    assert taken(kind, name) == taken(ServiceSession, name)
    awaited = "Async" in kind.__name__ and not name.startswith(("fetch_each", "each_"))
    assert inspect.iscoroutinefunction(getattr(kind, name)) is awaited


@pytest.mark.parametrize("name", METHODS)
def test_deadlines_are_where_one_request_is(name: str) -> None:
    """On every method of a client but walks, whose steps are the caller's."""
    walks = name in ("fetch_each", "each_record")
    for kind in (privet.Client, privet.AsyncClient):
        assert ("deadline" in inspect.signature(getattr(kind, name)).parameters) is not walks
