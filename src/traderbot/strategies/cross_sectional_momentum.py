"""Cross-sectional momentum: hold the instruments that have risen most among all."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.rolling import rolling_product
from traderbot.strategies.alignment import (
    Marks,
    every,
    held_between,
    members_only,
    moves,
    settled,
    shares_of,
    sides,
    starts,
)
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class CrossSectionalMomentum(SignalStrategy):
    """The `share` of instruments with the highest return over `lookback` bars without the last `skip`, in
    equal parts.

    sides: `both` sells the lowest short, half of equity each side.
    Source: Jegadeesh, Titman 1993, Returns to Buying Winners and Selling Losers,
            doi:10.1111/j.1540-6261.1993.tb04702.x; the skipped month: Jegadeesh 1990.
    """

    name = "cross-sectional-momentum"
    lookback = Whole(252, 2, 2_520)
    skip = Whole(21, 0, 250)
    share = Real(0.30, 0.01, 0.50)
    sides = sides()
    every = every()

    def check(self) -> None:
        if self.skip >= self.lookback:
            raise self.declared()["skip"].wrong(self.skip)

    @property
    def warm_up(self) -> int:
        return self.lookback

    def signal(self, frame: Frame) -> Floats:
        rows, known = starts(frame.times, self.every), settled(frame, self.lookback)
        rise = np.full(frame.growth.shape, np.nan)
        formed = rolling_product(moves(frame), self.lookback - self.skip)
        rise[self.skip :] = formed[: max(len(formed) - self.skip, 0)]
        members = (known & frame.member)[rows]
        score = np.where(members, rise[rows], -np.inf)
        place = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1, kind="stable")
        count = members.sum(axis=1, keepdims=True)
        chosen = np.maximum(np.floor(count * self.share + 1e-9), 1.0)
        best: Marks = (place < chosen) & members
        weights = np.where(best, shares_of(best), 0.0)
        if self.sides == "both":
            worst: Marks = (place >= count - chosen) & members & ~best
            weights = 0.5 * (weights - np.where(worst, shares_of(worst), 0.0))
        found = np.full(frame.growth.shape, np.nan)
        found[rows] = weights
        return members_only(held_between(found, rows, known), frame)
