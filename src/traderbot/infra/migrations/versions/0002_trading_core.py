"""The whole trading core: every kind of order, margin accounts, groups, late and busted executions.

The rows that are there get what today's fold of their events would give them.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from traderbot.infra.events.texts import canonical
from traderbot.infra.storage.database import ID, MONEY, PRICE
from traderbot.model.errors import ConfigurationError

revision = "0002"
down_revision = "0001"

_PAGE = 5000
_OPEN = "status IN ('pending_new', 'unknown', 'held', 'new', 'partially_filled')"
_GROUPED = "group_id IS NOT NULL"
_TIME = sa.BigInteger()
_accounts = sa.table(
    "accounts",
    sa.column("id", ID),
    sa.column("valued", sa.Text),
    sa.column("second", _TIME),
    sa.column("orders_that_second", _TIME),
    sa.column("orders_that_day", _TIME),
)
_orders = sa.table(
    "orders",
    sa.column("id", ID),
    sa.column("account_id", ID),
    sa.column("client_order_id", sa.Text),
    sa.column("status", sa.Text),
    sa.column("fees", MONEY),
)
_names = sa.table(
    "client_order_ids",
    sa.column("account_id", ID),
    sa.column("client_order_id", sa.Text),
)
_fills = sa.table("fills", sa.column("order_id", ID), sa.column("fee", MONEY))
_events = sa.table(
    "events",
    sa.column("position", _TIME),
    sa.column("stream", sa.Text),
    sa.column("version", _TIME),
    sa.column("type", sa.Text),
    sa.column("data", sa.Text),
)
_activities = sa.table(
    "activities",
    sa.column("account_id", ID),
    sa.column("version", _TIME),
    sa.column("at", _TIME),
    sa.column("kind", sa.Text),
    sa.column("symbol", sa.Text),
    sa.column("qty", PRICE),
    sa.column("amount", MONEY),
    sa.column("detail", sa.Text),
)


def upgrade() -> None:
    _widen_accounts()
    _widen_orders()
    op.add_column("fills", sa.Column("late", sa.Boolean(), nullable=True))
    op.add_column("fills", sa.Column("busted", sa.BigInteger(), nullable=True))
    op.create_table(
        "activities",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("qty", PRICE, nullable=True),
        sa.Column("amount", MONEY, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "version", name=op.f("pk_activities")),
        sqlite_with_rowid=False,
    )
    op.add_column("api_keys", sa.Column("account_id", ID, nullable=True))
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    connection = op.get_bind()
    connection.execute(sa.update(_orders).where(_orders.c.status == "accepted").values(status="new"))
    _forget_names_that_are_ids(connection)
    _sum_fees(connection)
    _follow_events(connection)
    _index_orders()


def downgrade() -> None:
    """Errors: ConfigurationError: the journal then holds events that the version before cannot read."""
    raise ConfigurationError(
        "database_url: its schema cannot go below 0002: the first version cannot read what the journal holds"
    )


def _widen_accounts() -> None:
    for name, kind in (("interest", MONEY), ("borrow", MONEY), ("overdraft", MONEY)):
        op.add_column("accounts", sa.Column(name, kind, nullable=False, server_default=sa.text("0")))
    for name in ("second", "orders_that_second", "orders_that_day"):
        column = sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))
        op.add_column("accounts", column)
    for name, first in (("kind", "cash"), ("name", ""), ("broker", "paper"), ("lot_method", "fifo")):
        op.add_column("accounts", sa.Column(name, sa.Text(), nullable=False, server_default=first))
    for name in ("halted_symbols", "lifting", "limits", "valued"):
        op.add_column("accounts", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("margin_call", MONEY, nullable=True))


def _widen_orders() -> None:
    op.drop_index("ix_orders_open", table_name="orders")
    op.add_column("orders", sa.Column("fees", MONEY, nullable=False, server_default=sa.text("0")))
    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "notional": MONEY,
        "stop_price": PRICE,
        "trail_price": PRICE,
        "trail_percent": PRICE,
        "hwm": PRICE,
        "triggered_at": sa.BigInteger(),
        "order_class": sa.Text(),
        "group_id": ID,
        "leg": sa.Text(),
        "extended_hours": sa.Boolean(),
        "reserves": sa.Boolean(),
        "active_at": sa.BigInteger(),
        "fee_per_share": MONEY,
        "fee_minimum": MONEY,
        "lots": sa.Text(),
    }
    for name, kind in kinds.items():
        op.add_column("orders", sa.Column(name, kind, nullable=True))


def _index_orders() -> None:
    """After the rows were changed, so that the indexes are built from what they are to hold."""
    for name, columns, where in (
        ("ix_orders_open", ["account_id", "version"], _OPEN),
        ("ix_orders_group", ["group_id"], _GROUPED),
    ):
        condition = sa.text(where)
        op.create_index(
            name, "orders", columns, unique=False, sqlite_where=condition, postgresql_where=condition
        )


def _pages(connection: Connection, columns: list[Any], key: Any, where: Any = None) -> Iterator[list[Any]]:
    """Rows in the order of a unique column, a page at a time, each read to its end before it is given."""
    last = None
    while True:
        query = sa.select(*columns).order_by(key).limit(_PAGE)
        if where is not None:
            query = query.where(where)
        if last is not None:
            query = query.where(key > last)
        page = list(connection.execute(query))
        if not page:
            return
        yield page
        last = getattr(page[-1], key.name)


def _forget_names_that_are_ids(connection: Connection) -> None:
    """An order without a name of its own has none on record any more."""
    gone = sa.delete(_names).where(
        _names.c.account_id == sa.bindparam("owner"), _names.c.client_order_id == sa.bindparam("name")
    )
    emptied = sa.update(_orders).where(_orders.c.id == sa.bindparam("order_key")).values(client_order_id="")
    for page in _pages(
        connection, [_orders.c.id, _orders.c.account_id, _orders.c.client_order_id], _orders.c.id
    ):
        unnamed = [row for row in page if row.client_order_id == str(row.id)]
        if unnamed:
            connection.execute(gone, [{"owner": row.account_id, "name": str(row.id)} for row in unnamed])
            connection.execute(emptied, [{"order_key": row.id} for row in unnamed])


def _sum_fees(connection: Connection) -> None:
    change = sa.update(_orders).where(_orders.c.id == sa.bindparam("order_key"))
    change = change.values(fees=sa.bindparam("paid", type_=MONEY))
    fees: dict[UUID, Decimal] = {}
    for row in connection.execute(sa.select(_fills.c.order_id, _fills.c.fee)):
        if row.fee:
            fees[row.order_id] = fees.get(row.order_id, Decimal(0)) + row.fee
    if fees:
        connection.execute(change, [{"order_key": key, "paid": paid} for key, paid in fees.items()])


def _follow_events(connection: Connection) -> None:
    """What an account's row now also keeps, and the list of what happened to it, from its events."""
    states: dict[UUID, _State] = {}
    columns = [_events.c[name] for name in ("position", "stream", "version", "type", "data")]
    wanted = sa.and_(_events.c.stream.like("account:%"), _events.c.type.in_(_TAKERS))
    for page in _pages(connection, columns, _events.c.position, wanted):
        rows = []
        for row in page:
            account_id = UUID(row.stream.removeprefix("account:"))
            state = states.setdefault(account_id, _State())
            told = _TAKERS[row.type](state, msgspec.json.decode(row.data))
            if told is not None:
                none = dict.fromkeys(("symbol", "qty", "amount", "detail"))
                rows.append(none | told | {"account_id": account_id, "version": row.version})
        if rows:
            connection.execute(sa.insert(_activities), rows)
    change = sa.update(_accounts).where(_accounts.c.id == sa.bindparam("account_key"))
    change = change.values(
        {name: sa.bindparam(name) for name in ("valued", "second", "orders_that_second", "orders_that_day")}
    )
    changes = [state.row() | {"account_key": account_id} for account_id, state in states.items()]
    if changes:
        connection.execute(change, changes)


