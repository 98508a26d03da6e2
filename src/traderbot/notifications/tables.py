"""The inbox of each user, and what the notices of closed positions are counted from.

Neither is a fold that is compared with the journal: what a user has read is only known here, and old entries
are dropped.
"""

import sqlalchemy as sa

from traderbot.infra.storage.database import ID, MONEY, POSITION, TIME, metadata

_UNREAD = sa.text("read_at IS NULL")

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("user_id", ID, primary_key=True),
    sa.Column("position", POSITION, primary_key=True, autoincrement=False),  # of the event it tells of
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("account_id", ID),
    sa.Column("at", TIME, nullable=False),  # when the event was recorded
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # JSON, amounts as texts
    sa.Column("read_at", TIME),
    sa.Index("ix_inbox_unread", "user_id", "position", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    sqlite_with_rowid=False,
)

round_trips = sa.Table(
    "round_trips",  # the latest of an account in a symbol: from flat to flat
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("opened_at", TIME, nullable=False),
    sa.Column("executions", sa.Integer, nullable=False),
    sa.Column("realised", MONEY, nullable=False),  # gross of fees
    sa.Column("fees", MONEY, nullable=False),
    sqlite_with_rowid=False,
)
