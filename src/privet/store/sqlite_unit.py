"""A unit of work on SQLite. The log's leaves are appended in the same transaction as what they tell of.

Byte strings are bound as bytearrays: the driver binds those at once, and asks for an adapter of each `bytes` (about
1 µs a value, most of what an insert costs). The four statements of a read (state, look-up, row, entry) go to the driver
connection that Core holds, since Core describes result columns anew each time: 25 µs a statement. All else is Core.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from privet.domain.ids import SubjectId
from privet.domain.ports import EntryRow, SubjectRow, VaultState
from privet.errors import PrivetError
from privet.store import statements as s
from privet.store.growth import Edge, StoredHashes, grow, hash_leaves, rebuild, tile_rows
from privet.store.unit import Unit

_STATEMENTS = s.build("sqlite")
_CHUNK = 256
_b = bytearray


@lru_cache(maxsize=64)
def _rows_among(count: int) -> str:
    return f"SELECT {s.SUBJECT_COLUMNS} FROM subject WHERE subject IN ({', '.join('?' * count)})"


@lru_cache(maxsize=64)
def _lookups_among(count: int) -> str:
    return f"SELECT value, subject FROM lookup WHERE value IN ({', '.join('?' * count)})"


class SqliteUnit(Unit):
    """`edge` is the store's log edge as last committed; `grown` what it becomes if this unit commits."""

    statements = _STATEMENTS

    def __init__(self, connection: Connection, raw: Any, edge: Edge | None = None) -> None:
        super().__init__(connection)
        self._raw = raw
        self._errors = (SQLAlchemyError, PrivetError, raw.Error)
        self._edge = edge
        self._last: tuple[int | None, bytes | None] | None = None
        self.grown: Edge | None = None

    def state(self) -> VaultState:
        row = self._one(_STATEMENTS.state)
        state = self._state(row)
        self._last = row[6:]
        return state

    def find_subjects(self, indexes: Sequence[bytes]) -> Mapping[bytes, tuple[SubjectId, ...]]:
        found: dict[bytes, tuple[SubjectId, ...]] = {}
        for value, subject in self._among(_STATEMENTS.lookup_one, _lookups_among, indexes):
            held = found.get(value, ())
            if subject not in held:
                found[value] = (*held, subject)
        return found

    def find_rows(self, subjects: Sequence[SubjectId]) -> Mapping[SubjectId, SubjectRow]:
        make = SubjectRow._make
        return {row[0]: make(row) for row in self._among(_STATEMENTS.row, _rows_among, subjects)}

    def append(self, entries: Sequence[EntryRow]) -> None:
        if not entries:
            return
        try:
            edge = self.grown or self._current_edge()
            start = edge.size
            hashes = hash_leaves([entry[1] for entry in entries])
            self._raw.executemany(
                _STATEMENTS.insert_entry,
                [
                    (pos, _b(entry), _b(leaf), _b(sealed), _b(tag), _b(ref), _b(hashes[pos - start]))
                    for pos, (entry, leaf, sealed, tag, ref) in enumerate(entries, start)
                ],
            )
            tiles = tile_rows(grow(edge, hashes, entries[-1][0], StoredHashes(self._connection)))
            if tiles:
                self._connection.execute(_STATEMENTS.insert_tile, tiles)
        except self._errors as error:
            raise self._fail(error) from None
        self.grown = edge

    def _current_edge(self) -> Edge:
        """A copy of the edge in memory if the last entry in the database is its own, else one rebuilt."""
        last = self._last
        if last is None:
            last = self._one(_STATEMENTS.last) or (None, None)
        size = 0 if last[0] is None else last[0] + 1
        edge = self._edge
        if edge is not None and edge.size == size and edge.last == last[1]:
            return edge.copy()
        return rebuild(StoredHashes(self._connection), size, last[1])

    def _clear_tag(self, tag: bytes) -> None:
        self._run(s.CLEAR_ENTRIES, {"tagged": tag})

    def _one(self, statement: str) -> Any:
        raw = self._raw
        try:
            rows = raw.execute(statement).fetchall()
        except raw.Error as error:
            raise self._fail(error) from None
        return rows[0] if rows else None

    def _among(self, single: str, several: Any, keys: Sequence[bytes]) -> Sequence[Any]:
        """Rows under any of the keys. Lists are filled up to a power of two, so that few texts are prepared."""
        try:
            if len(keys) == 1:
                return self._all(single, (_b(keys[0]),))
            rows: list[Any] = []
            for at in range(0, len(keys), _CHUNK):
                some = tuple(map(_b, keys[at : at + _CHUNK]))
                width = 1 << (len(some) - 1).bit_length()
                rows += self._all(several(width), some + some[-1:] * (width - len(some)))
            return rows
        except self._errors as error:
            raise self._fail(error) from None

    def _all(self, statement: str, parameters: tuple[object, ...]) -> Sequence[Any]:
        rows: Sequence[Any] = self._raw.execute(statement, parameters).fetchall()
        return rows
