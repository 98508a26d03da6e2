"""Queries on orders and fills: always of the accounts that are named, paged by event version, newest first
unless asked otherwise.

Pages of several accounts are merged from a page of each, all in one statement: each is read along its own
index, however many orders there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.model.errors import InvalidValue
from traderbot.model.orders import Order, OrderClass, OrderStatus
from traderbot.trading import tables as t
from traderbot.trading.accounts import IS_OPEN, order_of, uuid_of
from traderbot.trading.views import (
    FillView,
    LotView,
    OrderView,
    SignalView,
    fill_view,
    nest,
    order_view,
    signal_view,
)

_O = t.orders.c


class OrderFilter(msgspec.Struct, frozen=True):
    """Which orders. status: open, closed, all, or one of the statuses. after, until: market time of placing,
    microseconds, until excluded. nested: parents with their legs, in place of legs by themselves; a group is
    open while any of its orders is.
    """

    status: str = "all"
    symbols: tuple[str, ...] = ()
    side: str | None = None
    after: int | None = None
    until: int | None = None
    nested: bool = False
    oldest_first: bool = False
    ids: tuple[UUID, ...] = ()


ANY_ORDER = OrderFilter()


class OrderPage(msgspec.Struct, frozen=True):
    """A page of orders. cursor: gives the next one, None at the end."""

    orders: list[OrderView]
    cursor: str | None


def find_order(
    connection: Connection, account_id: UUID, order_id: UUID, nested: bool = False
) -> OrderView | None:
    """An order of the account, None where there is none of that id. nested: with its legs."""
    query = sa.select(t.orders).where(_O.id == order_id, _O.account_id == account_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    found = order_view(row)
    if not nested or found.group_id is None or found.is_leg:
        return found
    return nest([found], _members(connection, [found]))[0]


def find_order_by_client_id(
    connection: Connection, account_id: UUID, client_order_id: str, nested: bool = False
) -> OrderView | None:
    """The order that the account gave this name, None where it gave none; an order without a name goes by
    its id.
    """
    ids = t.client_order_ids
    found = connection.execute(
        sa.select(ids.c.order_id).where(
            ids.c.account_id == account_id, ids.c.client_order_id == client_order_id
        )
    ).scalar()
    if found is not None:
        return find_order(connection, account_id, found, nested)
    order_id = uuid_of(client_order_id)
    order = None if order_id is None else find_order(connection, account_id, order_id, nested)
    return order if order is not None and order.client_order_id == client_order_id else None


def orders_by_id(connection: Connection, account_id: UUID, ids: list[UUID]) -> dict[UUID, OrderView]:
    """The orders among `ids` that are the account's."""
    query = sa.select(t.orders).where(_O.account_id == account_id, _O.id.in_(ids))
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
    nested: bool = False,
) -> list[OrderView]:
    """Orders of one account, newest first. before: only those placed before this event version."""
    wanted = OrderFilter(status=status, symbols=() if symbol is None else (symbol,), side=side, nested=nested)
    rows = _page_rows(connection, {account_id: before}, wanted, limit)
    return _views(connection, rows, nested)


def active_orders(connection: Connection, account_id: UUID, symbol: str | None = None) -> list[OrderView]:
    """The open orders of an account, oldest first."""
    query = sa.select(t.orders).where(_O.account_id == account_id, IS_OPEN).order_by(_O.version)
    if symbol is not None:
        query = query.where(_O.symbol == symbol)
    return [order_view(row) for row in connection.execute(query)]


def active_orders_of(connection: Connection, account_id: UUID) -> list[Order]:
    """The open orders of an account as the engine has them, oldest first."""
    query = sa.select(t.orders).where(_O.account_id == account_id, IS_OPEN).order_by(_O.version)
    return [order_of(row) for row in connection.execute(query)]


