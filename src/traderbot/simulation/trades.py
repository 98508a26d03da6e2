"""What a print of somebody else's trade offers an order.

- a market order trades at the price of the print, with slippage, up to a share of its size;
- a limit order fills at its own limit if the print goes through it; at the limit itself it does not, as its
  place in the queue is not known;
- one that looks once (ioc, fok, opg, cls) takes the print if it lies within the limit;
- a stop wakes when a print reaches it, and trades from the next one on.
"""

from traderbot.model.amounts import Price
from traderbot.model.observations import Trade
from traderbot.model.orders import Order, Side, Stop
from traderbot.simulation.bars import Offer


def offer(order: Order, trade: Trade, once: bool) -> Offer | None:
    """What the print offers, None for nothing. once: whether the order is gone after it."""
    limit = order.limit_price
    if limit is None:
        return trade.price, True
    buying = order.side is Side.BUY
    if once:
        within = trade.price <= limit if buying else trade.price >= limit
        return (trade.price, True) if within else None
    return (limit, False) if through(order, limit, trade) else None


def through(order: Order, limit: Price, trade: Trade) -> bool:
    """Whether the print is at a worse price for its maker than the limit."""
    return trade.price < limit if order.side is Side.BUY else trade.price > limit


def reached(order: Order, stop: Stop, trade: Trade) -> Price | None:
    """The price that wakes a stop, or None."""
    beyond = trade.price >= stop.price if order.side is Side.BUY else trade.price <= stop.price
    return trade.price if beyond else None
