"""Mean reversion by z-score: buy what is far below its own average, sell at the average."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import level_zscore
from traderbot.model.errors import InvalidValue
from traderbot.strategies.alignment import members_only, moves, settled, shifted, sides
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class MeanReversion(SignalStrategy):
    """Buys an equal share of an instrument whose price is `entry` standard deviations below the average of
    `window` bars, sells within `exit` of the average or on its other side.

    sides: `both` also sells short what is as far above.
    Source: Poterba, Summers 1988, Mean reversion in stock prices, doi:10.1016/0304-405X(88)90021-9;
            Jegadeesh 1990 for horizons of weeks.
    """

    name = "mean-reversion"
    window = Whole(20, 3, 1_000)
    entry = Real(2.0, 0.1, 10.0)
    exit = Real(0.5, 0.0, 10.0)
    sides = sides()

    def check(self) -> None:
        if self.exit >= self.entry:
            raise InvalidValue("exit", f"a number below entry ({self.entry:g})", self.exit)

    @property
    def warm_up(self) -> int:
        return self.window + 1

    def signal(self, frame: Frame) -> Floats:
        share = 1.0 / max(len(frame.symbols), 1)
        score = level_zscore(moves(frame), self.window)
        over = np.abs(score) <= self.exit
        over |= np.sign(score) != np.sign(shifted(score))
        found = np.where(over, 0.0, np.nan)
        if self.sides == "both":
            found[score >= self.entry] = -share
        else:
            found[score >= 0.0] = 0.0
        found[score <= -self.entry] = share
        found[~settled(frame, self.warm_up)] = np.nan
        return members_only(found, frame)
