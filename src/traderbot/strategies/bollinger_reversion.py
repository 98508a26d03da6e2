"""Bollinger mean reversion: buy the way back into the bands, sell at the average."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import level_moments
from traderbot.strategies.alignment import members_only, moves, settled, shifted, sides
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class BollingerReversion(SignalStrategy):
    """Buys an equal share of an instrument that closes inside its bands after a close below the lower one,
    sells when it closes at its average or above.

    window, width: bars of the average, and deviations from it to a band. sides: `both` also sells short on
    the way back from the upper band and buys that back at the average.
    Source: Bollinger, Bollinger on Bollinger Bands, 2001.
    """

    name = "bollinger-reversion"
    window = Whole(20, 3, 1_000)
    width = Real(2.0, 0.1, 10.0)
    sides = sides()

    @property
    def warm_up(self) -> int:
        return self.window + 1

    def signal(self, frame: Frame) -> Floats:
        share = 1.0 / max(len(frame.symbols), 1)
        mean, variance = level_moments(moves(frame), self.window)
        reach = self.width * np.sqrt(np.maximum(variance, 0.0) * ((self.window - 1) / self.window))
        above = 1.0 - mean  # of the newest price, which is 1 in these units
        place = np.where(reach > 0.0, above / np.where(reach > 0.0, reach, 1.0), 0.0)
        before = shifted(place)
        crossed = np.sign(place) != np.sign(before)
        found = np.where(crossed, 0.0, np.nan)
        if self.sides == "both":
            found[(before > 1.0) & (place <= 1.0) & (place > 0.0)] = -share
        else:
            found[place >= 0.0] = 0.0
        found[(before < -1.0) & (place >= -1.0) & (place < 0.0)] = share
        found[~settled(frame, self.warm_up)] = np.nan
        return members_only(found, frame)
