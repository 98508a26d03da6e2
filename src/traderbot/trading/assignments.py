"""Which strategy trades which account and what it has to remember, on record for whichever process plays the
session.
"""

from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.trading import tables as t


class Assigned(NamedTuple):
    """A strategy that trades an account. source: its name or file; parameters: as texts."""

    account_id: UUID
    strategy: str
    source: str
    parameters: dict[str, str]


def assign(connection: Connection, wanted: Assigned, at: int) -> None:
    """Put on record that a strategy trades an account; once is enough. at: wall time, microseconds."""
    table = t.assignments
    known = sa.select(table.c.at).where(*_of(wanted.account_id, wanted.strategy))
    if connection.execute(known).first() is None:
        row = {
            "account_id": wanted.account_id,
            "strategy": wanted.strategy,
            "at": at,
            "source": wanted.source,
            "parameters": msgspec.json.encode(wanted.parameters).decode(),
        }
        connection.execute(sa.insert(table).values(row))


def unassign(connection: Connection, account_id: UUID, strategy: str) -> bool:
    """Take a strategy from an account. Returns: whether it had it."""
    return bool(connection.execute(sa.delete(t.assignments).where(*_of(account_id, strategy))).rowcount)


def assigned(connection: Connection, session_id: UUID) -> list[Assigned]:
    """What trades the accounts of a session, in the order in which it was given to them."""
    table = t.assignments
    query = (
        sa.select(table.c.account_id, table.c.strategy, table.c.source, table.c.parameters)
        .join(t.accounts, t.accounts.c.id == table.c.account_id)
        .where(t.accounts.c.session_id == session_id)
        .order_by(table.c.at, table.c.account_id, table.c.strategy)
    )
    return [
        Assigned(row.account_id, row.strategy, row.source or row.strategy, _texts(row.parameters))
        for row in connection.execute(query)
    ]


def _texts(stored: str | None) -> dict[str, str]:
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, str])


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
