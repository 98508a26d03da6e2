"""Matching one order against one bar it could not have seen.

The rules, pessimistic where a bar leaves a choice:
- a market order fills at the open, moved against it by the slippage;
- a limit order that the open already satisfies fills at the open with slippage, never beyond its limit;
- otherwise it fills at its limit only if the bar trades through it, a touch is not enough;
- a bar without volume fills nothing.
Worked example: a buy limit at 50.00 and a bar opening at 51.00 with a low of 49.90 fills at 50.00; with a
low of 50.00 it does not fill; opening at 49.50 it fills at 49.50 plus slippage.
"""

from decimal import Decimal

from traderbot.model import rounding
from traderbot.model.amounts import Price
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.orders import Order, Side

_ONE = Decimal(1)


def fill_price(order: Order, bar: Bar, slippage: Decimal) -> Price | None:
    """The price at which the bar fills the order, or None."""
    opening = price_from_float(bar.open)
    limit = order.limit_price
    if order.side is Side.BUY:
        slipped = rounding.price_at(opening, _ONE + slippage) if slippage else opening
        if limit is None:
            return slipped
        if opening <= limit:
            return min(slipped, limit)
        return limit if price_from_float(bar.low) < limit else None
    slipped = rounding.price_at(opening, _ONE - slippage) if slippage else opening
    if limit is None:
        return slipped
    if opening >= limit:
        return max(slipped, limit)
    return limit if price_from_float(bar.high) > limit else None
