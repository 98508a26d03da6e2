"""Breakout: buy a close above the highest high of the bars before, with stops by the average true range."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import high_level, low_level, range_level
from traderbot.strategies.alignment import Marks, members_only, moves, settled, shifted, sides
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class Breakout(SignalStrategy):
    """Buys at a close above the highest high of the `entry` bars before; sells at a close below the lowest
    low of the `exit` bars before, or `stop` average true ranges below the highest high of the last `exit`
    bars.

    risk: what reaching the stop costs, as a fraction of an instrument's equal share of equity; sets the size.
    window: bars of the average true range. sides: `both` mirrors it short.
    Source: Donchian's channel as traded by Faith, Way of the Turtle, 2007 (System 2: 55 and 20 bars, 2 ATR).
    """

    name = "breakout"
    entry = Whole(55, 2, 1_000)
    exit = Whole(20, 2, 1_000)
    window = Whole(20, 2, 500)
    stop = Real(3.0, 0.5, 20.0)
    risk = Real(0.05, 0.001, 1.0)
    sides = sides()

    @property
    def warm_up(self) -> int:
        return max(self.entry, self.exit, self.window) + 2

    def signal(self, frame: Frame) -> Floats:
        growth = moves(frame)
        gaps = np.isnan(frame.close)
        high, low, close = (np.where(gaps, 1.0, part) for part in (frame.high, frame.low, frame.close))
        reach = self.stop * range_level(growth, high, low, close, self.window)
        size = np.minimum(self.risk / np.maximum(reach, 1e-9), 1.0) / max(len(frame.symbols), 1)
        top = 1.0 / (1.0 + high_level(growth, high, close, self.exit))
        bottom = 1.0 / (1.0 + low_level(growth, low, close, self.exit))
        rose = growth > shifted(1.0 / (1.0 + high_level(growth, high, close, self.entry)))
        fell = growth < shifted(1.0 / (1.0 + low_level(growth, low, close, self.entry)))
        long_over = (growth < shifted(bottom)) | (top - reach > 1.0)
        short_over = (growth > shifted(top)) | (bottom + reach < 1.0)
        if self.sides == "long":
            found = np.where(long_over, 0.0, np.nan)
        else:
            found = np.where(long_over & short_over, 0.0, np.nan)
            found = np.where(_fresh(fell) & ~short_over, -size, found)
        found = np.where(_fresh(rose) & ~long_over, size, found)
        found[~settled(frame, self.warm_up)] = np.nan
        return members_only(found, frame)


def _fresh(marks: Marks) -> Marks:
    """Where it holds and did not one row before."""
    found = marks.copy()
    found[1:] &= ~marks[:-1]
    return found
