"""The statements that a projection writes rows with, compiled once for a database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from traderbot.infra.storage.database import Bulk, insert_into, update_of, upsert_into
from traderbot.trading import tables as t


class Statements:
    """The statements a projection needs, compiled once for a database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.inserts = {table.name: insert_into(table, dialect) for table in (
            t.accounts, t.postings, t.activities, t.signals, t.valuations, t.lots,
            t.client_order_ids, t.execution_ids,
        )}  # fmt: skip
        self.upserts = {
            table.name: upsert_into(table, dialect) for table in (t.positions, t.market_sessions, t.rules)
        }
        self.plain_orders = insert_into(t.orders, dialect, columns=t.PLAIN_ORDER)
        self.all_orders = insert_into(t.orders, dialect)
        self.plain_fills = insert_into(t.fills, dialect, columns=t.PLAIN_FILL)
        self.late_fills = insert_into(t.fills, dialect, columns=(*t.PLAIN_FILL, "late"))
        self.session_changes = update_of(t.market_sessions, ("step", "at"), dialect)
        self.session_clocks = update_of(t.market_sessions, ("paused", "speed", "jump_to"), dialect)
        self._changes: dict[tuple[str, frozenset[str]], Bulk] = {}

    def changes(self, table: sa.Table, names: frozenset[str]) -> Bulk:
        """The update of those columns of a table's rows by key; fees of an order are added to."""
        update = self._changes.get((table.name, names))
        if update is None:
            added = ("fees",) if table is t.orders and "fees" in names else ()
            update = update_of(table, names, self._dialect, added=added)
            self._changes[table.name, names] = update
        return update


def restore_lot(dialect: Dialect) -> sa.Insert:
    """Bring a lot back, or in that an execution taken back left owing; where it came from stays on record."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect.name](t.lots)
    back = {name: insert.excluded[name] for name in ("symbol", "opened_at", "qty", "cost", "closed_at")}
    keys = [column.name for column in t.lots.primary_key]
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=keys, set_=back)
    return statement


BUST_FILL = (
    sa.update(t.fills)
    .values(busted=sa.bindparam("bust_version"))
    .where(
        t.fills.c.account_id == sa.bindparam("of_account"),
        t.fills.c.order_id == sa.bindparam("of_order"),
        t.fills.c.execution_id == sa.bindparam("of_execution"),
    )
)
"""Mark a fill as taken back, found by its order and execution."""
