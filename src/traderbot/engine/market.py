"""What the engine needs to know of the market when it decides."""

from typing import Protocol

import msgspec

from traderbot.model.amounts import Price
from traderbot.model.orders import Word
from traderbot.model.symbols import Symbol


class Phase(Word):
    """The part of the trading day a market is in."""

    PRE = "pre"
    OPEN = "open"
    POST = "post"
    CLOSED = "closed"


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The last known price of a symbol and its time in microseconds."""

    price: Price
    at: int


class Market(Protocol):
    """A market session at one moment.

    time: microseconds; day_end: when an order for the day expires, None for never; phase: always open where
    a market has nothing but bars.
    """

    @property
    def time(self) -> int: ...
    @property
    def day_end(self) -> int | None: ...
    @property
    def ended(self) -> bool: ...
    @property
    def phase(self) -> Phase: ...
    def mark(self, symbol: Symbol) -> Mark | None: ...
