"""Takes what is durable in the outboxes into the one log: contiguous prefixes, chain verified, in one transaction.

The pure parts, and their use on any connection; PostgreSQL's own, in fewer trips, is in `postgresql_sequencer`.

Safe in any number of workers at once and after a crash at any point: cursors, leaves, tiles and head move together,
on condition that the head is still the one that was built upon. Refuses a stream whose chain does not hold, after
taking what stands before the break.
"""

from collections.abc import Iterable, Sequence
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update

from privet.audit.chain import chain_hash
from privet.audit.merkle import Frontier
from privet.audit.tiles import WIDTH
from privet.errors import Conflict, IntegrityError
from privet.store import tables as t
from privet.store.growth import Edge, StoredHashes, grow, hash_leaves, tile_rows
from privet.store.statements import LOCK_HEAD, Statements

BATCH = 2_000
"""Entries a stream and transaction."""

_STREAMS = select(t.stream).where(t.stream.c.stream.in_(select(t.outbox.c.stream).distinct()))
_WAITING = (
    select(t.outbox)
    .where(t.outbox.c.stream == bindparam("of"), t.outbox.c.seq >= bindparam("start"))
    .order_by(t.outbox.c.seq)
    .limit(BATCH)
)
_ERASED = select(t.erased.c.tag).where(t.erased.c.tag.in_(bindparam("tags", expanding=True)))
_TAKEN = delete(t.outbox).where(t.outbox.c.stream == bindparam("of"), t.outbox.c.seq < bindparam("stop"))
_MOVE_CURSOR = (
    update(t.stream)
    .where(t.stream.c.stream == bindparam("of"), t.stream.c.seq == bindparam("old"))
    .values(seq=bindparam("new"), chain=bindparam("last"))
)
_MOVE_HEAD = (
    update(t.head)
    .where(t.head.c.size == bindparam("old_size"), t.head.c.root == bindparam("old_root"))
    .values(size=bindparam("new_size"), root=bindparam("new_root"), frontier=bindparam("new_frontier"))
)


class Waiting(NamedTuple):
    """One outbox row."""

    stream: bytes
    seq: int
    id: bytes
    leaf: bytes
    sealed: bytes
    tag: bytes | None
    ref: bytes | None
    chain: bytes


class Cursor(NamedTuple):
    """Where a stream stands, and stood."""

    stream: bytes
    old: int
    new: int
    chain: bytes


class Plan(NamedTuple):
    """What one transaction will do, and the head that it builds on."""

    size: int
    root: bytes
    frontier: Frontier
    cursors: list[Cursor]
    entries: list[Waiting]
    broken: bool

    @property
    def more(self) -> bool:
        """Whether more may have waited than one transaction takes."""
        return any(cursor.new - cursor.old >= BATCH for cursor in self.cursors)


class Prefix(NamedTuple):
    """The part of a stream that can be taken now; `chain` is its last hash, `broken` whether what follows is forged."""

    entries: list[Waiting]
    chain: bytes
    broken: bool


def verify_head(row: Sequence[Any] | None) -> tuple[int, bytes, Frontier]:
    """Size, root and frontier. Raises IntegrityError unless they are there and agree."""
    if row is None:
        raise IntegrityError("the database has lost the head of its log; restore a backup")
    size, root, stored = row
    frontier = Frontier.parse(stored)
    if frontier.size != size or frontier.root() != root:
        raise IntegrityError("the stored head of the log contradicts itself: run `privet audit verify`")
    return size, root, frontier


def take_prefix(seq: int, chain: bytes, rows: Iterable[Sequence[Any]]) -> Prefix:
    """What of `rows` follows on `seq` without a gap, each chained to the one before."""
    prefix: list[Waiting] = []
    for held in rows:
        waiting = Waiting._make(held)
        if waiting.seq != seq + len(prefix):
            break
        following = chain_hash(chain, waiting.seq, waiting.leaf, waiting.sealed)
        if following != waiting.chain:
            return Prefix(prefix, chain, broken=True)
        chain = following
        prefix.append(waiting)
    return Prefix(prefix, chain, broken=False)


def make_plan(head: tuple[int, bytes, Frontier], taken: Iterable[tuple[bytes, int, Prefix]]) -> Plan:
    """Merges the prefixes of streams, each (stream, its cursor, prefix), by the entries' ids."""
    cursors, prefixes, broken = [], [], False
    for stream, seq, prefix in taken:
        broken = broken or prefix.broken
        if prefix.entries:
            cursors.append(Cursor(stream, seq, seq + len(prefix.entries), prefix.chain))
            prefixes.append(prefix.entries)
    return Plan(*head, cursors, list(merge(*prefixes, key=attrgetter("id"))), broken)


def prepare(connection: Connection) -> Plan:
    """Reads the head, locking it so that others wait rather than work in vain, and what may follow it."""
    head = verify_head(connection.execute(LOCK_HEAD).first())
    streams = connection.execute(_STREAMS).all()
    return make_plan(
        head,
        (
            (stream, seq, take_prefix(seq, chain, connection.execute(_WAITING, {"of": stream, "start": seq})))
            for stream, seq, chain in streams
        ),
    )


def carry_out(connection: Connection, plan: Plan, statements: Statements) -> int:
    """Moves everything of the plan, or raises Conflict: then another sequencer was first, and nothing is done."""
    entries = plan.entries
    if not entries:
        return 0
    for cursor in plan.cursors:
        _expect_one(
            connection.execute(
                _MOVE_CURSOR,
                {"of": cursor.stream, "old": cursor.old, "new": cursor.new, "last": cursor.chain},
            )
        )
        connection.execute(_TAKEN, {"of": cursor.stream, "stop": cursor.new})
    hashes = StoredHashes(connection)
    edge = Edge(plan.size, None, plan.frontier, hashes.leaf_hashes(plan.size - plan.size % WIDTH, plan.size))
    leaves = insert_entries(connection, plan.size, entries, statements)
    tiles = tile_rows(grow(edge, leaves, entries[-1].id, hashes))
    if tiles:
        connection.execute(statements.insert_tile, tiles)
    _expect_one(
        connection.execute(
            _MOVE_HEAD,
            {
                "old_size": plan.size,
                "old_root": plan.root,
                "new_size": edge.size,
                "new_root": edge.frontier.root(),
                "new_frontier": edge.frontier.to_bytes(),
            },
        )
    )
    return len(entries)


def insert_entries(
    connection: Connection, start: int, entries: list[Waiting], statements: Statements
) -> list[bytes]:
    """As log entries from position `start` on; without what leads to erased subjects. Returns the leaf hashes."""
    hashes = hash_leaves([entry.leaf for entry in entries])
    tags = {entry.tag for entry in entries if entry.tag is not None}
    erased = {row[0] for row in connection.execute(_ERASED, {"tags": list(tags)})} if tags else set()
    rows: list[Any] = [
        (
            pos,
            entry.id,
            entry.leaf,
            entry.sealed,
            None if entry.tag in erased else entry.tag,
            None if entry.tag in erased else entry.ref,
            hashes[pos - start],
        )
        for pos, entry in enumerate(entries, start)
    ]
    connection.exec_driver_sql(statements.insert_entry, rows)
    return hashes


def _expect_one(result: Any) -> None:
    if result.rowcount != 1:
        raise Conflict("another worker has sequenced meanwhile")
