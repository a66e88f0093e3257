"""What operators ask of the process: is it alive, is it ready, how does it do.

Refuses /metrics to whoever is neither on loopback nor knows the token.
"""

from collections.abc import Callable
from hmac import compare_digest
from ipaddress import ip_address

from privet.http.edge import Receive, Send
from privet.http.problems import EdgeError, Scope

_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class Probes:
    """/healthz, /readyz, /metrics."""

    def __init__(
        self,
        *,
        find_fault: Callable[[], str | None],
        metrics: Callable[[], tuple[bytes, bytes]],
        token: bytes | None,
        loopback: bool,
    ) -> None:
        """`find_fault`: why it is not ready, None when it is. `metrics`: content type and body. `loopback`: who comes
        from there is on this machine, not behind a proxy on it."""
        self._find_fault = find_fault
        self._metrics = metrics
        self._token = token
        self._loopback = loopback

    async def alive(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        _check_method(scope)
        await _answer(scope, send, b"ok\n", _TEXT)

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        _check_method(scope)
        fault = self._find_fault()
        if fault is not None:
            raise EdgeError("unavailable", fault, retry_after=1)  # no failure: it is the answer
        await _answer(scope, send, b"ready\n", _TEXT)

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        _check_method(scope)
        if not self._may_see(scope):
            raise EdgeError("not_found", "there is nothing at this address")
        kind, body = self._metrics()
        await _answer(scope, send, body, [(b"content-type", kind)])

    def _may_see(self, scope: Scope) -> bool:
        if self._token is None:
            client = scope.get("client")
            return (
                self._loopback and client is not None and ip_address(client[0].partition("%")[0]).is_loopback
            )
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and compare_digest(given[0], b"Bearer " + self._token)


def _check_method(scope: Scope) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        raise EdgeError("method_not_allowed", "this address is only read", allow=("GET", "HEAD"))


async def _answer(scope: Scope, send: Send, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
