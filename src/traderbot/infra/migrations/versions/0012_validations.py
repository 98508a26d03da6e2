"""Validations and sweeps beside backtests, and the documents that reports are made from."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("backtests", sa.Column("kind", sa.Text(), nullable=False, server_default="backtest"))
    op.add_column("backtests", sa.Column("parent_id", ID, nullable=True))
    op.add_column("backtests", sa.Column("task", sa.Text(), nullable=True))
    op.add_column("backtests", sa.Column("report", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM backtests WHERE kind <> 'backtest'")
    op.drop_column("backtests", "report")
    op.drop_column("backtests", "task")
    op.drop_column("backtests", "parent_id")
    op.drop_column("backtests", "kind")
