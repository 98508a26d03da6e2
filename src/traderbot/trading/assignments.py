"""Which strategy trades which account and what it has to remember, on record for whichever process plays the
session.
"""

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


def kept_state(connection: Connection, account_id: UUID, strategy: str) -> tuple[str, int] | None:
    """What a strategy of an account gave to remember, as JSON, and the market time of the step it is of."""
    table = t.assignments
    query = sa.select(table.c.state, table.c.state_at)
    row = connection.execute(query.where(*_of(account_id, strategy))).first()
    return None if row is None or row.state is None else (row.state, row.state_at)


def keep_state(connection: Connection, account_id: UUID, strategy: str, state: str | None, at: int) -> None:
    """Remember the state of a strategy that is assigned. at: market time, microseconds."""
    kept = {"state": state, "state_at": at}
    connection.execute(sa.update(t.assignments).where(*_of(account_id, strategy)).values(kept))


def _of(account_id: UUID, strategy: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (t.assignments.c.account_id == account_id, t.assignments.c.strategy == strategy)
