"""What the engine needs to know of the market when it decides."""

from typing import NamedTuple, Protocol

from traderbot.model.amounts import Price
from traderbot.model.symbols import Symbol


class Mark(NamedTuple):
    """The last known price of a symbol and its time in microseconds."""

    price: Price
    at: int


class Market(Protocol):
    """A market session at one moment.

    time: microseconds; day_end: when an order for the day expires, None for never.
    """

    @property
    def time(self) -> int: ...
    @property
    def day_end(self) -> int | None: ...
    @property
    def ended(self) -> bool: ...
    def mark(self, symbol: Symbol) -> Mark | None: ...
