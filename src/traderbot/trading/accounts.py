"""Read an account back from its tables, as the engine knows it."""

from collections import deque
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.model.account import NOTHING, Account, Lot, Position
from traderbot.model.orders import OPEN, Order, OrderStatus, OrderType, Side, TimeInForce
from traderbot.trading import tables as t


def load_account(connection: Connection, account_id: UUID) -> Account | None:
    """The account with its open orders, positions and lots, equal to the fold of its events; None if there is
    none.
    """
    row = connection.execute(sa.select(t.accounts).where(t.accounts.c.id == account_id)).first()
    if row is None:
        return None
    account = Account(
        id=row.id,
        user_id=row.user_id,
        session_id=row.session_id,
        currency=row.currency,
        balances={name: getattr(row, name) for name in t.LEDGER_COLUMNS},
        held=row.held,
        lots_opened=row.lots_opened,
        halted=row.halted,
    )
    _load_positions(connection, account)
    _load_orders(connection, account)
    return account


def _load_positions(connection: Connection, account: Account) -> None:
    positions = connection.execute(sa.select(t.positions).where(t.positions.c.account_id == account.id))
    for row in positions:
        account.positions[row.symbol] = Position(row.symbol, row.qty, row.cost, row.realised, deque())
    held = sa.select(t.lots).where(t.lots.c.account_id == account.id, t.lots.c.closed_at.is_(None))
    for row in connection.execute(held.order_by(t.lots.c.number)):
        account.positions[row.symbol].lots.append(Lot(row.number, row.qty, row.cost, row.opened_at))


def _load_orders(connection: Connection, account: Account) -> None:
    working = sa.select(t.orders).where(
        t.orders.c.account_id == account.id, t.orders.c.status.in_(sorted(OPEN))
    )
    for row in connection.execute(working.order_by(t.orders.c.version)):
        order = Order(
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
            client_order_id=""
            if row.client_order_id == str(row.id)
            else row.client_order_id,  # as its event has it
            status=OrderStatus(row.status),
            filled_qty=row.filled_qty,
            filled_value=row.filled_value,
        )
        account.orders[order.id] = order
        if order.side is Side.SELL:
            reserved: Decimal = account.reserved.get(order.symbol, NOTHING)
            account.reserved[order.symbol] = reserved + order.remaining
