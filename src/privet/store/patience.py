"""A connection to PostgreSQL that waits for no answer without end, whichever way a statement is sent.

The server's own limit of a statement is no help against a server that hangs, or whose disk does. Refuses to be used
again after it was given up: then it is closed.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError
from sqlalchemy import Connection as CoreConnection


class PatientConnection(Connection[Any]):
    """psycopg's, which would wait for as long as the server's machine acknowledges."""

    patience_s: float | None = None
    """How long one statement and its answer may take; None: as long as they take."""

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """As the parent's. OperationalError when it took too long."""
        if self.patience_s is None:
            return super().wait(gen, *arguments, **options)
        try:
            return super().wait(_until(gen, monotonic() + self.patience_s), *arguments, **options)
        except _Late:
            self.close()
            raise OperationalError("the server does not answer") from None


class _Late(Exception):
    """The time is over. Never leaves `wait`."""


def _until(gen: Any, until: float) -> Generator[Any, Any, Any]:
    """The same generator; raises _Late when it is asked, with nothing ready, after `until`."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() > until:
                raise _Late
            wanted = gen.send(ready)
    except StopIteration as ended:
        return ended.value


def take_time(connection: CoreConnection) -> None:
    """What this transaction sends may take as long as it takes: a whole vault is counted, copied, upgraded."""
    raw: Any = connection.connection.driver_connection
    raw.patience_s = None
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
