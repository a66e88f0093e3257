"""What one process takes from its clients at most, and the count of what it holds.

Refuses nothing itself: the protocol asks here, and answers.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from privet.config.settings.serving import ServeSettings
from privet.http.edge import Note
from privet.http.problems import EdgeError, Scope

MOST_HEAD: Final = 32_768
"""Bytes of request line and headers."""
MOST_HEADERS: Final = 100
MOST_TARGET: Final = 8_192
"""Bytes of the request target."""
MOST_PIPELINED: Final = 16
"""Requests on one connection that wait for the answer to the one before."""
LINGER_S: Final = 2.0
"""How long a client that was refused may go on sending, so that it reads why."""
QUIET_S: Final = 1.0
"""Silent for so long, a connection may be closed for one that waits, where there are as many as there may be."""
UNFINISHED_S: Final = 1.0
"""How much longer a request may be on its way, there."""
GREETING_S: Final = 0.5
"""How long a client may be silent that connected while the process was about to stop."""
UNREAD_S: Final = 30.0
"""How long a client may leave an answer unread."""
_SLACK: Final = 65_536
_HELD_BODIES: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Of one connection; seconds and bytes."""

    header_s: float
    body_s: float
    keep_alive_s: float
    body: int

    @classmethod
    def of(cls, settings: ServeSettings) -> "Limits":
        return cls(
            header_s=settings.header_timeout_s,
            body_s=settings.body_timeout_s,
            keep_alive_s=settings.keep_alive_s,
            body=settings.max_body_bytes,
        )

    @property
    def raw_body(self) -> int:
        """Bytes on the wire of one request: chunks may double a body, no more."""
        return MOST_HEAD + 2 * self.body + _SLACK


class Connection(Protocol):
    """What the gate knows of a connection."""

    def check(self, now: float) -> None:
        """Ends what has had its time."""
        ...

    def idle_since(self) -> float:
        """When it fell silent, by the loop's clock; infinity while a request is under way."""
        ...

    def make_way(self) -> None:
        """Closes for one who waits."""
        ...

    def say_last(self) -> None:
        """The next answer is the last."""
        ...

    def drain(self) -> None:
        """Closes when nothing is under way, else after the answer."""
        ...


class Gate:
    """Counts connections and the bytes of bodies held; says when this process is about to stop."""

    def __init__(self, limits: Limits, connections: int) -> None:
        self.limits = limits
        self.most = connections
        self.room = max(_HELD_BODIES * limits.body, 64_000_000)
        """Bytes of bodies that may still be held, of all connections together."""
        self.draining = False
        self.open: set[Connection] = set()
        self.on_free: Callable[[], None] = _nothing
        self.on_refused: Callable[[str], None] = _ignore
        self.on_bad_certificate: Callable[[ssl.SSLCertVerificationError], None] = _pass
        self.note: Note = _no_note
        """What writes the leaf of a refusal whose head was whole, before it is told."""

    def came(self, connection: Connection) -> None:
        self.open.add(connection)

    def went(self, connection: Connection) -> None:
        self.open.discard(connection)
        self.on_free()

    def make_room(self, now: float) -> bool:
        """Closes the connection that has been silent longest, or longest at one request, if that is a while: whoever
        asks goes before."""
        quiet = min(self.open, key=lambda one: one.idle_since(), default=None)
        if quiet is None or quiet.idle_since() > now - QUIET_S:
            return False
        quiet.make_way()
        return True

    def begin_draining(self) -> None:
        """From now on each answer closes its connection."""
        self.draining = True
        for connection in list(self.open):
            connection.say_last()

    def sweep(self, now: float) -> None:
        """Once or twice a second: every deadline is looked at here, so that a request sets no timer."""
        for connection in list(self.open):
            connection.check(now)


def _nothing() -> None:
    return None


def _ignore(code: str) -> None:
    del code


def _pass(error: ssl.SSLCertVerificationError) -> None:
    del error


def _no_note(scope: Scope, error: EdgeError) -> None:
    del scope, error
