"""Where each handler of events stands, its dead letters, the inbox, and what an account has been warned of.

Handlers begin with the events that follow: nobody is told today what happened before there was an inbox.
"""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID, MONEY, POSITION

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("breached", sa.Text(), nullable=True))
    op.create_table(
        "handler_positions",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("position", POSITION, nullable=False),
        sa.PrimaryKeyConstraint("handler", name=op.f("pk_handler_positions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead_letters",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "position", name=op.f("pk_dead_letters")),
        sqlite_with_rowid=False,
    )
    _create_inbox()
    op.execute("INSERT INTO handler_positions SELECT '', coalesce(max(position), 0) FROM events")


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "position", "kind", name=op.f("pk_inbox")),
        sqlite_with_rowid=False,
    )
    unread = sa.text("read_at IS NULL")
    op.create_index(
        "ix_inbox_unread",
        "inbox",
        ["user_id", "position"],
        sqlite_where=unread,
        postgresql_where=unread,
    )
    op.create_table(
        "round_trips",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("executions", sa.Integer(), nullable=False),
        sa.Column("realised", MONEY, nullable=False),
        sa.Column("fees", MONEY, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "symbol", name=op.f("pk_round_trips")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reports_taken",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_id", name=op.f("pk_reports_taken")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("reports_taken", "round_trips", "inbox", "dead_letters", "handler_positions"):
        op.drop_table(table)
    op.drop_column("accounts", "breached")
