"""The sequenced log, read page by page: no transaction stays open while a caller looks at what it got.

Refuses, with IntegrityError, to pass over a missing entry. What it gives is otherwise as good as the proofs made of
it: the verifier checks hashes, this only reads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection, bindparam, func, select

from privet.audit.merkle import HASH_BYTES
from privet.audit.tiles import WIDTH
from privet.domain.ids import EntryId
from privet.domain.ports import LoggedRow
from privet.errors import IntegrityError
from privet.store import tables as t
from privet.store.growth import StoredHashes
from privet.store.statements import BLOCKS

_PAGE = 1_000
_ENTRIES = select(t.entry)
_SIZE = select(func.max(t.entry.c.pos))
_ASCENDING = (
    _ENTRIES.where(t.entry.c.pos >= bindparam("start"), t.entry.c.pos < bindparam("stop"))
    .order_by(t.entry.c.pos)
    .limit(_PAGE)
)
_NEWEST = _ENTRIES.where(t.entry.c.pos < bindparam("before")).order_by(t.entry.c.pos.desc()).limit(_PAGE)
NEWEST_TAGGED = _NEWEST.where(t.entry_block.in_(BLOCKS), t.entry.c.tag == bindparam("tagged"))
_BY_ID = _ENTRIES.where(t.entry.c.id == bindparam("of")).order_by(t.entry.c.pos).limit(1)
_NEXT = select(func.min(t.entry.c.pos)).where(t.entry.c.pos >= bindparam("start"))
_LAST = 2**63 - 1
"""Of what a column can hold. An entry put there is none of ours; sizes must stay comparable in the database."""
_ORIGIN = select(t.vault.c.origin)
_CHECKPOINTS = select(t.checkpoint.c.size, t.checkpoint.c.note).order_by(
    t.checkpoint.c.size, t.checkpoint.c.origin
)
_BEYOND = (
    select(func.count())
    .select_from(t.outbox)
    .where(t.outbox.c.stream == t.stream.c.stream, t.outbox.c.seq >= t.stream.c.seq)
    .correlate(t.stream)
    .scalar_subquery()
)
_WAITING = select(func.coalesce(func.sum(_BEYOND), 0)).select_from(t.stream)
"""By the keys, beyond each stream's cursor: what was taken lies about in the outbox until it is vacuumed."""

Reading = Callable[[], AbstractContextManager[Connection]]


class SqlLogReader:
    """LogReader over connections that `reading` lends. `catch_up` runs before the newest entries are looked for."""

    def __init__(self, reading: Reading, catch_up: Callable[[], object] | None = None) -> None:
        self._reading = reading
        self._catch_up = catch_up or (lambda: None)

    def size(self) -> int:
        self._catch_up()
        return self._size()

    def origin(self) -> str:
        with self._reading() as connection:
            return str(connection.execute(_ORIGIN).scalar_one())

    def entries(self, start: int, end: int) -> Iterator[LoggedRow]:
        """IntegrityError at the first position that is missing."""
        while start < end:
            with self._reading() as connection:
                rows = connection.execute(_ASCENDING, {"start": start, "stop": end}).fetchall()
            for row in rows:
                if row[0] != start:
                    break
                yield LoggedRow._make(row)
                start += 1
            else:
                if rows:
                    continue
            raise IntegrityError(f"log entry {start} is missing: run `privet audit verify`")

    def entries_newest(self, before: int | None = None, *, tag: bytes | None = None) -> Iterator[LoggedRow]:
        """A missing position raises IntegrityError, unless `tag` is given: then gaps cannot be told."""
        if before is None:
            before = self.size()
        statement = _NEWEST if tag is None else NEWEST_TAGGED
        while before > 0:
            parameters = {"before": before} if tag is None else {"before": before, "tagged": tag}
            with self._reading() as connection:
                rows = connection.execute(statement, parameters).fetchall()
            for row in rows:
                if tag is None and row[0] != before - 1:
                    break
                before = row[0]
                yield LoggedRow._make(row)
            else:
                if rows:
                    continue
            if tag is not None:
                return
            raise IntegrityError(f"log entry {before - 1} is missing: run `privet audit verify`")

    def find_entry(self, entry: EntryId) -> LoggedRow | None:
        found = self._find(entry)
        if found is None:
            self._catch_up()
            found = self._find(entry)
        return found

    def find_position(self, start: int) -> int | None:
        with self._reading() as connection:
            found = connection.execute(_NEXT, {"start": start}).scalar()
        return None if found is None else int(found)

    def leaf_hashes(self, start: int, end: int) -> Sequence[bytes]:
        hashes: list[bytes] = []
        while start < end:
            n = start // WIDTH
            stop = min((n + 1) * WIDTH, end)
            with self._reading() as connection:
                stored = StoredHashes(connection)
                tile = stored.find_tile(0, n)
                if tile is not None and len(tile) == WIDTH * HASH_BYTES:
                    cut = tile[(start - n * WIDTH) * HASH_BYTES : (stop - n * WIDTH) * HASH_BYTES]
                    hashes += [cut[at : at + HASH_BYTES] for at in range(0, len(cut), HASH_BYTES)]
                else:
                    hashes += stored.leaf_hashes(start, stop)
            start = stop
        return hashes

    def read_tile(self, level: int, n: int) -> bytes | None:
        with self._reading() as connection:
            tile = StoredHashes(connection).find_tile(level, n)
        return tile if tile is not None and len(tile) == WIDTH * HASH_BYTES else None

    def read_part(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of a tile, full or not, from what is stored or stands below it."""
        with self._reading() as connection:
            return StoredHashes(connection).read_tile(level, n, width)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        with self._reading() as connection:
            rows = connection.execute(_CHECKPOINTS).fetchall()
        return iter([(size, note) for size, note in rows])

    def lag(self) -> int:
        with self._reading() as connection:
            return int(connection.execute(_WAITING).scalar_one())

    def _size(self) -> int:
        with self._reading() as connection:
            last = connection.execute(_SIZE).scalar()
        return 0 if last is None else min(int(last) + 1, _LAST)

    def _find(self, entry: EntryId) -> LoggedRow | None:
        with self._reading() as connection:
            row = connection.execute(_BY_ID, {"of": entry}).first()
        return None if row is None else LoggedRow._make(row)
