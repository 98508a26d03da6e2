"""Backtests that users asked for, and validations and sweeps, which wait in the same queue: what was asked,
how far it is, and what came out.

Nothing here is a fold of the journal: a backtest trades no account. Results are in the row, so that every
process on one database can show them; their size is bounded where they are made.
"""

import sqlalchemy as sa

from traderbot.infra.storage.database import ID, TIME, metadata

backtests = sa.Table(
    "backtests",
    metadata,
    sa.Column("id", ID, primary_key=True),  # ordered by time of creation
    sa.Column("user_id", ID, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),  # JSON, amounts as texts
    sa.Column("progress", sa.Float(53), nullable=False),  # 0 to 1
    sa.Column("attempts", sa.Integer, nullable=False),  # how often a process was started for it
    sa.Column("slot", sa.Integer),  # which one runs it
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("started_at", TIME),
    sa.Column("finished_at", TIME),
    sa.Column("error", sa.Text),
    sa.Column("summary", sa.Text),  # JSON
    sa.Column("curve", sa.LargeBinary),  # JSON, compressed
    sa.Column("trades", sa.LargeBinary),  # JSON, compressed; the sets of a sweep
    sa.Column("kind", sa.Text, nullable=False, server_default="backtest"),  # or validation, sweep
    sa.Column("parent_id", ID),  # of a validation: the backtest that it validates
    sa.Column("task", sa.Text),  # JSON, what a validation or sweep asks besides
    sa.Column("report", sa.LargeBinary),  # JSON, compressed: the report's document, the validation's record
    sa.Index("ix_backtests_user_id", "user_id", "id"),
    sa.Index("ix_backtests_status", "status", "id"),
    sqlite_with_rowid=False,
)
