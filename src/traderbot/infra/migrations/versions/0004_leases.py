"""Leases of what one process runs alone, how a session's clock stands, and who trades an account."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0004"
down_revision = "0003"

_CLOCK = ("paused", sa.Boolean()), ("speed", sa.Float(53)), ("jump_to", sa.Text())


def upgrade() -> None:
    """What stands in a session's new columns is null: nobody has turned its clock on record."""
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "assignments",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "strategy"),
        sqlite_with_rowid=False,
    )
    for name, kind in _CLOCK:
        op.add_column("market_sessions", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """The clock of a session is forgotten with its columns; its events remain."""
    with op.batch_alter_table("market_sessions") as sessions:
        for name, _ in reversed(_CLOCK):
            sessions.drop_column(name)
    op.drop_table("assignments")
    op.drop_table("leases")
