"""The journal and the orders in parts on PostgreSQL, and an index for each query."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


_RARE = (
    "type NOT IN ('OrderPlaced', 'OrderFilled', 'OrderRefused', 'OrderCancelled', 'OrderExpired',"
    " 'SessionAdvanced', 'PortfolioRevalued', 'SignalRaised')"
)


def upgrade() -> None:
    _correlation()


def _correlation() -> None:
    op.add_column("events", sa.Column("correlation", sa.Text(), nullable=True))
    for name, column, where in (
        ("ix_events_correlation", "correlation", "correlation IS NOT NULL"),
        ("ix_events_type", "type", _RARE),
    ):
        condition = sa.text(where)
        op.create_index(
            name, "events", [column, "position"], sqlite_where=condition, postgresql_where=condition
        )


def downgrade() -> None:
    op.drop_index("ix_events_type", table_name="events")
    op.drop_index("ix_events_correlation", table_name="events")
    op.drop_column("events", "correlation")
