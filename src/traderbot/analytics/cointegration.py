"""Whether two prices move together: the Engle-Granger test over a rolling window, in closed form.

The statistic is that of a Dickey-Fuller test without lags on the residuals of a regression with a constant.
It follows from sums over the window alone: a value costs O(log window) and depends on its window to the bit.
"""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats, series
from traderbot.analytics.rolling import State, fold_windows, rolling_sum

_SURFACE = {
    0.01: (-3.89644, -10.9519, -33.527),
    0.05: (-3.33613, -6.1101, -6.823),
    0.10: (-3.04445, -4.2412, -2.72),
}
"""MacKinnon 2010, Critical values for cointegration tests, table 2: two variables, a constant."""


class Cointegration(NamedTuple):
    """Of each window: the slope of the regression, the newest residual in deviations, the statistic."""

    slope: Floats
    zscore: Floats
    statistic: Floats


def rolling_cointegration(dependent: Floats, other: Floats, window: int) -> Cointegration:
    """Regress the levels of one series on another's over each window, and test the residuals for a unit root.

    dependent, other: float64 (n,) or (n, columns), changes of level per bar, such as log growth; the change
             into the window's first bar is not used.
    window:  bars, 4 or more.
    Returns: of that shape, NaN before window - 1 and where a series does not move.
    Source:  Engle, Granger 1987, Co-integration and error correction, doi:10.2307/1913236.
    """
    if window < 4:
        raise ValueError(f"window must be 4 or more, got {window}")
    y, x = series(dependent, "dependent"), series(other, "other")
    zeros = np.zeros_like(y)
    mean_y, mean_x, yy, xy, xx, _, _ = fold_windows((zeros, zeros, zeros, zeros, zeros, y, x), window, _merge)
    usable = (xx > 0.0) & (yy > 0.0)
    slope = np.where(usable, xy / np.where(usable, xx, 1.0), np.nan)
    squares = yy - slope * xy
    steps = window - 1
    last = slope * mean_x - mean_y
    first = last - (rolling_sum(y, steps) - slope * rolling_sum(x, steps))
    moved = rolling_sum(y * y, steps) - 2.0 * slope * rolling_sum(x * y, steps)
    moved = moved + slope * slope * rolling_sum(x * x, steps)
    with np.errstate(divide="ignore", invalid="ignore"):
        before = squares - last * last
        product = (last * last - first * first - moved) / 2.0
        error = (moved - product * product / before) / (steps - 1)
        statistic = product / np.sqrt(error * before)
        zscore = last / np.sqrt(squares / steps)
    return Cointegration(slope, zscore, statistic)


def critical_value(level: float, observations: int) -> float:
    """What the statistic has to fall below for the chance of a false finding to be `level`: 0.01, 0.05, 0.1.

    Source: MacKinnon 2010.
    """
    if level not in _SURFACE:
        raise ValueError(f"level must be one of {', '.join(map(str, _SURFACE))}, got {level}")
    constant, first, second = _SURFACE[level]
    return constant + first / observations + second / observations**2


def _merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
    """Means of both levels, where the newest is 0, the moments about them, the change over a block."""
    total = older_bars + newer_bars
    far_y = newer[0] - older[0] + newer[5]
    far_x = newer[1] - older[1] + newer[6]
    share, weight = older_bars / total, older_bars * newer_bars / total
    return (
        newer[0] - far_y * share,
        newer[1] - far_x * share,
        older[2] + newer[2] + far_y * far_y * weight,
        older[3] + newer[3] + far_x * far_y * weight,
        older[4] + newer[4] + far_x * far_x * weight,
        older[5] + newer[5],
        older[6] + newer[6],
    )
