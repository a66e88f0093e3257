"""Which statements a store issues, for tests that two cases must not differ in them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import event

from privet.domain.ports import Store
from privet.store.postgresql import PostgresqlStore
from privet.store.sqlite import SqliteStore
from privet.store.wire import Answer, Call, Wire

_LITERAL = re.compile(r"x'[0-9a-f]*'|'[^']*'|\b\d+\b|\b0x[0-9a-f]+\b", re.IGNORECASE)
_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SET ")


def shape(statement: str) -> str:
    """A statement without its values."""
    return " ".join(_LITERAL.sub("?", statement).split())


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The shapes of the statements that `store` issues within, in order; transaction control is left out."""
    seen: list[str] = []

    def see(statement: str) -> None:
        if not statement.upper().startswith(_TRANSACTION):
            seen.append(shape(statement))

    with _tapped(store, see):
        yield seen


@contextmanager
def _tapped(store: Store, see: Any) -> Iterator[None]:
    if isinstance(store, SqliteStore):
        with store.write(), store.read():
            pass  # so that both connections exist
        raws = [store._writer.raw, *(idle.connection.driver_connection for idle in store._idle)]
        for raw in raws:
            raw.set_trace_callback(see)
        try:
            yield
        finally:
            for raw in raws:
                raw.set_trace_callback(None)
        return
    assert isinstance(store, PostgresqlStore)
    engine = store._engine
    trip = Wire.trip

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        see(statement)

    def seen_trip(wire: Wire, calls: Sequence[Call]) -> list[Answer]:
        for call in calls:
            see(call.statement.text)
        return trip(wire, calls)

    event.listen(engine, "before_cursor_execute", before)
    try:
        with mock.patch.object(Wire, "trip", seen_trip):
            yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
