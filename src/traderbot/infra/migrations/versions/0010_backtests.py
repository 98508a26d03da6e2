"""Backtests that users asked for, and their results."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "backtests",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("curve", sa.LargeBinary(), nullable=True),
        sa.Column("trades", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_backtests_user_id", "backtests", ["user_id", "id"])
    op.create_index("ix_backtests_status", "backtests", ["status", "id"])


def downgrade() -> None:
    op.drop_table("backtests")
