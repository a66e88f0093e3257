"""The first schema: subjects, look-ups, consent, the log, and the outbox by which PostgreSQL reaches it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
BYTES = sa.LargeBinary()
TEXT = sa.Text()


def _table(name: str, key: dict[str, Any], rest: dict[str, Any], nullable: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        *(sa.Column(column, kind, primary_key=True, autoincrement=False) for column, kind in key.items()),
        *(sa.Column(column, kind, nullable=column in nullable) for column, kind in rest.items()),
        sqlite_strict=True,
    )


def upgrade() -> None:
    _table(
        "vault",
        {"id": BYTES},
        {
            "format": BIG,
            "schema": BIG,
            "origin": TEXT,
            "catalogue_digest": TEXT,
            "controls": BYTES,
            "controls_rev": BIG,
        },
    )
    _table("epoch", {"epoch": BIG}, {"state": TEXT, "opened": BIG})
    _table(
        "subject",
        {"subject": BYTES},
        {
            "epoch": BIG,
            "keys": BYTES,
            "keys_rev": BIG,
            "facts": BYTES,
            "facts_rev": BIG,
            "fields": BYTES,
            "fields_rev": BIG,
        },
    )
    op.create_index("subject_epoch", "subject", ["epoch", "subject"])
    _table(
        "record",
        {"subject": BYTES, "collection": BIG, "record": BYTES},
        {"coarse": BIG, "revision": BIG, "fields": BYTES},
    )
    op.create_index("record_time", "record", ["subject", "collection", "coarse"])
    _table("lookup", {"value": BYTES, "slot": BYTES}, {"subject": BYTES, "field": BIG, "epoch": BIG})
    op.create_index("lookup_subject", "lookup", ["subject"])
    op.create_index("lookup_epoch", "lookup", ["epoch"])
    _table("consent", {"subject": BYTES, "seq": BIG}, {"sealed": BYTES})
    logged: dict[str, Any] = {"id": BYTES, "leaf": BYTES, "sealed": BYTES, "tag": BYTES, "ref": BYTES}
    _table("entry", {"pos": BIG}, {**logged, "hash": BYTES}, nullable=("tag", "ref"))
    op.create_index("entry_id", "entry", ["id"])
    tagged = sa.text("tag IS NOT NULL")
    block = sa.text("(pos >> 12)")
    op.create_index("entry_tag", "entry", [block, "tag", "pos"], sqlite_where=tagged, postgresql_where=tagged)
    _table("tile", {"level": BIG, "n": BIG}, {"hashes": BYTES})
    _table("checkpoint", {"size": BIG, "origin": TEXT}, {"note": TEXT})
    _table("catalogue_number", {"kind": TEXT, "name": TEXT}, {"number": BIG})
    _table("import_run", {"run": BYTES}, {"progress": BYTES})
    _table("note", {"key": TEXT}, {"value": BYTES})
    _table("outbox", {"stream": BYTES, "seq": BIG}, {**logged, "chain": BYTES}, nullable=("tag", "ref"))
    _table("stream", {"stream": BYTES}, {"seq": BIG, "chain": BYTES})
    _table("head", {"one": BIG}, {"size": BIG, "root": BYTES, "frontier": BYTES})
    _table("erased", {"tag": BYTES}, {})


def downgrade() -> None:
    raise NotImplementedError("a vault is never downgraded: restore the backup made before the upgrade")
