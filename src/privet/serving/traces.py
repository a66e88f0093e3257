"""Traces for OpenTelemetry, if `telemetry.otlp_endpoint` is set: a span a request, and one a batch of reads.

A request's span goes on from the caller's `traceparent`; probes have none. The log says once that spans are lost, where
to, and once that they are taken again. Refuses to tell of anybody: no address, header, query or body
stands in a span, and of a path only what the API's own routes are made of. Nothing here is on the way of a request when
no collector is set.
"""

import logging
import re
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from privet import __version__
from privet.config.settings.serving import TelemetrySettings
from privet.errors import Unavailable
from privet.http.edge import App, Receive, Send
from privet.http.observing import Observer
from privet.http.problems import Scope
from privet.serving.logs import get_log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_ID: Final = re.compile(r"[0-9a-f]{32}")
_WORDS: Final = frozenset(
    {
        "accesses", "audit", "checkpoint", "choices", "code", "confirm", "consent", "consents", "controls",
        "correct", "download", "entries", "erase", "export", "fetch", "fetch-many", "find", "healthz", "held",
        "history", "log", "me", "metrics", "my", "object", "openapi.json", "pause", "profile", "proofs",
        "put", "query", "readyz", "receipt", "receipts", "record", "replay", "request", "restrict", "resume",
        "sign-in", "sign-out", "signed-out", "status", "stop", "tile", "unobject", "unrestrict", "used", "v1",
        "verify", "withdraw",
    }
)  # fmt: skip
_DEPTH: Final = 6
_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_CARRIED: Final = frozenset({b"traceparent", b"tracestate"})


class Traces:
    """The tracer of one process. Close it when the process stops: what waits is sent first."""

    def __init__(self, settings: TelemetrySettings) -> None:
        """Raises Unavailable when OpenTelemetry is not installed."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            raise Unavailable(
                "telemetry.otlp_endpoint needs OpenTelemetry: pip install 'privet[otel]'"
            ) from None
        endpoint = f"{str(settings.otlp_endpoint).rstrip('/')}/v1/traces"
        self._provider = TracerProvider(
            resource=Resource({"service.name": "privet", "service.version": __version__})
        )
        # `_Courier` says it in our words; the exporter's own would say it at each try.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        exporter: Any = _Courier(OTLPSpanExporter(endpoint=endpoint), endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("privet")
        self._propagator = TraceContextTextMapPropagator()

    def traced(self, app: App) -> App:
        """The application with a span around each request."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in _PROBES:
                await app(scope, receive, send)
                return
            with self._span(scope) as span:

                async def tell(message: Any) -> None:
                    if message["type"] == "http.response.start":
                        span.answered(message["status"])
                    await send(message)

                await app(scope, receive, tell)

        return call

    def _span(self, scope: Scope) -> "_RequestSpan":
        from opentelemetry.trace import SpanKind

        carried = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        route = route_of(scope["path"])
        span = self._tracer.start_span(
            f"{scope['method']} {route}",
            context=self._propagator.extract(carried),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "http.route": route},
        )
        return _RequestSpan(span, scope)

    def batch(self, size: int, seconds: float) -> None:
        """A span of a batch that has just ended."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            "batch", start_time=ended - int(seconds * 1e9), attributes={"privet.batch.reads": size}
        )
        span.end(ended)

    def close(self) -> None:
        self._provider.shutdown()


class _Courier:
    """An exporter that tells when spans get lost, and when no more are."""

    def __init__(self, exporter: "SpanExporter", endpoint: str) -> None:
        self._exporter = exporter
        parts = urlsplit(endpoint)
        self._where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._lost = 0

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        result = self._exporter.export(spans)
        if result.value:
            if not self._lost:
                get_log().warning("spans are lost: the collector does not take them", collector=self._where)
            self._lost += len(spans)
        elif self._lost:
            get_log().info("spans are taken again", collector=self._where, lost=self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _RequestSpan:
    """Ends with the request. An exception marks it, and is not recorded: its text could tell of somebody."""

    def __init__(self, span: Any, scope: Scope) -> None:
        self._span = span
        self._scope = scope

    def answered(self, status: int) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        request_id = self._scope.get("privet.request_id")
        if request_id is not None:
            self._span.set_attribute("privet.request_id", request_id)
        self._span.end()


def route_of(path: str) -> str:
    """The path with audit ids named as such; "/…" for what is not made of the API's own words."""
    parts = ["{id}" if _ID.fullmatch(part) else part for part in path.split("/")[1:]]
    if len(parts) > _DEPTH or not all(part in ("{id}", "") or part in _WORDS for part in parts):
        return "/…"
    return "/" + "/".join(parts)


class Both:
    """Observes for metrics and for traces."""

    def __init__(self, metrics: Observer, traces: Traces) -> None:
        self._traces = traces
        self._metrics = metrics
        self.request = metrics.request
        self.requests = metrics.requests
        self.reads = metrics.reads

    def batch(self, size: int, seconds: float) -> None:
        self._metrics.batch(size, seconds)
        self._traces.batch(size, seconds)
