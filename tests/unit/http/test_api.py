"""The application as such: silent, whole, and of one shape when it fails."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from privet.http.api import make_api
from privet.http.callers import Authenticator
from privet.http.desk import Desk
from privet.http.observing import Deaf
from privet.testing import make_vault
from tests.contract.sdk.every_type import CATALOGUE, NOTICES


class NoLane:
    async def read(self, *_: object) -> Any:
        raise RuntimeError("Ada-secret-name")


class Counted(Deaf):
    """Route and status of each request that was counted."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def request(self, route: str, status: int, seconds: float) -> None:
        self.seen.append((route, status))


COUNTED = Counted()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with (
        pytest.MonkeyPatch.context() as patch,
        make_vault(tmp_path_factory.mktemp("api") / "vault", CATALOGUE, NOTICES) as vault,
    ):
        patch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        desk = Desk(vault.parts, authenticator=Authenticator(vault.parts), lane=NoLane(), observer=COUNTED)
        yield make_api(desk)


def ask(app: FastAPI, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part["body"] for part in sent[1:])


def test_the_framework_reports_to_nobody(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its telemetry would see bodies: neither the environment nor a provider of the process switches it on."""
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    assert app._native_telemetry.enabled() is False
    assert FastAPI()._native_telemetry.enabled() is True  # what the provider would have done


def test_the_document_is_served_as_it_is_made(app: FastAPI) -> None:
    """To anybody, with a name for every operation."""
    status, headers, body = ask(app, "/v1/openapi.json")
    document = orjson.loads(body)
    assert (status, headers["content-type"], document["openapi"]) == (200, "application/json", "3.1.0")
    names = [
        operation.get("operationId")
        for path in document["paths"].values()
        for operation in path.values()
        if "operationId" in operation
    ]
    assert len(names) == len(set(names)) > 30


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/docs", "/v1/redoc", "/docs", "/openapi.json"])
def test_nothing_else_is_there(app: FastAPI, path: str) -> None:
    """No page of the framework's either."""
    status, headers, body = ask(app, path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert orjson.loads(body)["code"] == "not_found"


def test_every_answer_documents_its_problems_in_their_media_type(app: FastAPI) -> None:
    """And nothing of the framework's own error shapes is left."""
    document = orjson.loads(ask(app, "/v1/openapi.json")[2])
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]


def test_what_fails_before_strangers_is_counted(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public route that fails in a way nobody foresaw is a 500 to whoever counts."""

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("privet.http.routes.log.stored_checkpoint", broken)
    with pytest.raises(ZeroDivisionError):
        ask(app, "/v1/log/checkpoint")
    assert COUNTED.seen[-1:] == [("/v1/log/checkpoint", 500)]
