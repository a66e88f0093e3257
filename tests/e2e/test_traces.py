"""Traces to a real OTLP receiver: spans of requests and batches, joined to the caller's, and nothing of anybody."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from privet.serving.traces import route_of
from tests.e2e.serving import make_place, raw_fetch
from tests.services.parts import spare_port
from tests.services.vault_server import VaultServer

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """An OTLP-over-HTTP endpoint that keeps what it gets."""

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[bytes] = []
        kept = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self) -> list[tuple[str, str, dict[str, object]]]:
        """(name, trace id, attributes)."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        values = {
                            one.key: one.value.string_value or one.value.int_value for one in span.attributes
                        }
                        found.append((span.name, span.trace_id.hex(), values))
        return found


def exchange(server: VaultServer, request: bytes) -> bytes:
    """The whole answer to these bytes; the request asks for the connection to be closed after it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_requests_and_batches_are_traced(tmp_path: Path, collector: Collector) -> None:
    """A span for each with status and route; the caller's trace goes on; no address, key or value in any of it."""
    place = make_place(tmp_path / "vault")
    with VaultServer(place.directory, telemetry={"otlp_endpoint": collector.url}) as server:
        parent = f"traceparent: 00-{TRACE}-b7ad6b7169203331-01"
        for extra in ((parent,), (f"Cookie: {place.key}", "Referer: http://x/?email=ada@example.org")):
            answer = exchange(server, raw_fetch(place.key, *extra, "Connection: close"))
            assert answer.startswith(b"HTTP/1.1 200")
        for path in (b"/readyz", b"/healthz", b"/metrics"):
            exchange(server, b"GET %s HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n" % path)
        exchange(
            server, b"GET /v1/audit/entries/ada@example.org HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n"
        )
    spans = collector.spans()
    assert not {name for name, _, _ in spans} & {"GET /readyz", "GET /healthz", "GET /metrics"}
    fetches = [span for span in spans if span[0] == "POST /v1/fetch"]
    assert len(fetches) == 2
    assert fetches[0][1] == TRACE
    assert fetches[1][1] != TRACE
    assert {values["http.response.status_code"] for _, _, values in fetches} == {200}
    assert all(values["privet.request_id"] for _, _, values in fetches)
    assert sum(int(str(v["privet.batch.reads"])) for name, _, v in spans if name == "batch") == 2
    everything = b"".join(collector.bodies)
    for secret in (b"ada@example.org", b"Ada", place.key.encode(), b"Referer"):
        assert secret not in everything


def test_without_a_collector_there_is_no_trace(tmp_path: Path, collector: Collector) -> None:
    """And a collector that is away keeps nobody waiting."""
    place = make_place(tmp_path / "vault")
    collector.server.shutdown()
    collector.server.server_close()
    with VaultServer(place.directory, telemetry={"otlp_endpoint": "http://127.0.0.1:9"}) as server:
        assert exchange(server, raw_fetch(place.key, "Connection: close")).startswith(b"HTTP/1.1 200")
    assert collector.bodies == []


def test_a_collector_that_takes_nothing_is_told_of_once(tmp_path: Path) -> None:
    """Where to, in the log; then that it takes spans again, and how many were lost. No line of a library's."""
    place, port = make_place(tmp_path / "vault"), spare_port()
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    url = f"http://me:secret@127.0.0.1:{port}"

    def said(server: VaultServer) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
        return [line for line in lines if "spans" in line["event"] or "library" in line["event"]]

    def fetch_until(server: VaultServer, lines: int) -> None:
        until = time.monotonic() + 60
        while len(said(server)) < lines:
            assert time.monotonic() < until, server.output()
            exchange(server, raw_fetch(place.key, "Connection: close"))

    with VaultServer(place.directory, telemetry={"otlp_endpoint": url}, environment=quick) as server:
        fetch_until(server, 1)
        made = Collector(port)
        fetch_until(server, 2)
        lost, taken = said(server)
        assert lost["event"] == "spans are lost: the collector does not take them"
        assert lost["collector"] == taken["collector"] == f"http://127.0.0.1:{port}"
        assert taken["event"] == "spans are taken again"
        assert isinstance(taken["lost"], int)
        assert taken["lost"] > 0
        assert "secret" not in server.output()
        server.stop()
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize(
    "path, route",
    [
        ("/v1/fetch", "/v1/fetch"),
        ("/v1/audit/entries/0123456789abcdef0123456789abcdef", "/v1/audit/entries/{id}"),
        ("/v1/audit/entries/ada@example.org", "/…"),
        ("/v1/audit/entries/lovelace", "/…"),
        ("/my/", "/my/"),
        ("/a/b/c/d/e/f/g/h", "/…"),
        ("/" + "x" * 60, "/…"),
    ],
)
def test_a_route_is_made_of_our_words(path: str, route: str) -> None:
    """What a caller put into a path is in no span."""
    assert route_of(path) == route
