"""The tables, the same on SQLite and PostgreSQL. Migrations make them; a test holds the two to each other.

Every subject-scoped key starts with the subject id; nothing refers across subjects. Byte strings are sealed, keyed
or random: no column holds plaintext, a raw identifier or a clock finer than the log's own.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, literal_column

SCHEMA = 2
"""The newest schema this code knows, and the only one it works on. Raised with each migration."""
FORMAT = 1
"""The version of what stands sealed inside the rows."""

Big = Integer().with_variant(BigInteger(), "postgresql")
metadata = MetaData()


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, metadata, *columns, sqlite_strict=True)


def _key(name: str, kind: Any = LargeBinary) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def _int(name: str) -> Column[int]:
    return Column(name, Big, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


vault = _table(
    "vault",
    _key("id"),
    _int("format"),
    _int("schema"),
    _text("origin"),
    _text("catalogue_digest"),
    _bytes("controls"),
    _int("controls_rev"),
)

epoch = _table("epoch", _key("epoch", Big), _text("state"), _int("opened"))

subject = _table(
    "subject",
    _key("subject"),
    _int("epoch"),
    _bytes("keys"),
    _int("keys_rev"),
    _bytes("facts"),
    _int("facts_rev"),
    _bytes("fields"),
    _int("fields_rev"),
    Index("subject_epoch", "epoch", "subject"),
)

record = _table(
    "record",
    _key("subject"),
    _key("collection", Big),
    _key("record"),
    _int("coarse"),
    _int("revision"),
    _bytes("fields"),
    Index("record_time", "subject", "collection", "coarse"),
)

# `slot` is empty for a unique look-up and the subject for a shared one, so that the key itself keeps a unique value
# to one subject, whatever races, and also where rows are distributed by `value`.
lookup = _table(
    "lookup",
    _key("value"),
    _key("slot"),
    _bytes("subject"),
    _int("field"),
    _int("epoch"),
    Index("lookup_subject", "subject"),
    Index("lookup_epoch", "epoch"),
)

consent = _table("consent", _key("subject"), _key("seq", Big), _bytes("sealed"))

entry = _table(
    "entry",
    _key("pos", Big),
    _bytes("id"),
    _bytes("leaf"),
    _bytes("sealed"),
    _bytes("tag", nullable=True),
    _bytes("ref", nullable=True),
    _bytes("hash"),
)
Index("entry_id", entry.c.id)
# Tags are random, so an index of them alone dirties a page an entry, anywhere in a file that only grows: measured as
# 6 of 10 pages that a batch of reads writes. By blocks of 4,096 entries, only the newest block's few pages change, and
# one look-up a block finds a person's entries (statements.BLOCKS).
entry_block = literal_column("(pos >> 12)", Big)
Index(
    "entry_tag",
    entry_block,
    entry.c.tag,
    entry.c.pos,
    sqlite_where=entry.c.tag.is_not(None),
    postgresql_where=entry.c.tag.is_not(None),
)

tile = _table("tile", _key("level", Big), _key("n", Big), _bytes("hashes"))
checkpoint = _table("checkpoint", _key("size", Big), _key("origin", Text), _text("note"))
catalogue_number = _table("catalogue_number", _key("kind", Text), _key("name", Text), _int("number"))
import_run = _table("import_run", _key("run"), _bytes("progress"))
note = _table("note", _key("key", Text), _bytes("value"))
# What lives for minutes or hours: idempotency records, sign-in codes, sessions. The id is a keyed hash of a secret that
# only its holder has; `until` is when it may be forgotten. A restore brings none back.
ticket = _table("ticket", _key("id"), _int("until"), _bytes("sealed"), Index("ticket_until", "until"))

# PostgreSQL: a stream per worker start, and what the sequencer needs. Empty on SQLite.
outbox = _table(
    "outbox",
    _key("stream"),
    _key("seq", Big),
    _bytes("id"),
    _bytes("leaf"),
    _bytes("sealed"),
    _bytes("tag", nullable=True),
    _bytes("ref", nullable=True),
    _bytes("chain"),
)
stream = _table("stream", _key("stream"), _int("seq"), _bytes("chain"))
head = _table("head", _key("one", Big), _int("size"), _bytes("root"), _bytes("frontier"))
erased = _table("erased", _key("tag"))
