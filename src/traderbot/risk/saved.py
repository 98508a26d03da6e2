"""Shocks that somebody keeps by name for an account, to ask again of whatever it holds then."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.infra.storage.database import ID, TIME, metadata
from traderbot.model.errors import Conflict, NotFound
from traderbot.risk.scenarios import Shocks

SAVED_MAX = 50

saved_scenarios = sa.Table(
    "saved_scenarios",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("shocks", sa.Text, nullable=False),
    sa.Column("saved_at", TIME, nullable=False),
)
_s = saved_scenarios.c


class Saved(msgspec.Struct, frozen=True):
    """saved_at: when it was last saved, microseconds."""

    shocks: Shocks
    saved_at: int


def saved_of(connection: Connection, account_id: UUID) -> list[Saved]:
    """An account's, by name."""
    query = sa.select(saved_scenarios).where(_s.account_id == account_id).order_by(_s.name)
    return [_saved(row) for row in connection.execute(query)]


def find_saved(connection: Connection, account_id: UUID, name: str) -> Saved:
    """Errors: NotFound."""
    row = connection.execute(sa.select(saved_scenarios).where(*_own(account_id, name))).first()
    if row is None:
        raise NotFound("No such scenario.")
    return _saved(row)


def save(connection: Connection, account_id: UUID, user_id: UUID, shocks: Shocks, now: int) -> Saved:
    """Keep shocks under their name, in the place of what had it. Errors: Conflict for an account with as many
    as there may be.
    """
    connection.execute(sa.delete(saved_scenarios).where(*_own(account_id, shocks.name)))
    count = sa.select(sa.func.count()).where(_s.account_id == account_id)
    if connection.execute(count).scalar_one() >= SAVED_MAX:
        raise Conflict(f"an account has at most {SAVED_MAX} scenarios; delete one first")
    text = msgspec.json.encode(shocks).decode()
    row = {"account_id": account_id, "name": shocks.name, "user_id": user_id, "shocks": text, "saved_at": now}
    connection.execute(sa.insert(saved_scenarios).values(row))
    return Saved(shocks, now)


def delete_saved(connection: Connection, account_id: UUID, name: str) -> None:
    """Errors: NotFound."""
    if connection.execute(sa.delete(saved_scenarios).where(*_own(account_id, name))).rowcount != 1:
        raise NotFound("No such scenario.")


def _own(account_id: UUID, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _s.account_id == account_id, _s.name == name


def _saved(row: Row[tuple[object, ...]]) -> Saved:
    return Saved(msgspec.json.decode(row.shocks, type=Shocks), row.saved_at)
