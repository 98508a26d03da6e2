"""The market that a backtest decides on: what its bars say, up to now."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from traderbot.engine.market import Mark, Phase
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.symbols import Symbol

_DAY = 86_400_000_000
_NEVER = 1 << 63


class BarMarket:
    """The market a backtest decides on: marks are the closes of the bars played so far.

    A day ends with its last bar; a bar that closes at midnight UTC belongs to the day before. opens, closes:
    whether the step is the first, the last of its day.
    """

    __slots__ = ("_asked_at", "_bars", "_day_end", "_times", "time")
    phase = Phase.OPEN
    regular = True

    def __init__(self, bars: Mapping[Symbol, Bar]) -> None:
        self._bars = bars
        every = [bar.times for bar in bars.values()]
        self._times: Sequence[int] = (
            every[0] if len(every) == 1 else np.unique(np.concatenate(every)).tolist()
        )
        self.time = 0
        self._asked_at = self._day_end = 0

    @property
    def ended(self) -> bool:
        """Whether this is the time of the last bar there is."""
        return not self._times or self.time >= self._times[-1]

    @property
    def day_end(self) -> int | None:
        """Last bar of the day whose bars come next; None after the last. Known ahead, as a calendar is."""
        if not self._asked_at <= self.time < self._day_end:  # else the answer is still the last one
            following = bisect_right(self._times, self.time)
            if following == len(self._times):
                return None
            self._day_end = self._end_of_day(following)
            self._asked_at = self.time
        return self._day_end

    @property
    def step(self) -> int:
        """Number of the step, from 0."""
        return bisect_left(self._times, self.time)

    @property
    def before(self) -> int | None:
        """Time of the step before; None at the first."""
        step = self.step
        return self._times[step - 1] if step else None

    @property
    def opens(self) -> bool:
        before = self.before
        return before is None or day_of(before) < day_of(self.time)

    @property
    def closes(self) -> bool:
        following = bisect_right(self._times, self.time)
        return following == len(self._times) or day_of(self._times[following]) > day_of(self.time)

    @property
    def first_close(self) -> int:
        """Last bar of the first day."""
        return self._end_of_day(0) if self._times else _NEVER

    def _end_of_day(self, step: int) -> int:
        midnight = day_of(self._times[step]) * _DAY
        return self._times[bisect_right(self._times, midnight, step) - 1]

    def mark(self, symbol: Symbol) -> Mark | None:
        bar = self._bars.get(symbol)
        if bar is None or bar.index < 0:
            return None
        return Mark(price_from_float(bar.close), bar.time)


def day_of(time: int) -> int:
    """Number of the day a bar belongs to by its time, microseconds."""
    return -(-time // _DAY)
