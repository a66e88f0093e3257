"""/healthz, /readyz and /metrics: what they say, and to whom."""

import asyncio
from typing import Any

import pytest

from privet.http.edge import App, Edge
from privet.serving.probes import Probes

TOKEN = b"0123456789abcdef"


def _ask(app: App, *, method: str = "GET", client: str = "127.0.0.1", bearer: bytes | None = None) -> Any:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"authorization", b"Bearer " + bearer)] if bearer is not None else []
    scope = {"type": "http", "method": method, "path": "/x", "headers": headers, "client": (client, 1)}
    asyncio.run(Edge(app)(scope, None, send))  # type: ignore[arg-type]
    return messages[0]["status"], messages[1]["body"]


def _probes(fault: str | None = None, token: bytes | None = None, *, loopback: bool = True) -> Probes:
    return Probes(
        find_fault=lambda: fault,
        metrics=lambda: (b"text/plain", b"reads 1\n"),
        token=token,
        loopback=loopback,
    )


def test_alive_is_alive_whatever_else_is_wrong() -> None:
    """A restart would not mend the database."""
    assert _ask(_probes("the database is gone").alive) == (200, b"ok\n")


def test_ready_says_why_it_is_not() -> None:
    """503 and a sentence."""
    assert _ask(_probes().ready) == (200, b"ready\n")
    status, body = _ask(_probes("the database is gone").ready)
    assert status == 503
    assert b"the database is gone" in body


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_they_are_only_read(method: str) -> None:
    """405."""
    assert _ask(_probes().alive, method=method)[0] == 405


def test_head_has_no_body() -> None:
    """As HTTP wants it."""
    assert _ask(_probes().ready, method="HEAD") == (200, b"")


@pytest.mark.parametrize("client", ["127.0.0.1", "127.3.2.1", "::1"])
def test_metrics_on_loopback(client: str) -> None:
    """No token needed where none is set."""
    assert _ask(_probes().metrics, client=client) == (200, b"reads 1\n")


@pytest.mark.parametrize("client", ["192.0.2.1", "::", "10.0.0.1", "::ffff:192.0.2.1"])
def test_metrics_for_strangers(client: str) -> None:
    """Not found: not even that there are any."""
    assert _ask(_probes().metrics, client=client)[0] == 404


def test_metrics_behind_a_proxy_need_the_token() -> None:
    """Everybody comes from loopback there."""
    assert _ask(_probes(loopback=False).metrics)[0] == 404
    assert _ask(_probes(token=TOKEN, loopback=False).metrics, bearer=TOKEN)[0] == 200


@pytest.mark.parametrize("bearer", [None, b"", TOKEN[:-1], TOKEN + b"x", TOKEN.upper()])
def test_with_a_token_loopback_is_not_enough(bearer: bytes | None) -> None:
    """The exact token, from anywhere."""
    assert _ask(_probes(token=TOKEN).metrics, bearer=bearer)[0] == 404
    assert _ask(_probes(token=TOKEN).metrics, client="192.0.2.1", bearer=TOKEN)[0] == 200
