"""Connections to one vault, kept open and shared by threads; one request and one answer at a time on each.

Refuses more of an answer than MAX_ANSWER, and any encoding of it. A connection that did not end an exchange cleanly,
for whatever reason, Ctrl-C included, or whose answer may have a sequel, is closed and never used again. The
environment's proxies are not looked at.
"""

import io
import os
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from privet.sdk.address import Address
from privet.sdk.failing import failure
from privet.sdk.patience import NoAnswer
from privet.sdk.problems import Reply

MAX_ANSWER: Final = 64 << 20
"""Bytes of the longest answer that is read."""
KEPT: Final = 32
_IDLE_S = 45.0
"""Kept idle for less than a vault's own keep_alive_s, so that it is seldom the vault that hangs up first."""
TOO_LONG: Final = f"the answer is longer than {MAX_ANSWER >> 20} MiB: ask for fewer people or fields at once"
ENCODED: Final = "the answer is compressed, which was not asked for: is there a proxy before the vault?"


_HUNG_UP = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""What a send ends with, over TLS or not, when the other side no longer listens."""


class Line:
    """One connection. Nothing that it does waits beyond `until`, of the monotonic clock, but a look-up of the name."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._host, self._port = address.host, address.port
        self.connection: HTTPConnection = (
            HTTPConnection(address.host, address.port)
            if context is None
            else HTTPSConnection(address.host, address.port, ssl_context=context)
        )
        # theirs waits anew for each address
        self.connection._new_conn = self._connect  # type: ignore[method-assign]  # noqa: SLF001  no public place
        self.connection.response_class = self._response  # type: ignore[assignment]  # a class that needs its line
        self.until = 0.0
        self.idle_since = 0.0
        self.heard = False
        self._answer: _Answer | None = None

    @property
    def fresh(self) -> bool:
        """Never used."""
        return self.connection.sock is None

    def exchange(self, target: str, body: bytes, headers: Mapping[str, str], until: float) -> Reply:
        self.until, self.heard = until, False
        if self.fresh:
            self.connection.connect()
        self.connection.timeout = self.left()
        # The vault may have answered before it had the whole of the request, and hung up: 413.
        with suppress(*_HUNG_UP):
            self.connection.request(
                "POST", target, body=body, headers=headers, preload_content=False, decode_content=False
            )
        response = self.connection.getresponse()
        answer = response.headers
        length = None if self._answer is None else self._answer.length  # as http.client will read it
        if length is not None and length > MAX_ANSWER:
            raise NoAnswer(TOO_LONG, again=False)
        if answer.get("Content-Encoding", "identity") != "identity":
            raise NoAnswer(ENCODED, again=False)
        read = response.read() if length is not None else response.read(MAX_ANSWER + 1)
        if len(read) > MAX_ANSWER:
            raise NoAnswer(TOO_LONG, again=False)
        over = response.closed and may_be_followed(response.status)
        if not over or answer.get("Connection", "").lower() == "close":
            self.close()
        kind = answer.get("Content-Type", "").partition(";")[0].strip().lower()
        return Reply(response.status, kind, answer.get("Retry-After"), read)

    def _connect(self) -> socket.socket:
        """To one of the host's addresses: one that is silent takes no more than its share of the time."""
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        failed: OSError | None = None
        for at, (family, kind, protocol, _, where) in enumerate(found):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(self.left() / (len(found) - at))
                sock.connect(where)
                sock.settimeout(self.left())
            except OSError as error:
                sock.close()
                failed = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failed or OSError

    def left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def close(self) -> None:
        self.connection.close()
        if self._answer is not None:
            self._answer.close()  # one that ends with its connection has the socket to itself

    def _response(self, sock: socket.socket, *arguments: Any, **options: Any) -> HTTPResponse:
        self._answer = _Answer(_Paced(sock, self), *arguments, **options)  # type: ignore[arg-type]  # it only makes a file of it
        return self._answer


def may_be_followed(status: int) -> bool:
    """Whether another request may go where this was answered. Not after what has no body, by its status: whoever sends
    one nevertheless, or a late answer after it, would have it taken for the answer to the next question."""
    return status == 200 or status >= 400


class _Answer(HTTPResponse):
    """An answer after those that only announce one (1xx): http.client takes all but 100 for the answer itself."""

    headers: HTTPMessage | None  # type: ignore[assignment]  # as it is before it begins

    def begin(self, **options: Any) -> None:
        """`options`: newer versions of http.client pass some."""
        super().begin(**options)
        while 100 <= self.status < 200 and self.status != 101:
            self.headers = None  # else it would have begun already
            super().begin(**options)


class _Paced:
    """A socket to read from, as http.client takes it: no wait outlasts the line's deadline, however slow the drip."""

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._sock, self._line = sock, line

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_PacedFile(self._sock, self._line), 65_536)


class _PacedFile(io.RawIOBase):
    def __init__(self, sock: socket.socket, line: Line) -> None:
        # A file of the socket's own, for it keeps the socket open until the answer is read.
        self._sock, self._line, self._file = sock, line, sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        self._sock.settimeout(self._line.left())
        read: int | None = self._file.readinto(into)
        if read:
            self._line.heard = True
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


class Connections:
    """As many as there are threads asking at once; at most KEPT stay open."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._address, self._context = address, context
        self._idle: deque[Line] = deque(maxlen=None)
        self._process = os.getpid()
        self._closed = False

    def exchange(self, target: str, body: bytes, headers: Mapping[str, str], until: float) -> Reply:
        """One request and its answer. Raises NoAnswer."""
        line = self._take()
        reused = not line.fresh
        try:
            reply = line.exchange(self._address.prefix + target, body, headers, until)
        except NoAnswer:
            line.close()
            raise
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            line.close()  # a ValueError is http.client's, of a length or a chunk that is no number
            failed = failure(error, self._address, reused=reused and not line.heard)
        except BaseException:
            line.close()
            raise
        else:
            self._give_back(line)
            return reply
        raise failed

    def close(self) -> None:
        """Closes what is idle; what is under way is closed as it ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Line:
        if self._process != os.getpid():
            # After a fork these are the parent's.
            self._idle, self._process = deque(), os.getpid()
        oldest = time.monotonic() - _IDLE_S
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:
                break  # another thread was quicker
            if line.idle_since >= oldest and line.connection.is_connected:
                return line
            line.close()
        return Line(self._address, self._context)

    def _give_back(self, line: Line) -> None:
        if line.fresh:
            return
        line.idle_since = time.monotonic()
        if self._closed or len(self._idle) >= KEPT:
            line.close()
        else:
            self._idle.append(line)
