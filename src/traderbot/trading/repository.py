"""Queries on the trading tables: orders, fills, positions, signals, always of one account, paged by event
version, newest first.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.model import rounding
from traderbot.model.amounts import Price
from traderbot.model.events import OrderPlaced
from traderbot.model.orders import OPEN, OrderStatus
from traderbot.trading import tables as t


class OrderView(msgspec.Struct, frozen=True):
    """An order as people and programs see it. Times: market time, microseconds. version: of the event that
    placed it.
    """

    id: UUID
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal
    limit_price: Decimal | None
    status: str
    filled_qty: Decimal
    filled_avg_price: Price | None
    hold: Decimal
    placed_at: int
    updated_at: int
    expires_at: int | None
    replaces: UUID | None
    replaced_by: UUID | None
    signal_id: UUID | None
    reason: str | None
    version: int = 0


class FillView(msgspec.Struct, frozen=True):
    """One execution. realised: gross of fees; at: market time, microseconds; version: of its event."""

    execution_id: UUID
    order_id: UUID
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    at: int
    version: int


class SignalView(msgspec.Struct, frozen=True):
    """A strategy's conclusion. rationale: as the strategy gave it."""

    id: UUID
    at: int
    symbol: str
    strategy: str
    action: str
    probability: float | None
    confidence: float | None
    target_weight: float | None
    order_id: UUID | None
    rationale: dict[str, Any]
    version: int


_ORDER_COLUMNS = tuple(name for name in OrderView.__struct_fields__ if name not in ("filled_avg_price",))


def order_view(row: Row[Any]) -> OrderView:
    """The order of a row of the table."""
    average = rounding.average_price(row.filled_value, row.filled_qty) if row.filled_qty else None
    return OrderView(filled_avg_price=average, **{name: getattr(row, name) for name in _ORDER_COLUMNS})


def placed_view(event: OrderPlaced) -> OrderView:
    """The order as it was when it was placed: what the answer to its request shows, however late it is
    asked again.
    """
    return OrderView(
        id=event.order_id,
        client_order_id=event.client_order_id or str(event.order_id),
        symbol=event.symbol,
        side=event.side.value,
        type=event.type.value,
        time_in_force=event.time_in_force.value,
        qty=event.qty,
        limit_price=event.limit_price,
        status=OrderStatus.ACCEPTED.value,
        filled_qty=Decimal(0),
        filled_avg_price=None,
        hold=event.hold,
        placed_at=event.at,
        updated_at=event.at,
        expires_at=event.expires_at,
        replaces=event.replaces,
        replaced_by=None,
        signal_id=event.signal_id,
        reason=None,
    )


def find_order(connection: Connection, account_id: UUID, order_id: UUID) -> OrderView | None:
    """An order of the account, None where there is none of that id."""
    query = sa.select(t.orders).where(t.orders.c.id == order_id, t.orders.c.account_id == account_id)
    row = connection.execute(query).first()
    return None if row is None else order_view(row)


def find_order_by_client_id(
    connection: Connection, account_id: UUID, client_order_id: str
) -> OrderView | None:
    """The order that the account gave this name, None where it gave none."""
    ids = t.client_order_ids
    found = connection.execute(
        sa.select(ids.c.order_id).where(
            ids.c.account_id == account_id, ids.c.client_order_id == client_order_id
        )
    ).scalar()
    return None if found is None else find_order(connection, account_id, found)


def orders_by_id(connection: Connection, account_id: UUID, ids: list[UUID]) -> dict[UUID, OrderView]:
    """The orders among `ids` that are the account's."""
    query = sa.select(t.orders).where(t.orders.c.account_id == account_id, t.orders.c.id.in_(ids))
    return {row.id: order_view(row) for row in connection.execute(query)}


def list_orders(
    connection: Connection,
    account_id: UUID,
    *,
    status: str = "all",
    symbol: str | None = None,
    side: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OrderView]:
    """Orders of an account, newest first. status: open, closed or all; before: only those placed before
    this event version.
    """
    orders = t.orders.c
    query = sa.select(t.orders).where(orders.account_id == account_id)
    if status == "open":
        query = query.where(orders.status.in_(sorted(OPEN)))
    elif status == "closed":
        query = query.where(orders.status.not_in(sorted(OPEN)))
    if symbol is not None:
        query = query.where(orders.symbol == symbol)
    if side is not None:
        query = query.where(orders.side == side)
    if before is not None:
        query = query.where(orders.version < before)
    return [order_view(row) for row in connection.execute(query.order_by(orders.version.desc()).limit(limit))]


def fills_of(
    connection: Connection,
    account_id: UUID,
    *,
    order_id: UUID | None = None,
    before: int | None = None,
    limit: int = 1000,
) -> list[FillView]:
    """Executions of an account, newest first; of one order where named."""
    fills = t.fills.c
    query = sa.select(t.fills).where(fills.account_id == account_id)
    if order_id is not None:
        query = query.where(fills.order_id == order_id)
    if before is not None:
        query = query.where(fills.version < before)
    rows = connection.execute(query.order_by(fills.version.desc()).limit(limit))
    return [FillView(**{name: getattr(row, name) for name in FillView.__struct_fields__}) for row in rows]


def find_signal(connection: Connection, account_id: UUID, signal_id: UUID) -> SignalView | None:
    """A signal of the account, None where there is none of that id."""
    query = sa.select(t.signals).where(t.signals.c.account_id == account_id, t.signals.c.id == signal_id)
    row = connection.execute(query).first()
    return None if row is None else _signal_view(row)


def list_signals(
    connection: Connection,
    account_id: UUID,
    *,
    symbol: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[SignalView]:
    """Signals of an account, newest first."""
    signals = t.signals.c
    query = sa.select(t.signals).where(signals.account_id == account_id)
    if symbol is not None:
        query = query.where(signals.symbol == symbol)
    if before is not None:
        query = query.where(signals.version < before)
    return [
        _signal_view(row) for row in connection.execute(query.order_by(signals.version.desc()).limit(limit))
    ]


def _signal_view(row: Row[Any]) -> SignalView:
    names = [name for name in SignalView.__struct_fields__ if name != "rationale"]
    rationale = msgspec.json.decode(row.rationale, type=dict[str, Any])
    return SignalView(rationale=rationale, **{name: getattr(row, name) for name in names})
