"""Time-series momentum: hold what has risen over the last year, sized to a volatility."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.rolling import rolling_product, rolling_std
from traderbot.strategies.alignment import every, held_between, members_only, moves, settled, sides, starts
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class TimeSeriesMomentum(SignalStrategy):
    """The sign of an instrument's own return over `lookback` bars, times its share of equity, times
    volatility / (its volatility over `window` bars a year) where that is below 1.

    year: bars in a year. sides: `both` sells short what has fallen.
    Source: Moskowitz, Ooi, Pedersen 2012, Time series momentum, doi:10.1016/j.jfineco.2011.11.003; without
            leverage, and with the deviation of a window in place of their exponential one.
    """

    name = "time-series-momentum"
    lookback = Whole(252, 2, 2_520)
    window = Whole(60, 5, 1_000)
    volatility = Real(0.40, 0.01, 2.0)
    year = Whole(252, 12, 600_000)
    sides = sides()
    every = every()

    @property
    def warm_up(self) -> int:
        return max(self.lookback, self.window)

    def signal(self, frame: Frame) -> Floats:
        growth = moves(frame)
        trend = rolling_product(growth, self.lookback) - 1.0
        deviation = rolling_std(growth - 1.0, self.window) * float(np.sqrt(self.year))
        size = self.volatility / np.maximum(deviation, self.volatility)
        direction = np.sign(trend) if self.sides == "both" else (trend > 0).astype(np.float64)
        weights = direction * size / max(len(frame.symbols), 1)
        known = settled(frame, self.warm_up)
        return members_only(held_between(weights, starts(frame.times, self.every), known), frame)
