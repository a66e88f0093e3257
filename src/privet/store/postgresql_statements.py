"""The statements that PostgreSQL gets over the wire, several to a trip: those of reads, and those that writers repeat.

Every key and every join begins with the subject id, or with what the table is distributed by (docs/scale.md).
"""

from typing import Final

from privet.store.statements import SUBJECT_COLUMNS, build
from privet.store.wire import Statement
from privet.store.wire_types import BYTES, BYTES_LIST, INT, INT_LIST, TEXT

_ROW: Final = (BYTES, INT, BYTES, INT, BYTES, INT, BYTES, INT)

CORE: Final = build("postgresql")
"""Those that go through SQLAlchemy."""

STATE: Final = Statement(CORE.state, (), (INT, TEXT, BYTES, INT, INT, TEXT))
ROW: Final = Statement(f"SELECT {SUBJECT_COLUMNS} FROM subject WHERE subject = $1", (BYTES,), _ROW)
ROWS: Final = Statement(f"SELECT {SUBJECT_COLUMNS} FROM subject WHERE subject = ANY($1)", (BYTES_LIST,), _ROW)
LOOKUP: Final = Statement("SELECT value, subject FROM lookup WHERE value = $1", (BYTES,), (BYTES, BYTES))
LOOKUPS: Final = Statement(
    "SELECT value, subject FROM lookup WHERE value = ANY($1)", (BYTES_LIST,), (BYTES, BYTES)
)
HOLD_EPOCH: Final = Statement("SELECT state FROM epoch WHERE epoch = $1 FOR SHARE", (INT,), (TEXT,))
KEEP_SUBJECT: Final = Statement(
    "SELECT epoch FROM subject WHERE subject = $1 FOR KEY SHARE", (BYTES,), (INT,)
)
INSERT_SUBJECT: Final = Statement(
    f"INSERT INTO subject ({SUBJECT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    _ROW,
)
INSERT_LOOKUP: Final = Statement(
    "INSERT INTO lookup (value, slot, subject, field, epoch) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    (BYTES, BYTES, BYTES, INT, INT),
)
INSERT_CONSENT: Final = Statement(
    "INSERT INTO consent (subject, seq, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    (BYTES, INT, BYTES),
)
INSERT_RECORD: Final = Statement(
    "INSERT INTO record (subject, collection, record, coarse, revision, fields) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    (BYTES, INT, BYTES, INT, INT, BYTES),
)
SWAP_FACTS: Final = Statement(
    "UPDATE subject SET facts = $3, facts_rev = facts_rev + 1 WHERE subject = $1 AND facts_rev = $2",
    (BYTES, INT, BYTES),
)
SWAP_FIELDS: Final = Statement(
    "UPDATE subject SET fields = $3, fields_rev = fields_rev + 1 WHERE subject = $1 AND fields_rev = $2",
    (BYTES, INT, BYTES),
)
SWAP_KEYS: Final = Statement(
    "UPDATE subject SET keys = $3, keys_rev = keys_rev + 1, epoch = $4 WHERE subject = $1 AND keys_rev = $2",
    (BYTES, INT, BYTES, INT),
)

REGISTER: Final = Statement("INSERT INTO stream (stream, seq, chain) VALUES ($1, 0, $2)", (BYTES, BYTES))
# One statement for many rows: the server takes 15 µs a row so, and 60 one by one.
PUT_OUT: Final = Statement(
    "INSERT INTO outbox (stream, seq, id, leaf, sealed, tag, ref, chain) "
    "SELECT $1, o.seq, o.id, o.leaf, o.sealed, o.tag, o.ref, o.chain "
    "FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[]) "
    "AS o (seq, id, leaf, sealed, tag, ref, chain)",
    (BYTES, INT_LIST, *[BYTES_LIST] * 6),
)
PUT_ONE_OUT: Final = Statement(
    "INSERT INTO outbox (stream, seq, id, leaf, sealed, tag, ref, chain) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    (BYTES, INT, BYTES, BYTES, BYTES, BYTES, BYTES, BYTES),
)
REACHED: Final = Statement(
    "SELECT stream.seq, (SELECT max(outbox.seq) FROM outbox WHERE outbox.stream = $1) "
    "FROM stream WHERE stream.stream = $1",
    (BYTES,),
    (INT, INT),
)
"""How far a stream has come: taken into the log, and written out."""
RETIRE: Final = Statement("DELETE FROM stream WHERE stream = $1 AND seq = $2", (BYTES, INT))
SET_LOCAL: Final = Statement("SELECT set_config($1, $2, true)", (TEXT, TEXT), (TEXT,))

LOCK_HEAD: Final = Statement("SELECT size, root, frontier FROM head FOR UPDATE", (), (INT, BYTES, BYTES))
# Looked for beyond each cursor, by the key: what was taken lies about in the outbox until it is vacuumed.
_WAITS: Final = (
    "(SELECT max(outbox.seq) FROM outbox WHERE outbox.stream = stream.stream AND outbox.seq >= stream.seq) "
    "IS NOT NULL"
)
ANYTHING_WAITS: Final = Statement(f"SELECT seq FROM stream WHERE {_WAITS} LIMIT 1", (), (INT,))
STREAMS: Final = Statement(f"SELECT stream, seq, chain FROM stream WHERE {_WAITS}", (), (BYTES, INT, BYTES))
WAITING: Final = Statement(
    "SELECT stream, seq, id, leaf, sealed, tag, chain FROM outbox WHERE stream = $1 AND seq >= $2 "
    "ORDER BY seq LIMIT $3",
    (BYTES, INT, INT),
    (BYTES, INT, BYTES, BYTES, BYTES, BYTES, BYTES),
)
MOVE_CURSOR: Final = Statement(
    "UPDATE stream SET seq = $3, chain = $4 WHERE stream = $1 AND seq = $2", (BYTES, INT, INT, BYTES)
)
# The rows themselves stay on the server; what leads to the erased stays behind.
TAKE: Final = Statement(
    "INSERT INTO entry (pos, id, leaf, sealed, tag, ref, hash) "
    "SELECT m.pos, o.id, o.leaf, o.sealed, CASE WHEN e.tag IS NULL THEN o.tag END, "
    "CASE WHEN e.tag IS NULL THEN o.ref END, m.hash "
    "FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) AS m (stream, seq, pos, hash) "
    "JOIN outbox AS o ON o.stream = m.stream AND o.seq = m.seq LEFT JOIN erased AS e ON e.tag = o.tag",
    (BYTES_LIST, INT_LIST, INT_LIST, BYTES_LIST),
)
TAKEN: Final = Statement("DELETE FROM outbox WHERE stream = $1 AND seq >= $2 AND seq < $3", (BYTES, INT, INT))
PUT_TILE: Final = Statement(
    "INSERT INTO tile (level, n, hashes) VALUES ($1, $2, $3) "
    "ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes",
    (INT, INT, BYTES),
)
MOVE_HEAD: Final = Statement(
    "UPDATE head SET size = $3, root = $4, frontier = $5 WHERE size = $1 AND root = $2",
    (INT, BYTES, INT, BYTES, BYTES),
)
