"""Rate limits that an administrator has set."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("scope", sa.String(80), primary_key=True),
        sa.Column("rate", sa.String(20), nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("rate_limits")
