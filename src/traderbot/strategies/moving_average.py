"""Moving-average crossover: long while the fast average is above the slow one, flat otherwise."""

from collections import deque
from decimal import Decimal

from traderbot.model.amounts import Quantity
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy


class _Gap:
    """One instrument's last closes, and how far its fast average is above the slow one.

    size: fast sum x slow - slow sum x fast, kept by what each bar adds and takes; above: its sign at the last
    bar that was no tie, None before there are enough bars.
    """

    __slots__ = ("above", "closes", "size")

    def __init__(self, bars: int) -> None:
        self.closes: deque[float] = deque(maxlen=bars)
        self.size = 0.0
        self.above: bool | None = None


class MovingAverageCrossover(Strategy):
    """fast, slow: lengths of the averages in bars; qty: shares a trade, for each instrument."""

    name = "moving-average"

    def __init__(self, fast: int = 20, slow: int = 50, qty: Decimal | int = 100) -> None:
        if not 0 < fast < slow:
            raise InvalidValue("fast", f"a number of bars from 1 to below slow ({slow})", fast)
        self.fast, self.slow, self.qty = fast, slow, Decimal(qty)
        self._gaps: dict[Symbol, _Gap] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        gap = self._gaps.get(bar.symbol)
        if gap is None:
            gap = self._gaps[bar.symbol] = _Gap(self.slow + 1)
        closes, close, fast, slow = gap.closes, bar.close, self.fast, self.slow
        closes.append(close)
        if gap.above is not None:
            gap.size = size = gap.size + close * (slow - fast) - closes[-1 - fast] * slow + closes[0] * fast
        elif len(closes) < slow:
            return
        else:
            window = list(closes)[-slow:]
            gap.size = size = sum(window[-fast:]) * slow - sum(window) * fast
        above = size > 0
        if above is gap.above or not size:
            return
        gap.above = above
        held = ctx.position(bar.symbol)
        if above and not held:
            ctx.buy(bar.symbol, self.qty)
        elif held and not above:
            ctx.sell(bar.symbol, Quantity(held))