class _State:
    """An account's order counts and the equity that its losses are measured from."""

    def __init__(self) -> None:
        self.second = self.orders_that_second = self.orders_that_day = 0
        self.paid = Decimal(0)
        self.periods = (0, 0, 0)
        self.starts: list[Decimal] = []
        self.close = self.peak = Decimal(0)

    def placed(self, data: dict[str, Any]) -> None:
        second = data["at"] // 1_000_000
        if second != self.second:
            if second // 86_400 != self.second // 86_400:
                self.orders_that_day = 0
            self.second, self.orders_that_second = second, 0
        self.orders_that_second += 1
        self.orders_that_day += 1

    def cash(self, data: dict[str, Any]) -> dict[str, Any]:
        amount = Decimal(data["amount"])
        self.paid += amount
        if self.starts:
            self.starts = [start + amount for start in self.starts]
            self.close += amount
            self.peak += amount
        return {"at": data["at"], "kind": data["kind"], "amount": amount}

    def valued(self, data: dict[str, Any]) -> None:
        equity, day = Decimal(data["equity"]), data["at"] // 86_400_000_000
        today = dt.date(1970, 1, 1) + dt.timedelta(days=day)
        periods = (day, (day + 3) // 7, today.year * 12 + today.month)
        if not self.starts:
            self.starts, self.peak = [self.paid] * 3, self.paid
        else:
            both = zip(self.starts, periods, self.periods, strict=True)
            self.starts = [start if now == then else self.close for start, now, then in both]
        self.periods, self.close, self.peak = periods, equity, max(self.peak, equity)

    def action(self, data: dict[str, Any]) -> dict[str, Any]:
        split = data["kind"] == "split"
        return {
            "at": data["at"],
            "kind": data["kind"],
            "symbol": data["symbol"],
            "qty": Decimal(data["position_qty"]),
            "amount": Decimal(data["cash"]) if "cash" in data else None,
            "detail": f"{data.get('new', 1)} for {data.get('old', 1)}" if split else None,
        }

    def paused(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"at": data["at"], "kind": "halt", "detail": data["detail"]}

    def resumed(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"at": data["at"], "kind": "resume"}

    def row(self) -> dict[str, Any]:
        return {
            "second": self.second,
            "orders_that_second": self.orders_that_second,
            "orders_that_day": self.orders_that_day,
            "valued": self._valued_text() if self.starts else None,
        }

    def _valued_text(self) -> str:
        amounts = dict(zip(("day_start", "week_start", "month_start"), self.starts, strict=True))
        amounts |= {"close": self.close, "peak": self.peak}
        kept: dict[str, Any] = dict(zip(("day", "week", "month"), self.periods, strict=True))
        kept |= {name: canonical(amount) for name, amount in amounts.items()}
        return msgspec.json.encode(kept, order="sorted").decode()


_TAKERS: dict[str, Callable[[_State, dict[str, Any]], dict[str, Any] | None]] = {
    "OrderPlaced": _State.placed,
    "CashMoved": _State.cash,
    "PortfolioRevalued": _State.valued,
    "CorporateActionApplied": _State.action,
    "TradingPaused": _State.paused,
    "TradingResumed": _State.resumed,
}
