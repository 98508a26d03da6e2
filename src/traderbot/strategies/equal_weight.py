"""Equal weight: the same share of equity in every instrument, set anew from time to time."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.strategies.alignment import every, held_between, members_only, shares_of, starts
from traderbot.strategies.signals import Frame, SignalStrategy


class EqualWeight(SignalStrategy):
    """One over the number of instruments that have a bar, at the first bar of each period.

    every: how often the weights are set anew.
    Source: DeMiguel, Garlappi, Uppal 2009, Optimal Versus Naive Diversification, doi:10.1093/rfs/hhm075.
    """

    name = "equal-weight"
    every = every()

    @property
    def warm_up(self) -> int:
        return 1

    def signal(self, frame: Frame) -> Floats:
        here = ~np.isnan(frame.close)
        members = here & frame.member
        weights = np.where(members, shares_of(members), 0.0)
        return members_only(held_between(weights, starts(frame.times, self.every), here), frame)
