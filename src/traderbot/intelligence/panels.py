"""The bars of one instrument as the models take them: raw prices, splits and dividends on their ex-dates."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats, floats, same_length

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Panel:
    """One instrument's bars up to some moment.

    times:        int64 (n,), microseconds since the epoch UTC at which each bar is known, strictly
                  increasing.
    open, high, low, close, volume: float64 (n,), raw, as traded on the day.
    split_ratios: float64 (n,), new shares per old share on the ex-date's bar, otherwise 1.
    dividends:    float64 (n,), cash per share held before the ex-date, on the ex-date's bar, otherwise 0.
    Errors:       ValueError when lengths differ or times do not increase.
    """

    symbol: str
    times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    split_ratios: Floats
    dividends: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", np.ascontiguousarray(self.times, dtype=np.int64))
        for name in _FLOAT_FIELDS:
            object.__setattr__(self, name, floats(getattr(self, name), name))
        same_length(times=self.times, **{name: getattr(self, name) for name in _FLOAT_FIELDS})
        if np.any(np.diff(self.times) <= 0):
            raise ValueError(f"{self.symbol}: times must increase from bar to bar")

    def __len__(self) -> int:
        return int(self.times.shape[0])

    def until(self, time: int) -> "Panel":
        """The bars known by `time` (microseconds UTC), that moment included."""
        return self._part(slice(0, int(np.searchsorted(self.times, time, side="right"))))

    def last(self, bars: int) -> "Panel":
        """The newest `bars` bars, or all when there are fewer."""
        return self._part(slice(max(len(self) - bars, 0), len(self)))

    def _part(self, rows: slice) -> "Panel":
        cut = {name: getattr(self, name)[rows] for name in ("times", *_FLOAT_FIELDS)}
        return replace(self, **cut)


_FLOAT_FIELDS = ("open", "high", "low", "close", "volume", "split_ratios", "dividends")
