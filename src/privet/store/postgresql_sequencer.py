"""The sequencer on PostgreSQL, in four trips: entries are fetched to be verified, and moved on the server.

As `sequencer` says. Holds no lock that a read or a write of a profile waits for, only the head's, for which other
sequencers and erasures do. Refuses to move an entry that is not the one that was verified: what is moved is counted.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from privet.audit.tiles import WIDTH
from privet.errors import Conflict
from privet.store import postgresql_statements as p
from privet.store.growth import Edge, StoredHashes, grow, hash_leaves, tile_rows
from privet.store.sequencer import BATCH, Plan, make_plan, take_prefix, verify_head
from privet.store.wire import Answer, Call

Trip = Callable[..., list[Answer]]
"""Sends calls within one transaction that has begun."""


def prepare(trip: Trip) -> Plan:
    """Reads the head, locking it so that others wait rather than work in vain, and then what may follow it."""
    head = verify_head(_first(trip(Call(p.LOCK_HEAD))[0]))
    # In a statement after the lock was had: before it, what another sequencer took might still be seen.
    streams = trip(Call(p.STREAMS))[0].rows
    answers = trip(*(Call(p.WAITING, (stream, seq, BATCH)) for stream, seq, _ in streams)) if streams else []
    return make_plan(
        head,
        [
            (stream, seq, take_prefix(seq, chain, map(_waiting, answer.rows)))
            for (stream, seq, chain), answer in zip(streams, answers, strict=True)
        ],
    )


def carry_out(trip: Trip, connection: Connection, plan: Plan) -> int:
    """Moves everything of the plan, or raises Conflict: then another sequencer was first, and nothing may be kept."""
    entries = plan.entries
    if not entries:
        return 0
    hashes = StoredHashes(connection)
    edge = Edge(plan.size, None, plan.frontier, hashes.leaf_hashes(plan.size - plan.size % WIDTH, plan.size))
    leaves = hash_leaves([entry.leaf for entry in entries])
    tiles = tile_rows(grow(edge, leaves, entries[-1].id, hashes))
    positions = range(plan.size, plan.size + len(entries))
    take = Call(p.TAKE, ([e.stream for e in entries], [e.seq for e in entries], positions, leaves))
    moved = [Call(p.MOVE_CURSOR, cursor) for cursor in plan.cursors]
    head = (plan.size, plan.root, edge.size, edge.frontier.root(), edge.frontier.to_bytes())
    taken, moved_head, *moved_cursors = trip(
        take,
        Call(p.MOVE_HEAD, head),
        *moved,
        *(Call(p.TAKEN, (cursor.stream, cursor.old, cursor.new)) for cursor in plan.cursors),
        *(Call(p.PUT_TILE, (tile["level"], tile["n"], tile["hashes"])) for tile in tiles),
    )
    as_planned = [answer.touched == 1 for answer in (moved_head, *moved_cursors[: len(moved)])]
    if taken.touched != len(entries) or not all(as_planned):
        raise Conflict("another worker has sequenced meanwhile")
    return len(entries)


def _waiting(row: tuple[object, ...]) -> tuple[object, ...]:
    """As the outbox has it, but for what leads to the subject, which stays on the server."""
    return (*row[:6], None, row[6])


def _first(answer: Answer) -> tuple[object, ...] | None:
    return answer.rows[0] if answer.rows else None
