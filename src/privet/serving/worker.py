"""One process that serves: the vault, the application, the server and the chores, from start to the last checkpoint.

Refuses to stop half way: a first SIGTERM or SIGINT lets all under way finish, a second ends the process at once.
"""

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from privet.bootstrap.parts import Parts
from privet.bootstrap.vault import Vault
from privet.config.settings.serving import ServeSettings
from privet.errors import PrivetError
from privet.http.problems import CODES
from privet.serving.app import make_service
from privet.serving.background import Background, Chore, chores_of
from privet.serving.bad_certificates import BadCertificates
from privet.serving.counts import SHARED, share_counts
from privet.serving.descriptors import allow_connections
from privet.serving.health import Health
from privet.serving.limits import Gate, Limits
from privet.serving.listener import load_certificate, make_tls
from privet.serving.logs import configure_logs, get_log, show_code, told
from privet.serving.metrics import Metrics
from privet.serving.orders import Orders
from privet.serving.server import Server

_CHORES_END_S: Final = 3.0
METRICS_S: Final = 5.0
_THRESHOLDS: Final = (50_000, 20, 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """What a worker is given besides its vault."""

    listener: socket.socket
    tls: ssl.SSLContext | None
    show_code: Callable[[str, str], None] | None
    """Where customers' sign-in codes go when there is no mail: (masked address, code)."""
    on_ready: Callable[[], None]
    """Called once, when requests are taken."""
    until: socket.socket | None = None
    """Stops when the other end of this closes: then the supervisor is gone."""


def serve_vault(
    orders: Orders,
    listener: socket.socket,
    *,
    place: int = 0,
    on_ready: Callable[[str], None],
    until: socket.socket | None = None,
) -> None:
    """Opens the vault and serves it: until a signal, and then until all is answered, logged and signed.

    `on_ready` gets a line of what serves. Raises what opening a vault raises, and InvalidInput and Unavailable for
    settings that cannot be used.
    """
    tls = make_tls(orders.settings)
    vault = Vault.open(orders.directory, passphrase=orders.passphrase)
    try:
        serving = replace(vault.parts.settings.serving, serve=orders.settings)
        vault.parts = replace(vault.parts, settings=replace(vault.parts.settings, serving=serving))
        for_machines = configure_logs(serving.telemetry, worker=place)
        if SHARED in os.environ:
            share_counts(place)
        kinds = {"database": vault.parts.store.backend, "policy": vault.parts.settings.policy.engine}

        def begin() -> None:
            on_ready(f"{kinds['database']}, policy {kinds['policy']}")
            if for_machines:  # people have just been told
                get_log().info("serving", **kinds)

        post = Post(
            listener=listener,
            tls=tls,
            show_code=show_code if orders.show_codes else None,
            on_ready=begin,
            until=until,
        )
        _run(_serve(vault.parts, post))
    except BaseException:
        vault.close(sign=False)
        raise
    vault.close()
    get_log().info("stopped")


def _run(work: Any) -> None:
    factory = None
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:  # Windows, PyPy: asyncio's own does
        pass
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


async def _serve(parts: Parts, post: Post) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_loop_error)
    settings = parts.settings.serving.serve
    fitting = allow_connections(settings.max_connections)
    if fitting is not None:
        get_log().warning(
            "the limit of open files is too low: raise it (LimitNOFILE=, ulimit -n)",
            connections=fitting,
            wanted=settings.max_connections,
        )
    gate = Gate(Limits.of(settings), fitting or settings.max_connections)
    health = Health(parts, gate)
    stop = asyncio.Event()
    _on_signals(loop, stop)
    if post.tls is not None or signal.SIGHUP not in stop_signals():
        loop.add_signal_handler(signal.SIGHUP, _renew, settings, post.tls)
    if post.until is not None:
        _watch(loop, post.until, stop)
    metrics = Metrics(parts)
    gate.on_bad_certificate = BadCertificates(lambda: metrics.refused("certificate")).note
    gate.on_refused = lambda code: metrics.request("", CODES[code].status, 0.0)

    metrics.on_batch = health.answered
    service = make_service(parts, find_fault=health.find_fault, show_code=post.show_code, metrics=metrics)
    gate.note = service.note
    chores = [
        *health.chores(metrics.set_ready),
        Chore(name="metrics", every_s=METRICS_S, work=metrics.look, first_s=0.1),
        *chores_of(parts, workers=settings.workers),
    ]
    background = Background(chores, _log_failure, _log_recovery)
    server = Server(
        service.app,
        post.listener,
        gate,
        tls=post.tls,
        graceful_s=settings.graceful_s,
        direct=service.direct,
        owns=post.until is None,
    )
    await loop.run_in_executor(None, health.look)
    metrics.set_ready(health.tell())
    background.start()
    # What start-up made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        await server.serve(stop, drain_s=settings.drain_s, on_started=post.on_ready)
    finally:
        await service.stop()
        if not await loop.run_in_executor(None, background.stop, _CHORES_END_S):
            get_log().warning("background work did not end in time")


def stop_signals() -> tuple[signal.Signals, ...]:
    """What asks for an end. A hangup does so on a terminal, which has closed; elsewhere it asks to load anew."""
    stop = (signal.SIGTERM, signal.SIGINT)
    return (*stop, signal.SIGHUP) if sys.stderr.isatty() else stop


def _on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        get_log().info("stopping", signal=signal.Signals(number).name)
        stop.set()

    for number in stop_signals():
        loop.add_signal_handler(number, on_signal, number)


def _renew(settings: ServeSettings, tls: ssl.SSLContext | None) -> None:
    """For connections that begin from now on. Both files are tried apart first: half a change would serve nobody."""
    if tls is None:
        return
    try:
        make_tls(settings)
        load_certificate(tls, settings)
    except PrivetError as error:
        get_log().error("the certificate was not renewed", **told(error))
    else:
        get_log().info("the certificate was renewed")


def _watch(loop: asyncio.AbstractEventLoop, until: socket.socket, stop: asyncio.Event) -> None:
    """Nothing more is said on that socket: whatever comes is its end."""

    def gone() -> None:
        loop.remove_reader(until)
        stop.set()

    until.setblocking(False)
    loop.add_reader(until, gone)


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own handler would print the exception, and what is in it."""
    del loop
    error = context.get("exception")
    found = told(error) if isinstance(error, BaseException) else {}
    get_log().error("a task failed", **found)


def _log_failure(name: str, error: BaseException, failures: int) -> None:
    get_log().error("background work failed", work=name, failures=failures, **told(error))


def _log_recovery(name: str, failures: int) -> None:
    get_log().info("background work goes well again", work=name, failures=failures)
