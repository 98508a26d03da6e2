"""Moving-average crossover: long while the fast average is above the slow one, flat otherwise.

Once bar by bar, once as a signal.
"""

from collections import deque
from decimal import Decimal
from typing import Any

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import average_level
from traderbot.model.amounts import Quantity
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.alignment import members_only, moves, settled
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.parameters import Exact, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class _Gap:
    """One instrument's last closes, and how far its fast average is above the slow one.

    size: fast sum x slow - slow sum x fast, kept by what each bar adds and takes; above: its sign at the last
    bar that was no tie, None before there are enough bars. Lengths are kept as what closes are multiplied by.
    """

    __slots__ = ("above", "closes", "difference", "fast", "leaving", "size", "slow")

    def __init__(self, fast: int, slow: int) -> None:
        self.closes: deque[float] = deque(maxlen=slow + 1)
        self.size = 0.0
        self.above: bool | None = None
        self.fast, self.slow, self.difference = float(fast), float(slow), float(slow - fast)
        self.leaving = -1 - fast  # the place of the close that leaves the fast average


class MovingAverageCrossover(Strategy):
    """fast, slow: lengths of the averages in bars; qty: shares a trade, for each instrument."""

    name = "moving-average"
    fast = Whole(20, 1, 1_000)
    slow = Whole(50, 2, 5_000)
    qty = Exact(100, Decimal("0.000000001"), 1_000_000)

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self._gaps: dict[Symbol, _Gap] = {}

    def check(self) -> None:
        if self.fast >= self.slow:
            raise InvalidValue("fast", f"a number of bars from 1 to below slow ({self.slow})", self.fast)

    @property
    def warm_up(self) -> int:
        return self.slow + 1

    def state(self) -> dict[str, Any] | None:
        """Without it a process that begins anew would wait for `slow` bars and miss the crossings in them."""
        return {name: [list(gap.closes), gap.size, gap.above] for name, gap in self._gaps.items()}

    def restore(self, state: dict[str, Any]) -> None:
        for name, (closes, size, above) in state.items():
            gap = self._gaps[Symbol(name)] = _Gap(self.fast, self.slow)
            gap.closes.extend(closes)
            gap.size, gap.above = size, above

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        gap = self._gaps.get(bar.symbol)
        if gap is None:
            gap = self._gaps[bar.symbol] = _Gap(self.fast, self.slow)
        closes, close = gap.closes, bar.close
        closes.append(close)
        if gap.above is not None:
            size = gap.size + close * gap.difference - closes[gap.leaving] * gap.slow + closes[0] * gap.fast
            gap.size = size
        elif len(closes) < self.slow:
            return
        else:
            window = list(closes)[-self.slow :]
            gap.size = size = sum(window[-self.fast :]) * gap.slow - sum(window) * gap.fast
        above = size > 0
        if above is gap.above or not size:
            return
        gap.above = above
        held = ctx.position(bar.symbol)
        if above and not held:
            ctx.buy(bar.symbol, self.qty)
        elif held and not above:
            ctx.sell(bar.symbol, Quantity(held))


class MovingAverageSignal(SignalStrategy):
    """The crossover as a signal: a full weight, shared out evenly, while fast is above slow.

    fast, slow: lengths of the averages in bars; shares: what each position has, 0 for a share of equity.
    """

    name = "moving-average-signal"
    fast = Whole(20, 1, 1_000)
    slow = Whole(50, 2, 5_000)
    shares = Whole(0, 0, 1_000_000)

    def check(self) -> None:
        if self.fast >= self.slow:
            raise InvalidValue("fast", f"a number of bars from 1 to below slow ({self.slow})", self.fast)

    @property
    def warm_up(self) -> int:
        return self.slow - 1

    @property
    def units(self) -> Decimal | None:
        return Decimal(self.shares) if self.shares else None

    def signal(self, frame: Frame) -> Floats:
        weight = 1.0 if self.shares else 1.0 / len(frame.symbols)
        growth = moves(frame)
        gap = average_level(growth, self.slow) - average_level(growth, self.fast)
        found = np.where(gap > 0, weight, np.where(gap < 0, 0.0, np.nan))
        found[~settled(frame, self.warm_up)] = np.nan
        return members_only(found, frame)
