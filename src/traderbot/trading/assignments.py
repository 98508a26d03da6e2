"""Which strategy trades which account, on record, so that whichever process plays a session knows."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.trading import tables as t


def assign(connection: Connection, account_id: UUID, strategy: str, at: int) -> None:
    """Put on record that a strategy trades an account; once is enough. at: wall time, microseconds."""
    table = t.assignments
    known = sa.select(table.c.at).where(table.c.account_id == account_id, table.c.strategy == strategy)
    if connection.execute(known).first() is None:
        row = {"account_id": account_id, "strategy": strategy, "at": at}
        connection.execute(sa.insert(table).values(row))


def assigned(connection: Connection, session_id: UUID, strategy: str) -> list[UUID]:
    """The accounts of a session that a strategy trades, in the order in which it was given them."""
    table = t.assignments
    query = (
        sa.select(table.c.account_id)
        .join(t.accounts, t.accounts.c.id == table.c.account_id)
        .where(t.accounts.c.session_id == session_id, table.c.strategy == strategy)
        .order_by(table.c.at, table.c.account_id)
    )
    return list(connection.execute(query).scalars())
