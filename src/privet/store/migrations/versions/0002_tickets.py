"""Tickets: what lives for minutes or hours beside the profiles (idempotency records, sign-in codes, sessions)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "ticket",
        sa.Column("id", sa.LargeBinary(), primary_key=True, autoincrement=False),
        sa.Column("until", BIG, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ticket_until", "ticket", ["until"])


def downgrade() -> None:
    raise NotImplementedError("a vault is never downgraded: restore the backup made before the upgrade")
