"""The real OPA that other tests rely on."""

import http.client
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.opa import OpaServer

pytestmark = pytest.mark.opa

_REGO = 'package greeting\n\nhello := concat(" ", ["good day", input.name])\n'


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of one rule, with a revision."""
    (tmp_path / "greeting.rego").write_text(_REGO)
    (tmp_path / ".manifest").write_text(json.dumps({"revision": "r1", "roots": ["greeting"]}))
    return tmp_path


def _ask(server: OpaServer, token: str | None = None) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = json.dumps({"input": {"name": "Ms. Johnson"}})
    connection.request("POST", "/v1/data/greeting/hello?provenance=true", body, headers)
    answer = connection.getresponse()
    status, payload = answer.status, json.loads(answer.read())
    connection.close()
    return status, payload


def test_a_rule_is_evaluated_and_names_its_revision(
    opa_server: Callable[..., OpaServer], bundle: Path
) -> None:
    """The server answers from the bundle it was given."""
    status, payload = _ask(opa_server(bundle))
    assert (status, payload["result"]) == (200, "good day Ms. Johnson")
    assert "r1" in json.dumps(payload["provenance"])


def test_without_the_token_nothing_is_told(opa_server: Callable[..., OpaServer], bundle: Path) -> None:
    """A server with a token refuses no token and a wrong one."""
    server = opa_server(bundle, token="right")
    assert _ask(server)[0] == 401
    assert _ask(server, "wrong")[0] == 401
    assert _ask(server, "right")[0] == 200


def test_a_killed_server_comes_back_on_its_port(opa_server: Callable[..., OpaServer], bundle: Path) -> None:
    """kill() is an outage, start() ends it."""
    server = opa_server(bundle)
    port = server.port
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        _ask(server)
    server.start()
    assert (server.port, _ask(server)[0]) == (port, 200)
