"""Book: a moving view of one instrument's order book, as Bar is of its bars."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from traderbot.model.amounts import ZERO, Price, Quantity
from traderbot.model.observations import DepthLevel, DepthUpdate, Trade
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

_NONE = Quantity(ZERO)


class _Levels:
    """One side's sizes by price; prices: ascending."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.sizes: dict[Price, Quantity] = {}
        self.prices: list[Price] = []

    def set(self, levels: tuple[DepthLevel, ...]) -> None:
        sizes, prices = self.sizes, self.prices
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]


class Book:
    """The levels after `last`, the change or print that was seen last.

    at: its time, microseconds.
    """

    __slots__ = ("_asks", "_bids", "at", "last", "symbol")

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.at = 0
        self.last: DepthUpdate | Trade | None = None
        self._bids, self._asks = _Levels(), _Levels()

    def move(self, seen: DepthUpdate | Trade) -> None:
        """Take a change of levels, or a print, which changes none."""
        self.at, self.last = seen.at, seen
        if type(seen) is DepthUpdate:
            if seen.snapshot:
                self._bids, self._asks = _Levels(), _Levels()
            self._bids.set(seen.bids)
            self._asks.set(seen.asks)

    @property
    def bid(self) -> DepthLevel | None:
        """The best bid."""
        return next(self.against(Side.SELL), None)

    @property
    def ask(self) -> DepthLevel | None:
        """The best ask."""
        return next(self.against(Side.BUY), None)

    @property
    def crossed(self) -> bool:
        """Whether somebody bids as much as somebody asks, which no market shows for long."""
        bids, asks = self._bids.prices, self._asks.prices
        return bool(bids and asks) and bids[-1] >= asks[0]

    def size(self, side: Side, price: Price) -> Quantity:
        """Shares that rest on a side at a price."""
        levels = self._bids if side is Side.BUY else self._asks
        return levels.sizes.get(price, _NONE)

    def against(self, side: Side) -> Iterator[DepthLevel]:
        """The levels that an order of a side meets, the best for it first."""
        levels = self._asks if side is Side.BUY else self._bids
        for price in levels.prices if side is Side.BUY else reversed(levels.prices):
            yield price, levels.sizes[price]