def orders_page(
    connection: Connection,
    accounts: Sequence[UUID],
    wanted: OrderFilter = ANY_ORDER,
    cursor: str | None = None,
    limit: int = 50,
) -> OrderPage:
    """Orders of one or several accounts by time of placing. Errors: InvalidValue for a cursor that is not
    of these accounts.
    """
    places: dict[UUID, int | None] = dict.fromkeys(accounts)
    if cursor is not None:
        places |= read_cursor(cursor, places)
    rows = _page_rows(connection, places, wanted, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    for row in rows:
        places[row.account_id] = row.version
    return OrderPage(_views(connection, rows, wanted.nested), write_cursor(places) if more else None)


def write_cursor(places: Mapping[UUID, int | None]) -> str:
    """Where a page of several accounts ended: the version reached in each."""
    return ".".join(
        f"{account_id.hex}-{version:x}" for account_id, version in places.items() if version is not None
    )


def read_cursor(cursor: str, places: Mapping[UUID, object]) -> dict[UUID, int]:
    """The versions of a cursor. Errors: InvalidValue, also for an account that is not asked about."""
    found: dict[UUID, int] = {}
    try:
        for part in cursor.split("."):
            name, _, version = part.partition("-")
            found[UUID(hex=name)] = int(version, 16)
    except ValueError:
        raise InvalidValue("cursor", "the cursor of an earlier page") from None
    if not found.keys() <= places.keys() or any(not 0 <= v < 2**62 for v in found.values()):
        raise InvalidValue("cursor", "the cursor of an earlier page")
    return found


def _page_rows(
    connection: Connection, places: Mapping[UUID, int | None], wanted: OrderFilter, limit: int
) -> list[Row[Any]]:
    """One page of the accounts, each read from its own place on, then merged."""
    parts = [_of_account(account_id, place, wanted, limit) for account_id, place in places.items()]
    if not parts:
        return []
    if len(parts) == 1:
        return list(connection.execute(parts[0]))
    merged = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
    order = (merged.c.placed_at, merged.c.account_id, merged.c.version)
    sorting = order if wanted.oldest_first else tuple(column.desc() for column in order)
    return list(connection.execute(sa.select(merged).order_by(*sorting).limit(limit)))


def _of_account(account_id: UUID, place: int | None, wanted: OrderFilter, limit: int) -> sa.Select[Any]:
    query = sa.select(t.orders).where(_O.account_id == account_id)
    query = _with_status(query, wanted)
    if wanted.symbols:
        query = query.where(_O.symbol.in_(wanted.symbols))
    if wanted.side is not None:
        query = query.where(_O.side == wanted.side)
    if wanted.after is not None:
        query = query.where(_O.placed_at > wanted.after)
    if wanted.until is not None:
        query = query.where(_O.placed_at < wanted.until)
    if wanted.ids:
        query = query.where(_O.id.in_(wanted.ids))
    if place is not None:
        query = query.where(_O.version > place if wanted.oldest_first else _O.version < place)
    return query.order_by(_O.version if wanted.oldest_first else _O.version.desc()).limit(limit)


_LEADING = sa.or_(
    _O.leg.is_(None),
    _O.leg == "entry",
    sa.and_(_O.leg == "take_profit", _O.order_class == OrderClass.OCO.value),
)


def _with_status(query: sa.Select[Any], wanted: OrderFilter) -> sa.Select[Any]:
    """The condition on the status; with legs nested, a parent is open while any of its group is."""
    if wanted.nested:
        query = query.where(_LEADING)
    if wanted.status == "all":
        return query
    if wanted.status not in ("open", "closed"):
        if wanted.status not in set(OrderStatus):
            raise InvalidValue("status", "open, closed, all or a status of an order", wanted.status)
        return query.where(_O.status == wanted.status)
    opened: sa.ColumnElement[bool] = sa.literal_column(f"(orders.{t.OPEN_ORDER})", sa.Boolean)
    if wanted.nested:
        leg = t.orders.alias("leg")
        working = sa.literal_column(f"(leg.{t.OPEN_ORDER})", sa.Boolean)
        same = leg.c.account_id == _O.account_id, leg.c.group_id == _O.group_id
        legs = sa.exists().where(*same, working, _O.status != "replaced")
        opened = sa.or_(opened, legs)
    return query.where(opened if wanted.status == "open" else sa.not_(opened))


def _views(connection: Connection, rows: Sequence[Row[Any]], nested: bool) -> list[OrderView]:
    views = [order_view(row) for row in rows]
    return nest(views, _members(connection, views)) if nested else views


def _members(connection: Connection, parents: Sequence[OrderView]) -> list[OrderView]:
    """All orders of the groups of these orders, in the order of their placing: one statement for a page."""
    groups = {parent.group_id for parent in parents if parent.group_id is not None}
    if not groups:
        return []
    accounts = {parent.account_id for parent in parents}
    query = sa.select(t.orders).where(_O.group_id.in_(groups), _O.account_id.in_(accounts))
    return [order_view(row) for row in connection.execute(query.order_by(_O.version))]


def fills_of(
    connection: Connection,
    account_id: UUID,
    *,
    order_id: UUID | None = None,
    symbol: str | None = None,
    after: int | None = None,
    until: int | None = None,
    before: int | None = None,
    limit: int = 1000,
) -> list[FillView]:
    """Executions of an account, newest first; of one order or symbol where named. after, until: market time;
    before: event version.
    """
    fills = t.fills.c
    query = sa.select(t.fills).where(fills.account_id == account_id)
    if order_id is not None:
        query = query.where(fills.order_id == order_id)
    if symbol is not None:
        query = query.where(fills.symbol == symbol)
    if after is not None:
        query = query.where(fills.at > after)
    if until is not None:
        query = query.where(fills.at < until)
    if before is not None:
        query = query.where(fills.version < before)
    return [fill_view(row) for row in connection.execute(query.order_by(fills.version.desc()).limit(limit))]


def lots_of_account(
    connection: Connection, account_id: UUID, *, symbol: str | None = None, closed: bool = False,
    before: int | None = None, limit: int = 1000,
) -> list[LotView]:  # fmt: skip
    """Lots of an account, newest first: those held, or with `closed` those used up. before: lot number."""
    lots = t.lots.c
    query = sa.select(t.lots).where(lots.account_id == account_id)
    query = query.where(lots.closed_at.is_not(None) if closed else lots.closed_at.is_(None))
    if symbol is not None:
        query = query.where(lots.symbol == symbol)
    if before is not None:
        query = query.where(lots.number < before)
    names = LotView.__struct_fields__
    rows = connection.execute(query.order_by(lots.number.desc()).limit(limit))
    return [LotView(**{name: getattr(row, name) for name in names}) for row in rows]


def find_signal(connection: Connection, account_id: UUID, signal_id: UUID) -> SignalView | None:
    """A signal of the account, None where there is none of that id."""
    query = sa.select(t.signals).where(t.signals.c.account_id == account_id, t.signals.c.id == signal_id)
    row = connection.execute(query).first()
    return None if row is None else signal_view(row)


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
    rows = connection.execute(query.order_by(signals.version.desc()).limit(limit))
    return [signal_view(row) for row in rows]
