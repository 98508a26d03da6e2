"""Which strategy trades which account and what it has to remember, on record for whichever process plays the
session.
"""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.trading import tables as t

ASSIGNED, UNASSIGNED, BEGAN = "strategy_assigned", "strategy_unassigned", "strategy_began"
"""What is told on the platform's stream: of an assignment, its end, and the first step of a process."""
STOPPED, CODE_CHANGED = "strategy_stopped", "strategy_code_changed"
"""As well: the file is another one by now, and it is not run; the code that comes with the platform is
another one by now, and it is run.
"""

_ACTOR = "strategy:"


class Assigned(NamedTuple):
    """A strategy that trades an account. source: its name or file; parameters: as texts."""

    account_id: UUID
    strategy: str
    source: str
    parameters: dict[str, str]


def actor_of(strategy: str) -> str:
    """Who asks, on record, when a strategy of this name does."""
    return _ACTOR + strategy


def strategy_of(actor: str) -> str | None:
    """The name of the strategy that an actor on record is; None for anybody else."""
    return actor.removeprefix(_ACTOR) if actor.startswith(_ACTOR) else None


def ids_of(account_id: UUID, strategy: str, step: int) -> Callable[[], UUID]:
    """The ids of what a strategy asks for at a step: the same ones however often it is shown the step."""
    run, numbers = uuid5(account_id, strategy), count()
    return lambda: uuid5(run, f"{step}:{next(numbers)}")


def assign(connection: Connection, wanted: Assigned, at: int) -> None:
    """Put on record that a strategy trades an account; once more, with what it has now, and it keeps what it
    remembers. at: wall time, microseconds.
    """
    table, of = t.assignments, _of(wanted.account_id, wanted.strategy)
    made = {"source": wanted.source, "parameters": msgspec.json.encode(wanted.parameters).decode()}
    if not connection.execute(sa.update(table).where(*of).values(made)).rowcount:
        row = {"account_id": wanted.account_id, "strategy": wanted.strategy, "at": at, **made}
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
