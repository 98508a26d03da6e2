"""Volatility targeting: hold less of what has become volatile."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.rolling import rolling_moments
from traderbot.strategies.alignment import every, held_between, members_only, moves, settled, starts
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class VolatilityTargeting(SignalStrategy):
    """An equal share of equity times the square of volatility / (an instrument's own over `window` bars, a
    year), at most `leverage` times the share.

    year: bars in a year. leverage: above 1 takes a margin account.
    Source: Moreira, Muir 2017, Volatility-Managed Portfolios, doi:10.1111/jofi.12513; their constant, which
            is fitted to the whole sample, is the target here.
    """

    name = "volatility-targeting"
    window = Whole(22, 5, 1_000)
    volatility = Real(0.25, 0.01, 2.0)
    year = Whole(252, 12, 600_000)
    leverage = Real(1.0, 0.1, 4.0)
    every = every()

    @property
    def warm_up(self) -> int:
        return self.window

    def signal(self, frame: Frame) -> Floats:
        variance = rolling_moments(moves(frame) - 1.0, self.window)[1] * self.year
        share = self.volatility * self.volatility / np.maximum(variance, 1e-12)
        weights = np.minimum(share, self.leverage) / max(len(frame.symbols), 1)
        known = settled(frame, self.warm_up)
        return members_only(held_between(weights, starts(frame.times, self.every), known), frame)
