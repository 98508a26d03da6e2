"""Bars: the raw prices of one instrument as arrays, each bar stamped with the moment it became known."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
import numpy as np

from traderbot.model.amounts import AMOUNT_MAX
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

Array = TypeVar("Array", Times, Floats)

SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND
PRICE_MIN = 1e-9  # the smallest price that the border to Decimals does not turn into zero
AMOUNT_LIMIT = float(AMOUNT_MAX)


class TimeFrame(StrEnum):
    """How much market time one bar covers; a daily bar covers one session."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    HALF_HOUR = "30m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def micros(self) -> int:
        """Length in microseconds; a day counts as 24 hours."""
        minutes = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "1d": 1440}[self.value]
        return minutes * 60 * SECOND


class Bars(msgspec.Struct, frozen=True, eq=False):
    """Bars of one instrument, oldest first, raw (unadjusted for splits and dividends).

    times:  int64 (n,), microseconds UTC of each bar's close, which is when it is known; strictly increasing.
    prices: float64 (n,), finite, positive, low <= open, close <= high.
    volume: float64 (n,), shares, zero or more.
    The constructor trusts what it is given; `make_bars` checks it. Slices are views.
    """

    symbol: Symbol
    times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.times)

    def known_by(self, time: int) -> int:
        """Number of bars known at `time`: those whose close is at or before it."""
        return int(self.times.searchsorted(time, "right"))

    def until(self, time: int) -> "Bars":
        """The bars known at `time`, and none later."""
        return self.slice(0, self.known_by(time))

    def window(self, first: int, last: int) -> "Bars":
        """The bars that became known from `first` to `last`, both included."""
        return self.slice(int(self.times.searchsorted(first, "left")), self.known_by(last))

    def tail(self, count: int) -> "Bars":
        """The last `count` bars, or all of them when there are fewer."""
        return self.slice(max(len(self.times) - max(count, 0), 0), len(self.times))

    def cursor(self) -> Bar:
        """A movable view of single bars over these columns, standing before the first."""
        return Bar(self.symbol, self.times, self.open, self.high, self.low, self.close, self.volume)

    def slice(self, start: int, stop: int) -> "Bars":
        """The bars at positions `start` up to but not including `stop`, as views."""
        return Bars(
            self.symbol,
            self.times[start:stop],
            self.open[start:stop],
            self.high[start:stop],
            self.low[start:stop],
            self.close[start:stop],
            self.volume[start:stop],
        )


def make_bars(
    symbol: Symbol,
    times: Times | Sequence[int],
    open: Floats | Sequence[float],  # noqa: A002 - the field's word for it
    high: Floats | Sequence[float],
    low: Floats | Sequence[float],
    close: Floats | Sequence[float],
    volume: Floats | Sequence[float],
) -> Bars:
    """Bars that hold what their docstring promises, with arrays that cannot be written to.

    Errors: InvalidValue naming the first array that breaks a promise.
    """
    stamps = _locked(np.asarray(times, dtype=np.int64))
    if stamps.ndim != 1 or bool((np.diff(stamps) <= 0).any()):
        raise InvalidValue(f"{symbol}.times", "times that strictly increase")
    columns = {"open": open, "high": high, "low": low, "close": close, "volume": volume}
    arrays = {name: _column(symbol, name, values, len(stamps)) for name, values in columns.items()}
    for name in ("open", "close"):
        if bool(((arrays[name] > arrays["high"]) | (arrays[name] < arrays["low"])).any()):
            raise InvalidValue(f"{symbol}.{name}", "prices between low and high")
    return Bars(symbol, stamps, **arrays)


def _column(symbol: str, name: str, values: Floats | Sequence[float], count: int) -> Floats:
    """One checked column. Errors: InvalidValue."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,):
        raise InvalidValue(f"{symbol}.{name}", f"{count} values, one for each time")
    least = 0.0 if name == "volume" else PRICE_MIN
    if not bool(((array >= least) & (array <= AMOUNT_LIMIT)).all()):  # false for NaN as well
        raise InvalidValue(f"{symbol}.{name}", f"finite numbers from {least:g} to {AMOUNT_LIMIT:g}")
    return _locked(array)


def _locked(array: Array) -> Array:
    """A contiguous array nobody can write to, copied only when the given one could still be changed."""
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, copy=True, order="C")
    array.setflags(write=False)
    return array
