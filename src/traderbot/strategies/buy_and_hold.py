"""Buy and hold: the baseline that every other strategy has to beat after costs."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.strategies.alignment import members_only
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class BuyAndHold(SignalStrategy):
    """Buys each instrument for an equal share of equity as soon as it is there, and keeps it.

    gap: rows that an instrument may be without a bar; after a longer gap its share is set anew.
    Source: Sharpe 1991, The Arithmetic of Active Management: the average of all active money is the market.
    """

    name = "buy-and-hold"
    gap = Whole(10, 1, 1_000)

    @property
    def warm_up(self) -> int:
        return self.gap

    def signal(self, frame: Frame) -> Floats:
        here = ~np.isnan(frame.close)
        rows = np.arange(len(here))[:, None]
        last = np.maximum.accumulate(np.where(here, rows, -self.gap - 1), axis=0)
        found = np.where(rows - last <= self.gap, 1.0 / max(len(frame.symbols), 1), np.nan)
        return members_only(found, frame)
