"""PostgreSQL connections that are held between units, since taking one from a pool costs more than a read.

Refuses a unit when all are in use for 5 s. A lost connection takes the idle ones with it: the server was restarted.
"""

import threading

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from privet.errors import Unavailable
from privet.store.faults import explain

MOST = 16
_WAIT_S = 5.0


class HeldConnections:
    """At most MOST at a time, last given back first taken."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[Connection] = []
        self._slots = threading.BoundedSemaphore(MOST)
        self._closed = False

    def take(self) -> Connection:
        if not self._slots.acquire(timeout=_WAIT_S):
            raise Unavailable("all database connections are in use; try again")
        try:
            try:
                return self._idle.pop()
            except IndexError:
                return self._engine.connect()
        except BaseException as error:
            self._slots.release()
            if isinstance(error, SQLAlchemyError):
                raise explain(error) from None
            raise

    def give_back(self, connection: Connection, *, restarted: bool = True) -> None:
        """Ends whatever transaction is left. One that was lost is thrown away, and, if `restarted`, the idle ones."""
        try:
            sound = not connection.invalidated
            if sound:
                connection.rollback()
                sound = not connection.invalidated
        except SQLAlchemyError:
            sound = False
        finally:
            self._slots.release()
        if sound and not self._closed:
            self._idle.append(connection)
            return
        self._discard(connection)
        if not sound and restarted:
            self.drop_idle()

    def drop_idle(self) -> None:
        while self._idle:
            try:
                idle = self._idle.pop()
            except IndexError:
                return
            self._discard(idle)

    def close(self) -> None:
        self._closed = True
        self.drop_idle()
        self._engine.dispose()

    @staticmethod
    def _discard(connection: Connection) -> None:
        try:
            connection.invalidate()
            connection.close()
        except SQLAlchemyError:  # it is gone already
            return
