"""Pairs: of two instruments whose prices are cointegrated, buy the one that is cheap against the other."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.cointegration import critical_value, rolling_cointegration
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import EVERYBODY
from traderbot.strategies.alignment import members_only, moves, settled, shifted, sides
from traderbot.strategies.parameters import Choice, Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class Pairs(SignalStrategy):
    """The first instrument with the second, the third with the fourth, and so on; each pair by itself.

    The log price of the first is regressed on that of the second over `window` bars. When the residuals pass
    the Engle-Granger test at `level`, the slope is positive, and the newest residual first lies more than
    `entry` standard deviations off, the cheap one is bought and the other sold short, in the ratio of the
    slope; both are closed within `exit`, on the other side, or beyond `stop`.
    sides: `long` only buys the cheap one; `both` takes a margin account.
    Source: Engle, Granger 1987; Vidyamurthy, Pairs Trading, 2004; Gatev, Goetzmann, Rouwenhorst 2006,
            doi:10.1093/rfs/hhj020, for entry at two deviations.
    """

    name = "pairs"
    window = Whole(252, 20, 2_520)
    level = Choice("0.05", "0.01", "0.1")
    entry = Real(2.0, 0.5, 10.0)
    exit = Real(0.5, 0.0, 10.0)
    stop = Real(4.0, 1.0, 100.0)
    sides = sides()

    def check(self) -> None:
        if not self.exit < self.entry < self.stop:
            raise InvalidValue("entry", f"a number between exit ({self.exit:g}) and stop ({self.stop:g})")

    @property
    def warm_up(self) -> int:
        return self.window + 1

    def signal(self, frame: Frame) -> Floats:
        found = np.full(frame.growth.shape, np.nan)
        count = len(frame.symbols) // 2
        if not count:
            return found
        change = np.log(moves(frame))
        first, second = slice(0, 2 * count, 2), slice(1, 2 * count, 2)
        slope, score, statistic = rolling_cointegration(change[:, first], change[:, second], self.window)
        outside, before = np.abs(score) > self.entry, shifted(score)
        over = (
            (np.abs(score) <= self.exit) | (np.sign(score) != np.sign(before)) | (np.abs(score) > self.stop)
        )
        related = statistic < critical_value(float(self.level), self.window - 1)
        fresh = outside & ~over & (np.abs(before) <= self.entry) & related & (slope > 0.0)
        sizes = -np.sign(score) / (count * (1.0 + np.abs(slope)))
        if self.sides == "long":
            sizes = -np.sign(score) / count
        one = np.where(fresh, sizes, np.where(over, 0.0, np.nan))
        other = np.where(fresh, -sizes * (slope if self.sides == "both" else 1.0), one)
        if self.sides == "long":
            one, other = np.maximum(one, 0.0), np.maximum(other, 0.0)
        known = settled(frame, self.warm_up)
        together = known[:, first] & known[:, second]
        if frame.member is not EVERYBODY:
            outside = ~(frame.member[:, first] & frame.member[:, second])  # one leg alone is no pair
            one, other = np.where(outside, 0.0, one), np.where(outside, 0.0, other)
        found[:, first] = np.where(together, one, np.nan)
        found[:, second] = np.where(together, other, np.nan)
        return members_only(found, frame)
