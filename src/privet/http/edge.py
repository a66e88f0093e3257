"""The outermost layer of the service: every answer has a request id and says how it may be kept.

Addresses that could be read in two ways are not found. Refuses to let an exception out: the client gets a problem
without a word of it, `on_error` gets the exception. Limits on heads, bodies and time are the protocol's
(privet.serving.protocol).
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final

from privet.errors import PrivetError
from privet.http.problems import EdgeError, Headers, Scope, request_id_of, send_problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Note = Callable[[Scope, EdgeError], Coroutine[Any, Any, None] | None]
"""What writes the leaf of a refusal (http.unrouted)."""

MOST_PATH: Final = 1_024
_PLAIN = re.compile(r"/|(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)+/?")
"""No escapes, no empty segments, no dots that lead elsewhere: nothing here has an address that needs them."""
NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class Edge:
    """ASGI around ASGI."""

    def __init__(
        self,
        app: App,
        *,
        on_error: Callable[[BaseException, Scope], None] | None = None,
        note: Note | None = None,
        https: bool = False,
    ) -> None:
        """`https`: clients come over TLS, here or at a proxy in front. `note` logs what no route refused."""
        self._app = app
        self._on_error = on_error or _ignore
        self._note = note or _no_note
        self._always = [NOSNIFF, HSTS] if https else [NOSNIFF]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_other(scope, receive, send)
            return
        request_id = request_id_of(scope)
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if not started:
                started = True
                message["headers"] = self._complete(message.get("headers", ()), request_id)
            await send(message)

        try:
            _check_path(scope)
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001  the last line of defence
            if _is_fault(error):
                self._on_error(error, scope)
            if started:
                raise Cut from None
            await send_problem(scope, answer, await self._logged(scope, error))

    async def _logged(self, scope: Scope, error: Exception) -> Exception:
        """What is told, once an entry says so; or that the entry could not be written."""
        noting = self._note(scope, error) if isinstance(error, EdgeError) else None
        if noting is None:
            return error
        try:
            await noting
        except PrivetError as unlogged:
            return unlogged
        return error

    def _complete(self, headers: Any, request_id: str) -> Headers:
        found = [*headers]
        names = {name for name, _ in found}
        found += [header for header in self._always if header[0] not in names]
        if b"cache-control" not in names:
            found.append(_NO_STORE)
        if b"x-request-id" not in names:
            found.append((b"x-request-id", request_id.encode("ascii")))
        return found


def _is_fault(error: Exception) -> bool:
    """Ours, not the caller's."""
    if isinstance(error, EdgeError):
        return error.code == "internal"
    return not isinstance(error, PrivetError) or error.http_status >= 500


def _check_path(scope: Scope) -> None:
    path, raw = scope["path"], scope.get("raw_path")
    if len(path) > MOST_PATH or not _PLAIN.fullmatch(path) or (raw is not None and b"%" in raw):
        raise EdgeError("not_found", "there is nothing at this address")


class Cut(Exception):
    """An answer failed half way: the server must close the connection, so that nobody takes it for whole."""


async def _refuse_other(scope: Scope, receive: Receive, send: Send) -> None:
    """There are no web sockets here. A lifespan is told that all is well: the server starts and stops the parts."""
    if scope["type"] != "lifespan":
        return
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _ignore(error: BaseException, scope: Scope) -> None:
    del error, scope


def _no_note(scope: Scope, error: EdgeError) -> None:
    del scope, error
