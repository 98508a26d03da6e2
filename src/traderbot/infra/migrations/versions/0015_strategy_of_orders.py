"""Which strategy placed an order, as the journal has it."""

import json
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0015"
down_revision = "0014"

_ACTOR = '"actor":"strategy:'


def upgrade() -> None:
    op.add_column("orders", sa.Column("strategy", sa.Text(), nullable=True))
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """Name the strategies of the orders that are there. Those whose events are archived keep null until
    `traderbot audit rebuild --replace`.
    """
    events = sa.table("events", *map(sa.column, ("stream", "version", "type", "metadata")))
    orders = sa.table(
        "orders", sa.column("account_id", ID), sa.column("version"), sa.column("strategy", sa.Text)
    )
    query = sa.select(events.c.stream, events.c.version, events.c.metadata).where(
        events.c.type == "OrderPlaced", events.c.metadata.contains(_ACTOR, autoescape=True)
    )
    for row in connection.execute(query).all():
        account_id = UUID(row.stream.removeprefix("account:"))
        strategy = json.loads(row.metadata)["actor"].removeprefix("strategy:")
        connection.execute(
            sa.update(orders)
            .where(orders.c.account_id == account_id, orders.c.version == row.version)
            .values(strategy=strategy)
        )


def downgrade() -> None:
    op.drop_column("orders", "strategy")
