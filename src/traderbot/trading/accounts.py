"""Read an account back from its tables, as the engine knows it."""

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.model.account import NOTHING, Account, AccountKind, Lot, LotMethod, Position, Valued
from traderbot.model.orders import (
    Leg,
    Member,
    Order,
    OrderClass,
    OrderStatus,
    OrderType,
    Side,
    Stop,
    TimeInForce,
)
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t

IS_OPEN = sa.text(f"orders.{t.OPEN_ORDER}")
"""As the index on open orders has it, without parameters: SQLite would not use it otherwise."""


def load_account(connection: Connection, account_id: UUID, for_update: bool = False) -> Account | None:
    """The account with its open orders, positions and lots, equal to the fold of its events; None if there is
    none.

    for_update: lock its row until the transaction ends, where the database has row locks.
    """
    query = sa.select(t.accounts).where(t.accounts.c.id == account_id)
    row = connection.execute(query.with_for_update() if for_update else query).first()
    if row is None:
        return None
    account = account_of(row)
    _load_positions(connection, account)
    _load_orders(connection, account)
    return account


def account_of(row: Row[Any]) -> Account:
    """The account of a row of the table, without its orders and positions."""
    return Account(
        id=row.id,
        user_id=row.user_id,
        session_id=row.session_id,
        currency=row.currency,
        kind=AccountKind(row.kind),
        broker=row.broker,
        name=row.name,
        lot_method=LotMethod(row.lot_method),
        balances={name: getattr(row, name) for name in t.LEDGER_COLUMNS},
        held=row.held,
        lots_opened=row.lots_opened,
        halted=row.halted,
        halted_symbols=_read(row.halted_symbols, dict[Symbol, str], {}),
        lifting=_read(row.lifting, dict[str, str], {}),
        limits=_read(row.limits, Limits, None),
        margin_call=row.margin_call,
        overdraft=row.overdraft,
        valued=_read(row.valued, Valued, None),
        second=row.second,
        orders_that_second=row.orders_that_second,
        orders_that_day=row.orders_that_day,
        breached=_read(row.breached, dict[str, int], {}),
    )


def _read(text: str | None, kind: Any, absent: Any) -> Any:
    return absent if text is None else msgspec.json.decode(text, type=kind)


def _load_positions(connection: Connection, account: Account) -> None:
    positions = connection.execute(sa.select(t.positions).where(t.positions.c.account_id == account.id))
    for row in positions:
        account.positions[row.symbol] = Position(row.symbol, row.qty, row.cost, row.realised)
    held = sa.select(t.lots).where(t.lots.c.account_id == account.id, t.lots.c.closed_at.is_(None))
    for row in connection.execute(held.order_by(t.lots.c.number)):
        lot = Lot(row.number, row.qty, row.cost, row.opened_at)
        account.positions[row.symbol].lots[lot.number] = lot


def _load_orders(connection: Connection, account: Account) -> None:
    working = sa.select(t.orders).where(t.orders.c.account_id == account.id, IS_OPEN)
    for row in connection.execute(working.order_by(t.orders.c.version)):
        order = order_of(row)
        account.add_order(order)
        reserved = order.reserved
        if reserved:
            account.reserved[order.symbol] = account.reserved.get(order.symbol, NOTHING) + reserved


def load_order(connection: Connection, account_id: UUID, order_id: UUID) -> Order | None:
    """An order of the account as its events left it, closed ones as well; None where there is none."""
    query = sa.select(t.orders).where(t.orders.c.id == order_id, t.orders.c.account_id == account_id)
    row = connection.execute(query).first()
    return None if row is None else order_of(row)


def order_of(row: Row[Any]) -> Order:
    """The order of a row of the table."""
    return Order(
        id=row.id,
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        time_in_force=TimeInForce(row.time_in_force),
        qty=row.qty,
        limit_price=row.limit_price,
        price_max=row.price_max,
        fee_rate=row.fee_rate,
        hold=row.hold,
        placed_at=row.placed_at,
        expires_at=row.expires_at,
        client_order_id=row.client_order_id,
        status=OrderStatus(row.status),
        filled_qty=row.filled_qty,
        filled_value=row.filled_value,
        notional=row.notional,
        stop=None if row.stop_price is None else _stop(row),
        member=None if row.group_id is None else _member(row),
        extended_hours=bool(row.extended_hours),
        lots=() if row.lots is None else tuple(map(int, row.lots.split(","))),
        reserves=row.reserves is not False,
        active_at=row.placed_at if row.active_at is None else row.active_at,
        fees=row.fees,
        fee_per_share=row.fee_per_share,
        fee_minimum=row.fee_minimum,
    )


def _stop(row: Row[Any]) -> Stop:
    return Stop(row.stop_price, row.trail_price, row.trail_percent, row.hwm, row.triggered_at)


def _member(row: Row[Any]) -> Member:
    return Member(row.group_id, Leg(row.leg), OrderClass(row.order_class))


def is_busted(connection: Connection, account_id: UUID, order_id: UUID, execution_id: UUID) -> bool:
    """Whether an execution on record was taken back."""
    fills = t.fills.c
    query = sa.select(fills.busted).where(
        fills.account_id == account_id, fills.order_id == order_id, fills.execution_id == execution_id
    )
    return connection.execute(query).scalar() is not None


_ID_LENGTH = 36


def uuid_of(name: str) -> UUID | None:
    """The id that a text is the one spelling of, None for any other text."""
    if len(name) != _ID_LENGTH:
        return None
    try:
        found = UUID(name)
    except ValueError:
        return None
    return found if str(found) == name else None
