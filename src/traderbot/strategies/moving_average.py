"""Moving-average crossover: long while the fast average is above the slow one, flat otherwise."""

from collections import deque
from decimal import Decimal

from traderbot.model.amounts import Quantity
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy


class _Averages:
    """One instrument's last closes and their running sums.

    above: if the fast average was above at the last bar, None before.
    """

    __slots__ = ("above", "closes", "fast_sum", "slow_sum")

    def __init__(self) -> None:
        self.closes: deque[float] = deque()
        self.fast_sum = self.slow_sum = 0.0
        self.above: bool | None = None


class MovingAverageCrossover(Strategy):
    """fast, slow: lengths of the averages in bars; qty: shares a trade, for each instrument."""

    name = "moving-average"

    def __init__(self, fast: int = 20, slow: int = 50, qty: Decimal | int = 100) -> None:
        if not 0 < fast < slow:
            raise InvalidValue("fast", f"a number of bars from 1 to below slow ({slow})", fast)
        self.fast, self.slow, self.qty = fast, slow, Decimal(qty)
        self._before_fast = -1 - fast
        self._averages: dict[Symbol, _Averages] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        averages = self._averages.get(bar.symbol)
        if averages is None:
            averages = self._averages[bar.symbol] = _Averages()
        closes, close, slow = averages.closes, bar.close, self.slow
        closes.append(close)
        if len(closes) > slow:
            averages.fast_sum = fast_sum = averages.fast_sum + close - closes[self._before_fast]
            averages.slow_sum = slow_sum = averages.slow_sum + close - closes.popleft()
        else:
            averages.slow_sum = slow_sum = averages.slow_sum + close
            averages.fast_sum = fast_sum = sum(list(closes)[-self.fast :])
            if len(closes) < slow:
                return
        above = fast_sum * slow > slow_sum * self.fast
        if above is averages.above or fast_sum * slow == slow_sum * self.fast:
            return
        averages.above = above
        held = ctx.position(bar.symbol)
        if above and not held:
            ctx.buy(bar.symbol, self.qty)
        elif held and not above:
            ctx.sell(bar.symbol, Quantity(held))
