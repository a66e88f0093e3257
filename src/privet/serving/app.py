"""Everything that answers, joined to one ASGI application by the first part of the path.

Refuses what stands nowhere with a problem. The hot routes come first and pass through the edge only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from privet.bootstrap.parts import Parts
from privet.errors import InvalidInput, Unavailable
from privet.http.api import make_api
from privet.http.callers import Authenticator
from privet.http.desk import Desk
from privet.http.edge import App, Edge, Note, Receive, Send
from privet.http.hot import FETCH, FETCH_MANY, HotRoutes
from privet.http.lane import Lane
from privet.http.observing import DEAF, Observer
from privet.http.problems import EdgeError, Scope
from privet.portal.app import make_portal
from privet.portal.desk import PREFIX
from privet.serving.courier import MailCourier
from privet.serving.cycle import Direct
from privet.serving.logs import get_log, told
from privet.serving.metrics import Metrics
from privet.serving.probes import Probes
from privet.serving.traces import Both, Traces

NOWHERE: Final = "nowhere"
"""The route of requests to addresses that do not exist, as metrics count them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The application, and what ends after the last request."""

    app: App
    note: Note
    """What writes the leaf of what the protocol refuses."""
    direct: Direct | None
    """What is answered without a task of its own (privet.http.hot); None where each request is traced."""
    stop: Callable[[], Awaitable[None]]


def make_service(
    parts: Parts,
    *,
    find_fault: Callable[[], str | None],
    show_code: Callable[[str, str], None] | None,
    metrics: Metrics,
) -> Service:
    """Wires all that answers, within a running event loop. `find_fault`: why the process is not ready. `show_code`
    gets (masked address, code) where there is no mail.

    Raises Unavailable, InvalidInput for settings that cannot be used.
    """
    settings = parts.settings.serving
    traces = None if settings.telemetry.otlp_endpoint is None else Traces(settings.telemetry)
    observer: Observer = metrics if traces is None else Both(metrics, traces)
    probes = Probes(
        find_fault=find_fault,
        metrics=metrics.render,
        token=_read_token(settings.serve.metrics_token_file),
        loopback=not settings.serve.behind_proxy,
    )
    authenticator = Authenticator(parts, refused=metrics.refused)
    lane = Lane(parts, still_valid=authenticator.still_valid, observer=observer)
    courier = None if settings.smtp is None else MailCourier(parts)
    desk = Desk(parts, authenticator=authenticator, lane=lane, courier=courier, observer=observer)
    https = settings.serve.tls_certificate is not None or settings.serve.behind_proxy
    hot = HotRoutes(
        parts,
        lane=lane,
        authenticator=authenticator,
        refusals=desk.refusals,
        observer=observer,
        https=https,
        on_error=_log_error,
    )
    paths: dict[str, App] = {
        FETCH: hot.fetch,
        FETCH_MANY: hot.fetch_many,
        "/healthz": probes.alive,
        "/readyz": probes.ready,
        "/metrics": probes.metrics,
    }
    folders: dict[str, App] = {"/v1": make_api(desk)}
    portal = make_portal(parts, show_code=show_code) if settings.portal.enabled else None
    if portal is not None:
        folders[PREFIX] = counted(portal, PREFIX, observer)

    async def stop() -> None:
        await lane.drain()
        await desk.close()
        if portal is not None:
            await asyncio.to_thread(portal.close)
        if courier is not None:
            await asyncio.to_thread(courier.close)
        if traces is not None:
            await asyncio.to_thread(traces.close)

    note = desk.unrouted.note
    app: App = with_edge(Composition(paths=paths, folders=folders, observer=observer), https=https, note=note)
    if traces is not None:
        return Service(app=traces.traced(app), note=note, direct=None, stop=stop)
    return Service(app=app, note=note, direct=hot.direct, stop=stop)


def _read_token(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise Unavailable(f"serve.metrics_token_file: {path} cannot be read ({error.strerror})") from None
    if len(token) < 16 or not token.isascii():
        raise InvalidInput(
            "serve.metrics_token_file: a token has at least 16 characters", field="metrics_token_file"
        )
    return token


class Composition:
    """Finds who answers: a path by name, else the longest folder that holds it."""

    def __init__(
        self, *, paths: Mapping[str, App], folders: Mapping[str, App], observer: Observer = DEAF
    ) -> None:
        """`folders`: "/v1" answers /v1 and all below it. `observer` hears of what stands nowhere."""
        self._observer = observer
        self._paths = paths
        self._folders = sorted(folders.items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        app = self._paths.get(path)
        if app is None:
            for folder, found in self._folders:
                if path == folder or path.startswith(folder + "/"):
                    app = found
                    break
            else:
                self._observer.request(NOWHERE, 404, 0.0)
                raise EdgeError("not_found", "there is nothing at this address")
        await app(scope, receive, send)


def counted(app: App, route: str, observer: Observer) -> App:
    """The application, each of its answers told to the observer under one name."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        started, status = perf_counter(), 500

        async def tell(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, tell)
        finally:
            if scope["type"] == "http":
                observer.request(route, status, perf_counter() - started)

    return call


def with_edge(app: App, *, https: bool, note: Note | None = None) -> Edge:
    """The edge around it; what escapes is logged by kind and place, with the request's id."""
    return Edge(app, https=https, note=note, on_error=_log_error)


def _log_error(error: BaseException, scope: Scope) -> None:
    get_log().error("request failed", request_id=scope.get("privet.request_id"), **told(error))
