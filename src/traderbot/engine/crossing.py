"""Whether two orders of one account could trade with each other.

A limit order trades at its limit or better, an order at the market anywhere within the collar. An order that
waits for a price the market has not reached counts at that price: orders that trade before the market gets
there cannot meet it, so it crosses only an order of the very same price.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from traderbot.model.account import Account
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import Order, OrderClass, Side, Stop

_ONE = Decimal(1)


class _Reach(NamedTuple):
    """The price up to which (a buy) or down to which (a sale) an order may trade.

    waits: not before the market comes to it.
    """

    side: Side
    price: Decimal
    waits: bool


def crossed(
    account: Account, order: PlaceOrder, stop: Stop | None, mark: Decimal, collar: Decimal, group: UUID | None
) -> Order | None:
    """An open order of the account that the new one, or one of its exits, could trade with.

    group: of the new order, whose own members are left out. Exits that wait for their entry count as well.
    """
    symbol, side = order.symbol, order.side
    alone = order.take_profit is None and order.stop_loss is None
    news = None
    opposite = account.orders_of(symbol, Side.SELL if side is Side.BUY else Side.BUY)
    others = opposite if alone else chain(opposite, account.orders_of(symbol, side))
    for other in others:
        if group is not None and other.member is not None and other.member.group == group:
            continue
        if news is None:
            news = tuple(_reaches(order, stop, mark, collar))
        known = _reach(other.side, other.limit_price, other.stop, mark, collar)
        if any(_meet(new, known) for new in news):
            return other
    return None


def _reaches(order: PlaceOrder, stop: Stop | None, mark: Decimal, collar: Decimal) -> Iterator[_Reach]:
    yield _reach(order.side, order.limit_price, stop, mark, collar)
    if order.take_profit is None and order.stop_loss is None:
        return
    exits = order.side
    if order.order_class is not OrderClass.OCO:
        exits = Side.SELL if order.side is Side.BUY else Side.BUY
    if order.take_profit is not None:
        yield _reach(exits, order.take_profit.limit_price, None, mark, collar)
    if order.stop_loss is not None:
        yield _Reach(exits, order.stop_loss.stop_price, waits=True)


def _reach(side: Side, limit: Decimal | None, stop: Stop | None, mark: Decimal, collar: Decimal) -> _Reach:
    if stop is not None and stop.triggered_at is None:
        reached = mark >= stop.price if side is Side.BUY else mark <= stop.price
        if not reached:
            return _Reach(side, stop.price, waits=True)
    if limit is not None:
        return _Reach(side, limit, waits=False)
    factor = _ONE + collar if side is Side.BUY else _ONE - collar
    return _Reach(side, mark * factor, waits=False)


def _meet(one: _Reach, other: _Reach) -> bool:
    if one.side is other.side:
        return False
    if one.waits or other.waits:
        return one.price == other.price
    buy, sale = (one, other) if one.side is Side.BUY else (other, one)
    return buy.price >= sale.price
