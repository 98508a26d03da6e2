"""The value of an account over a run as an array, and the returns that statistics are made on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from traderbot.backtests.reporting.results import curve_of
from traderbot.backtests.runner import Result
from traderbot.market.bars import Bars
from traderbot.model.bars import Floats, Times

_DAY = 86_400_000_000  # a bar at midnight belongs to the day before
_DAYS_MIN = 60  # with fewer days than this, every bar counts
_YEAR = 365.25 * _DAY


class Track(NamedTuple):
    """times: int64 (T,), microseconds; equity: float64 (T,), at the closes; start: before the first."""

    times: Times
    equity: Floats
    start: float

    @property
    def returns(self) -> Floats:
        """Simple returns, float64 (T,); an account that lost everything returns nothing more."""
        before = np.concatenate([[self.start], self.equity[:-1]])
        alive = np.minimum.accumulate(before) > 0
        growth = np.divide(self.equity, before, out=np.ones(len(before)), where=alive)
        return np.asarray(np.maximum(growth, 0.0) - 1.0, dtype=np.float64)

    def at(self, times: Times) -> "Track":
        """The same account, looked at at these times only."""
        rows = np.searchsorted(self.times, times, "right") - 1
        known = np.where(rows >= 0, self.equity[np.maximum(rows, 0)], self.start)
        return Track(times, np.asarray(known, dtype=np.float64), self.start)

    def since(self, time: int) -> "Track":
        """What follows from `time` on; start is the equity just before it."""
        first = int(np.searchsorted(self.times, time, "left"))
        start = float(self.equity[first - 1]) if first else self.start
        return Track(self.times[first:], self.equity[first:], start)


def track_of(result: Result, bars: Sequence[Bars]) -> Track:
    """Equity at the close of every step; start: what was paid in."""
    curve = curve_of(result, [one.cursor() for one in bars])
    return Track(curve.times, curve.equity, float(np.float64(-result.account.balances["external"])))


def sampled(times: Times) -> Times:
    """The last time of each UTC day; all of them where there are few days."""
    days = -(-times // _DAY)
    last: Times = times[np.append(days[1:] != days[:-1], True)]
    return last if len(last) >= _DAYS_MIN else times


def rows_a_year(times: Times) -> float:
    """How many of such rows a year has."""
    span = float(times[-1] - times[0]) / _YEAR
    return (len(times) - 1) / span if span > 0 else 1.0
