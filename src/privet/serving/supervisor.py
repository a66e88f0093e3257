"""Many workers on one listening socket: starts them, starts anew those that die, stops them all.

The parent opens no vault and so holds no key; the passphrase goes to each worker through a socket, never by an argument
or the environment. Each worker is a fresh interpreter in a session of its own, so that Ctrl-C reaches the parent alone;
when the parent is gone, its end of that socket closes, and the workers stop by themselves.
Refuses to go on when a worker cannot start at all.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from privet.errors import EXIT_UNAVAILABLE, Unavailable
from privet.serving.closing import SETTLE_S, refuse_newcomers
from privet.serving.counts import SHARED, forget_worker, shared_directory
from privet.serving.logs import get_log
from privet.serving.orders import Orders, encode_orders

_SECRET: Final = ("PRIVET_PASSPHRASE", "PRIVET_PASSPHRASE_FILE")
_START_S: Final = 60.0
_MARGIN_S: Final = 10.0
_BACK_OFF_S: Final = (0.2, 30.0)
_SETTLED_S: Final = 60.0
"""A worker that lived so long did not die of its start."""


class WorkerFailed(Unavailable):
    """A worker could not start; `exit_code` is the one that it would have ended with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # each instance has its own


class Supervisor:
    """The parent."""

    def __init__(self, orders: Orders, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        """`on_ready` is called once, when all workers take requests."""
        self._orders = orders
        self._listener = listener
        self._on_ready = on_ready
        self._stopping = False
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._ready: set[int] = set()
        """Places whose worker was ready once…"""
        self._serving: set[int] = set()
        """…and is now."""
        self._failed: WorkerFailed | None = None
        self._codes: list[int] = []

    def run(self) -> None:
        """Until a signal. Raises WorkerFailed when a worker does not start at first, or does not stop as it should."""
        with shared_directory() as self._counts:
            kept = {name: value for name, value in os.environ.items() if name not in _SECRET}
            self._environment = {**kept, SHARED: self._counts}
            asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        stop = {signal.SIGTERM, signal.SIGINT}
        if sys.stderr.isatty() and self._orders.settings.tls_certificate is None:
            stop.add(signal.SIGHUP)  # the terminal was closed
        else:
            loop.add_signal_handler(signal.SIGHUP, self._renew)
        for number in stop:
            loop.add_signal_handler(number, self._on_signal, number)
        keepers = [loop.create_task(self._keep(place)) for place in range(self._orders.settings.workers)]
        await self._stop.wait()
        self._stopping = True
        self._signal_all(signal.SIGTERM)
        if self._failed is None:
            await asyncio.sleep(self._orders.settings.drain_s)
        refuse_newcomers(self._listener)
        await asyncio.sleep(SETTLE_S)
        self._listener.close()
        patience = self._orders.settings.graceful_s + _MARGIN_S
        _, late = await asyncio.wait(keepers, timeout=patience)
        if late:
            get_log().error("workers did not stop in time", count=len(self._running))
            self._signal_all(signal.SIGKILL)
            await asyncio.wait(late)
        if self._failed is not None:
            raise self._failed
        for keeper in keepers:
            keeper.result()
        # SIGTERM kills a worker only before it has opened the vault.
        if set(self._codes) - {0, -signal.SIGTERM}:
            raise WorkerFailed("a worker did not stop as it should; the log says why", EXIT_UNAVAILABLE)

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set():
            self._signal_all(signal.SIGKILL)
            os._exit(128 + number)
        get_log().info("stopping", signal=signal.Signals(number).name)
        self._stop.set()

    def _renew(self) -> None:
        """Workers load their certificate anew; one that is still starting would die of the signal, and needs none."""
        for place in self._serving:
            with contextlib.suppress(ProcessLookupError):
                self._running[place].send_signal(signal.SIGHUP)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep(self, place: int) -> None:
        """One worker's place: never empty for long."""
        failures = 0
        while not self._stopping:
            began = time.monotonic()
            try:
                code = await self._live(place)
            except Exception as error:  # noqa: BLE001  a place that nobody keeps would stay empty
                code = EXIT_UNAVAILABLE
                why = error.strerror if isinstance(error, OSError) else type(error).__name__
                self._note_failure(place, f"a worker cannot be started ({why})", code)
            if self._is_ending():
                self._codes.append(code)
                return
            failures = 0 if time.monotonic() - began > _SETTLED_S else failures + 1
            wait = back_off(failures)
            get_log().error("a worker ended; another is started", place=place, code=code, after_s=wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait)

    def _is_ending(self) -> bool:
        return self._stopping or self._failed is not None

    async def _live(self, place: int) -> int:
        """One worker, from its start to its end; its exit code."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            flags = ["-I"] if sys.flags.isolated else []
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *flags,
                "-m",
                "privet.serving.child",
                str(theirs.fileno()),
                str(self._listener.fileno()),
                pass_fds=(theirs.fileno(), self._listener.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
            theirs.close()
            self._running[place] = process
            if self._stopping:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()  # as the others were; it has not begun
            try:
                await self._instruct(place, ours)
                return await process.wait()
            except Exception:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
                raise
            finally:
                del self._running[place]
                self._serving.discard(place)
                forget_worker(self._counts, place)

    async def _instruct(self, place: int, channel: socket.socket) -> None:
        """Gives the orders and waits until the worker is ready, or has said why it is not."""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(channel, encode_orders(self._orders, place))
            said = await asyncio.wait_for(_read_line(channel), _START_S)
        except TimeoutError:
            said = {"failed": "a worker did not get ready in time", "exit_code": EXIT_UNAVAILABLE}
            with contextlib.suppress(ProcessLookupError):
                self._running[place].kill()
        except OSError:  # it ended while it was told
            said = {}
        if "ready" in said:
            first = len(self._ready) < self._orders.settings.workers
            self._ready.add(place)
            self._serving.add(place)
            if first and len(self._ready) == self._orders.settings.workers and not self._stopping:
                self._on_ready()
        elif not self._stopping:
            message = str(said.get("failed", "a worker ended before it was ready"))
            self._note_failure(place, message, int(said.get("exit_code", EXIT_UNAVAILABLE)))

    def _note_failure(self, place: int, message: str, code: int) -> None:
        """At first it ends all: what one cannot do none can. Later another is tried."""
        if len(self._ready) < self._orders.settings.workers:
            self._failed = self._failed or WorkerFailed(message, code)
            self._stop.set()
        else:
            get_log().error("a worker could not start", place=place, message=message)


def back_off(failures: int) -> float:
    """Seconds before a place is filled again whose worker failed so many times in a row, however many."""
    return min(_BACK_OFF_S[0] * 2.0 ** (min(failures, 10) - 1), _BACK_OFF_S[1])


async def _read_line(channel: socket.socket) -> dict[str, Any]:
    loop, found = asyncio.get_running_loop(), b""
    while not found.endswith(b"\n"):
        data = await loop.sock_recv(channel, 4_096)
        if not data:
            return {}
        found += data
    said: dict[str, Any] = json.loads(found)
    return said
