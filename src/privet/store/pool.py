"""Connections to PostgreSQL, held between units: at most so many, each sound, none for ever.

An idle one is looked at before it is lent, without a trip. A server that cannot be reached is asked again for as long
as a unit may wait for a connection; one thread asks, the others wait for it, and once a server has been gone for
longer than that nobody waits. Refuses a unit when all are in use for the time that the settings give.
"""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Final

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from privet.errors import PrivetError, StoreGone, Unavailable
from privet.store.faults import GONE, explain
from privet.store.wire import ROLLBACK, Wire

_BUSY: Final = "all database connections are in use; try again"
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


class Link:
    """One connection: by Core, and by the wire beneath it."""

    __slots__ = ("connection", "ends", "wire")

    def __init__(self, connection: Connection, wire: Wire, ends: float) -> None:
        self.connection = connection
        self.wire = wire
        self.ends = ends

    def is_usable(self) -> bool:
        return monotonic() < self.ends and self.wire.is_alive()


class Pool:
    """Last given back, first lent. `make` connects; whatever it raises but a lost server goes to the caller."""

    def __init__(self, make: Callable[[float], Link], *, most: int, wait_s: float, lifetime_s: float) -> None:
        self._make = make
        self._slots = threading.BoundedSemaphore(most)
        self._wait = wait_s
        self._lifetime = lifetime_s
        self._idle: list[Link] = []
        self._gate = threading.Lock()
        self._gone_since: float | None = None
        self._not_before = 0.0
        self._pause = 0.0
        self.patient = False
        """Whether to wait for a server that is not there. Not while a vault is being opened."""
        self._closed = False

    @property
    def is_reachable(self) -> bool:
        """False once a server could not be connected to, until it can be again."""
        return self._gone_since is None

    def take(self) -> Link:
        """A sound connection outside any transaction. Unavailable when none is to be had in time."""
        until = monotonic() + self._wait
        if not self._slots.acquire(timeout=self._wait):
            raise Unavailable(_BUSY)
        try:
            while self._idle:
                try:
                    link = self._idle.pop()
                except IndexError:
                    break
                if link.is_usable():
                    return link
                _end(link)
            return self._connect(until)
        except BaseException:
            self._slots.release()
            raise

    def replace(self, link: Link) -> Link:
        """Another for one that was found dead. When there is none to be had, the dead one is still to be given back."""
        _end(link)
        self.drop_idle()
        return self._connect(monotonic() + self._wait)

    def give_back(self, link: Link) -> None:
        """Undoes whatever transaction is left. A lost one is thrown away, and the idle ones that are lost with it."""
        sound = False
        try:
            if not link.wire.is_lost:
                link.wire.lose_patience()
                if link.connection.in_transaction():
                    link.connection.rollback()
                if link.wire.in_transaction:
                    link.wire.trip([ROLLBACK])
                sound = not link.connection.invalidated and not link.wire.is_lost
        except (SQLAlchemyError, psycopg.Error):
            sound = False
        finally:
            if sound and not self._closed:
                self._idle.append(link)
            else:
                _end(link)
            self._slots.release()

    def retire(self, link: Link) -> None:
        """Instead of giving back: its settings are not those of the others."""
        _end(link)
        self._slots.release()

    def drop_idle(self) -> None:
        while self._idle:
            with suppress(IndexError):
                _end(self._idle.pop())

    def close(self) -> None:
        self._closed = True
        self.drop_idle()

    def _connect(self, until: float) -> Link:
        if not self._gate.acquire(timeout=max(0.0, until - monotonic())):
            raise StoreGone(GONE)
        try:
            while True:
                self._await_turn(until)
                try:
                    link = self._make(monotonic() + self._lifetime * random.uniform(0.8, 1.0))  # noqa: S311
                except (SQLAlchemyError, psycopg.Error) as error:
                    failure = explain(error)
                else:
                    self._gone_since, self._pause, self._not_before = None, 0.0, 0.0
                    return link
                # Raised out here, so that it has no context: the driver's error knows the password.
                self._mark_gone(failure, until)
        finally:
            self._gate.release()

    def _await_turn(self, until: float) -> None:
        now = monotonic()
        pause = self._not_before - now
        if pause <= 0:
            return
        if now + pause > until or (self._gone_since is not None and now - self._gone_since > self._wait):
            raise StoreGone(GONE)
        sleep(pause)

    def _mark_gone(self, failure: PrivetError, until: float) -> None:
        """Raises when waiting would not help, or not in time."""
        if not isinstance(failure, StoreGone):
            raise failure
        now = monotonic()
        self._gone_since = self._gone_since or now
        self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, self._pause * 2))
        self._not_before = now + self._pause * random.uniform(0.5, 1.5)  # noqa: S311  # so that workers do not ask in step
        if not self.patient or now >= until:
            raise failure


def _end(link: Link) -> None:
    with suppress(SQLAlchemyError, psycopg.Error):
        link.connection.invalidate()
        link.connection.close()
