"""Orders that live and end together: an entry with its exits, or two exits of one position.

A bracket is an entry with two exits, an oto order one with a single exit; the exits wait until the entry is
filled in full. The two exits of an oco order work at once.
"""

from decimal import Decimal
from itertools import pairwise

import msgspec

from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.amounts import Money, Price
from traderbot.model.commands import PlaceOrder, StopLoss, TakeProfit
from traderbot.model.events import OrderPlaced
from traderbot.model.orders import Leg, Member, Order, OrderClass, OrderStatus, OrderType, Side, Stop

_ONE = Decimal(1)
_NO_HOLD = Money(NOTHING)
_SIMPLE = OrderClass.SIMPLE  # a member of an Enum is slow to read


def opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def closable(account: Account, order: Order | PlaceOrder, owned: Decimal) -> Decimal:
    """Shares that an order of its side could close and that no other open order is to close; owned: signed,
    of its symbol.
    """
    if order.side is Side.SELL:
        return owned - account.reserved.get(order.symbol, NOTHING)
    buys = [
        other.remaining
        for other in account.orders_of(order.symbol, Side.BUY)
        if other.reserves and other.status is not OrderStatus.HELD
    ]
    return -owned - sum(buys, NOTHING)


def in_order(opening: Side, stop: Price | None, middle: Price | None, gain: Price | None) -> bool:
    """Whether the loss lies below and the gain above, of a position opened by a buy; else the other way."""
    prices = [price for price in (stop, middle, gain) if price is not None]
    if opening is Side.SELL:
        prices.reverse()
    return all(low < high for low, high in pairwise(prices))


def member_of(order: PlaceOrder) -> Member | None:
    """The place of the order itself in the group it begins."""
    kind = order.order_class
    if kind is _SIMPLE:
        return None
    return Member(order.order_id, Leg.TAKE_PROFIT if kind is OrderClass.OCO else Leg.ENTRY, kind)


def legs(parent: OrderPlaced, order: PlaceOrder, collar: Decimal) -> list[OrderPlaced]:
    """The other orders of the group: placed with it, on the price that it was decided on."""
    placed: list[OrderPlaced] = []
    if order.take_profit is not None:
        placed.append(_take_profit(parent, order.take_profit))
    if order.stop_loss is not None:
        placed.append(_stop_loss(parent, order.stop_loss, order.take_profit is None, collar))
    return placed


def _take_profit(parent: OrderPlaced, exit_: TakeProfit) -> OrderPlaced:
    assert parent.member is not None
    return msgspec.structs.replace(
        parent,
        order_id=exit_.order_id,
        client_order_id="",
        side=opposite(parent.side),
        type=OrderType.LIMIT,
        limit_price=exit_.limit_price,
        price_max=exit_.limit_price,
        hold=_NO_HOLD,
        stop=None,
        member=msgspec.structs.replace(parent.member, leg=Leg.TAKE_PROFIT),
        status=OrderStatus.HELD,
        lots=(),
    )


def _stop_loss(parent: OrderPlaced, exit_: StopLoss, alone: bool, collar: Decimal) -> OrderPlaced:
    """alone: it has no sibling that reserves its shares."""
    assert parent.member is not None
    works = parent.member.order_class is OrderClass.OCO
    side = parent.side if works else opposite(parent.side)
    limit = exit_.limit_price
    worst = rounding.price_at(exit_.stop_price, _ONE + collar) if side is Side.BUY else exit_.stop_price
    return msgspec.structs.replace(
        parent,
        order_id=exit_.order_id,
        client_order_id="",
        side=side,
        type=OrderType.STOP if limit is None else OrderType.STOP_LIMIT,
        limit_price=limit,
        price_max=worst if limit is None else limit,
        hold=_NO_HOLD,
        stop=Stop(exit_.stop_price),
        member=msgspec.structs.replace(parent.member, leg=Leg.STOP_LOSS),
        status=parent.status if works else OrderStatus.HELD,
        reserves=alone and not works,
        lots=parent.lots if works else (),
    )
