"""Which strategy an account was given, with its parameters, and what it remembers over a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("assignments", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("assignments", sa.Column("parameters", sa.Text(), nullable=True))
    op.add_column("assignments", sa.Column("state", sa.Text(), nullable=True))
    op.add_column("assignments", sa.Column("state_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("assignments", "state_at")
    op.drop_column("assignments", "state")
    op.drop_column("assignments", "parameters")
    op.drop_column("assignments", "source")
