"""A Core statement compiled once, then run as text: Core's own execution costs more than SQLite's.

Only for statements whose text does not depend on the values (no lists). Values are bound, as ever.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """`names` are the parameters in order, `constants` what the statement itself brings."""

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, object]
    positional: bool

    def run(self, connection: Connection, given: Any) -> CursorResult[*tuple[Any, ...]]:
        """With the values of one row, or of a list of rows."""
        bind = self._bind
        parameters = [bind(row) for row in given] if isinstance(given, list) else bind(given)
        return connection.exec_driver_sql(self.text, parameters)

    def _bind(self, row: Mapping[str, object]) -> Any:
        if not self.positional:
            return {**self.constants, **row}
        values = {**self.constants, **row}
        # The driver asks for an adapter of each `bytes`, and none of a bytearray.
        ordered = (values[name] for name in self.names)
        return tuple(bytearray(value) if type(value) is bytes else value for value in ordered)


def prepare(statement: ClauseElement, backend: str) -> Prepared:
    """For one backend."""
    make: Callable[[], Dialect] = sqlite.dialect if backend == "sqlite" else psycopg.dialect
    compiled: Any = statement.compile(dialect=make())
    return Prepared(
        text=str(compiled),
        names=tuple(compiled.positiontup or ()),
        constants={name: value for name, value in compiled.params.items() if value is not None},
        positional=backend == "sqlite",
    )
