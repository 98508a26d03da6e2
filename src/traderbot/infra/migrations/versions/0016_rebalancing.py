"""Proposals and plans of rebalancing."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "rebalancing_proposals",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebalancing_proposals")),
    )
    op.create_index(
        "ix_rebalancing_proposals_account", "rebalancing_proposals", ["account_id", "made_at", "id"]
    )
    op.create_index("ix_rebalancing_proposals_status", "rebalancing_proposals", ["status"])
    op.create_table(
        "rebalancing_plans",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_rebalancing_plans")),
    )


def downgrade() -> None:
    op.drop_table("rebalancing_plans")
    op.drop_table("rebalancing_proposals")
