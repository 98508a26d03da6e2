"""What a quote offers an order: the other side's price, up to the size shown there.

- an order the market looks at for the first time takes it, a limit order only within its limit;
- one that rests fills at its own limit, and only when the other side crosses it: a touch is not enough;
- a stop wakes when the price it would get reaches it: the bid for a sale, the ask for a buy.
"""

from traderbot.model.amounts import Price, Quantity
from traderbot.model.observations import Quote
from traderbot.model.orders import Order, Side, Stop
from traderbot.simulation.bars import Offer


def offer(order: Order, quote: Quote, resting: bool) -> Offer | None:
    """What the quote offers, None for nothing."""
    price, limit = other_side(order, quote)[0], order.limit_price
    if limit is None:
        return price, True
    buying = order.side is Side.BUY
    if resting:
        return (limit, False) if (price < limit if buying else price > limit) else None
    return (price, True) if (price <= limit if buying else price >= limit) else None


def other_side(order: Order, quote: Quote) -> tuple[Price, Quantity]:
    """The price and the size shown that the order would meet."""
    return (quote.ask, quote.ask_size) if order.side is Side.BUY else (quote.bid, quote.bid_size)


def reached(order: Order, stop: Stop, quote: Quote) -> Price | None:
    """The price that wakes a stop, or None."""
    price = other_side(order, quote)[0]
    return price if (price >= stop.price if order.side is Side.BUY else price <= stop.price) else None
