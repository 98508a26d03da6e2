"""What is seen of a market between bars: quotes, trades and changes of an order book, all exact.

at: market time in microseconds UTC. number: tells observations of one time apart, such as a trade's id.
"""

import msgspec

from traderbot.model.amounts import Price, Quantity
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

DepthLevel = tuple[Price, Quantity]
"""A price of an order book and the shares shown there, none where the level is gone."""


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best prices on both sides and the sizes shown there."""

    symbol: Symbol
    at: int
    number: int
    bid: Price
    bid_size: Quantity
    ask: Price
    ask_size: Quantity


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A print. aggressor: the side that came to the other, where it is known."""

    symbol: Symbol
    at: int
    number: int
    price: Price
    qty: Quantity
    aggressor: Side | None = None


class DepthUpdate(msgspec.Struct, frozen=True):
    """Levels of an order book as they are from now on, or the whole book where it is a snapshot.

    first, number: the first and last of the changes it sums up; previous: the last of the update before it.
    """

    symbol: Symbol
    at: int
    number: int
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]
    first: int = 0
    previous: int | None = None
    snapshot: bool = False
