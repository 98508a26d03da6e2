"""What a bar offers an order that could not have seen it: a base price, and whether the order takes it.

Pessimistic where a bar leaves a choice:
- a market order takes the open, moved against it by the slippage;
- a limit order that the open already satisfies takes the open with slippage, never beyond its limit;
- otherwise it rests and fills at its limit only if the bar trades through it, a touch is not enough;
- a stop wakes when the bar reaches it and takes the worse of its price and the open;
- a stop-limit that wakes within the bar fills only if the close lies beyond its limit: no other price of the
  bar is sure to come after it woke;
- a trailing stop is compared with the best price known before the bar, and follows the bar's after it.
Worked example: a buy limit at 50.00 and a bar opening at 51.00 with a low of 49.90 fills at 50.00; with a
low of 50.00 it does not fill; opening at 49.50 it fills at 49.50 plus slippage.
"""

from traderbot.model.amounts import Price
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.orders import Order, Side, Stop

_BUY = Side.BUY  # a member of an Enum is slow to read

Offer = tuple[Price, bool]
"""A base price, and whether the order takes it, which costs slippage; a resting order gives its own price."""


def offer(order: Order, bar: Bar) -> Offer | None:
    """What a market order, or a limit order that works, gets of a bar."""
    opening = price_from_float(bar.open)
    limit = order.limit_price
    if limit is None:
        return opening, True
    if order.side is _BUY:
        if opening <= limit:
            return opening, True
        return (limit, False) if price_from_float(bar.low) < limit else None
    if opening >= limit:
        return opening, True
    return (limit, False) if price_from_float(bar.high) > limit else None


def single_price(order: Order, price: float) -> Offer | None:
    """What the open or the close alone offers."""
    exact, limit = price_from_float(price), order.limit_price
    if limit is None or (exact <= limit if order.side is Side.BUY else exact >= limit):
        return exact, True
    return None


def reached(order: Order, stop: Stop, bar: Bar) -> Price | None:
    """The price of the bar that wakes a stop: its open if that is beyond it, else the stop price."""
    opening = price_from_float(bar.open)
    if order.side is Side.BUY:
        if opening >= stop.price:
            return opening
        return stop.price if price_from_float(bar.high) >= stop.price else None
    if opening <= stop.price:
        return opening
    return stop.price if price_from_float(bar.low) <= stop.price else None


def reached_after_entry(order: Order, stop: Stop, bar: Bar, entry: Price | None) -> Price | None:
    """The price that wakes the stop of an entry which this bar filled: the worse of the two.

    Whether the bar's extreme came before the entry cannot be known; it counts as after it. entry: price of
    the entry, None for the open.
    """
    entered = price_from_float(bar.open) if entry is None else entry
    if order.side is Side.BUY:
        if price_from_float(bar.high) < stop.price and entered < stop.price:
            return None
        return max(stop.price, entered)
    if price_from_float(bar.low) > stop.price and entered > stop.price:
        return None
    return min(stop.price, entered)


def after_waking(order: Order, bar: Bar, at: Price, after_entry: bool = False) -> Offer | None:
    """What the bar offers a stop that woke at `at`, at the open or within the bar."""
    limit = order.limit_price
    if limit is None:
        return at, True
    if not after_entry and at == price_from_float(bar.open):
        return offer(order, bar)
    close = price_from_float(bar.close)
    return (limit, False) if (close < limit if order.side is Side.BUY else close > limit) else None


def best(order: Order, bar: Bar) -> Price:
    """The best price of the bar for the mark of a trailing stop: highest for a sale, lowest for a buy."""
    return price_from_float(bar.low if order.side is Side.BUY else bar.high)
