"""Shocks that somebody keeps by name for an account."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "saved_scenarios",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("shocks", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_saved_scenarios")),
    )


def downgrade() -> None:
    op.drop_table("saved_scenarios")
