"""The way to an OPA server: opa-python-client over a session that goes nowhere by itself, and a deadline that holds.

REFUSES every method but asking, redirects, proxies, .netrc, cookies and answers over 1 MiB. However the other side
dawdles (a name that does not resolve, a handshake, headers or a body in drips), whoever asked goes on in time, and
the connection is cut.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import orjson
import requests
from opa_client.opa import OpaClient
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_LARGEST = 1 << 20
_CONNECTIONS = 32

T = TypeVar("T")


class TooSlow(Exception):
    """The whole answer was not there in time."""


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, or raises. Raises TooSlow when it has not ended in `seconds`: its connection is cut."""
    exchange = _Exchange(work)
    exchange.start()
    if not exchange.done.wait(seconds):
        exchange.cut()
        raise TooSlow
    if exchange.error is not None:
        raise exchange.error
    return exchange.result  # type: ignore[return-value]  # set, where there is no error


class _Exchange(threading.Thread):
    """One exchange in a thread of its own, so that whoever waits for it need not wait for ever."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="privet-opa", daemon=True)
        self._work = work
        self._guard = threading.Lock()
        self._held: list[socket.socket] = []
        self._over = False
        self.done = threading.Event()
        self.result: object = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error
        self._let_go()
        self.done.set()

    def hold(self, sock: socket.socket) -> None:
        """Remembers what to cut. A descriptor of its own: TLS takes over the first, and does not give it back."""
        with self._guard:
            if self._over:
                sock.close()
                raise TooSlow
            self._held.append(socket.socket(fileno=os.dup(sock.fileno())))

    def cut(self) -> None:
        self._let_go(cut=True)

    def _let_go(self, *, cut: bool = False) -> None:
        with self._guard:
            self._over = True
            held, self._held = self._held, []
        for sock in held:
            with contextlib.suppress(OSError):
                if cut:
                    sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _hold(sock: Any) -> None:
    exchange = threading.current_thread()
    if isinstance(exchange, _Exchange):
        exchange.hold(sock)


class _Held(HTTPConnection):
    """A connection that tells the exchange it serves what to cut."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _hold(sock)
        return sock

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:
            _hold(self.sock)
        super().putrequest(*arguments, **options)


class _SecureHeld(_Held, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Held


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureHeld


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Reader(OpaClient):  # type: ignore[misc]  # the client has no types
    """The client with everything but asking taken away."""

    def _init_session(self) -> requests.Session:
        session = _Session(self.timeout)
        session.headers.update({**(self.headers or {}), "Accept-Encoding": "identity"})
        if self.ssl:
            session.verify = self.ssl
        if self.cert:
            session.cert = self.cert
        return session


class _Session(requests.Session):
    """No proxies, no .netrc, no cookies, no redirects, no other method than POST, one bound."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._timeout = timeout
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=_CONNECTIONS))

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """As the parent's, for POST only; the whole answer is read here. Raises requests' errors."""
        if method.upper() != "POST":
            raise requests.RequestException("this client only asks")
        options |= {"timeout": self._timeout, "allow_redirects": False, "stream": True}
        response = super().request(method, url, *arguments, **options)
        with contextlib.closing(response):
            content = _read(response, time.monotonic() + self._timeout)
        if response.status_code != 200:
            raise requests.HTTPError("OPA did not answer with 200", response=response)
        response._content = content  # noqa: SLF001 - where requests keeps what it has read
        response.json = lambda **_: orjson.loads(content)  # type: ignore[method-assign]
        return response


def _read(response: requests.Response, deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read1(65_536):
        size += len(piece)
        if size > _LARGEST:
            raise requests.RequestException("the answer is too large")
        if time.monotonic() > deadline:
            raise TooSlow
        pieces.append(piece)
    return b"".join(pieces)
