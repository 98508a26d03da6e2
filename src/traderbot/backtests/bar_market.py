"""The market that a backtest decides on: what its bars say, up to now."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from traderbot.engine.market import Mark, Phase
from traderbot.model.bars import Bar, common_times
from traderbot.model.border import price_from_float
from traderbot.model.symbols import Symbol

_DAY = 86_400_000_000
_NEVER = 1 << 63


class BarMarket:
    """The market a backtest decides on: marks are the closes of the bars played so far.

    A day ends with its last bar; a bar that closes at midnight UTC belongs to the day before. opens, closes:
    whether the step is the first, the last of its day. times: of all steps, microseconds.
    """

    __slots__ = ("_asked_at", "_bars", "_day_end", "_marks", "time", "times")
    phase = Phase.OPEN
    regular = True

    def __init__(self, bars: Mapping[Symbol, Bar]) -> None:
        self._bars = bars
        self._marks: dict[Symbol, tuple[int, Mark]] = {}  # by the place of the bar they are of
        self.times: Sequence[int] = common_times([bar.whole()[0] for bar in bars.values()]).data
        self.time = 0
        self._asked_at = self._day_end = 0

    @property
    def ended(self) -> bool:
        """Whether this is the time of the last bar there is."""
        return not self.times or self.time >= self.times[-1]

    @property
    def day_end(self) -> int | None:
        """Last bar of the day whose bars come next; None after the last. Known ahead, as a calendar is."""
        if not self._asked_at <= self.time < self._day_end:  # else the answer is still the last one
            following = bisect_right(self.times, self.time)
            if following == len(self.times):
                return None
            self._day_end = self._end_of_day(following)
            self._asked_at = self.time
        return self._day_end

    @property
    def step(self) -> int:
        """Number of the step, from 0."""
        return bisect_left(self.times, self.time)

    @property
    def before(self) -> int | None:
        """Time of the step before; None at the first."""
        step = self.step
        return self.times[step - 1] if step else None

    @property
    def opens(self) -> bool:
        before = self.before
        return before is None or day_of(before) < day_of(self.time)

    @property
    def closes(self) -> bool:
        following = bisect_right(self.times, self.time)
        return following == len(self.times) or day_of(self.times[following]) > day_of(self.time)

    @property
    def first_close(self) -> int:
        """Last bar of the first day."""
        return self._end_of_day(0) if self.times else _NEVER

    def _end_of_day(self, step: int) -> int:
        midnight = day_of(self.times[step]) * _DAY
        return self.times[bisect_right(self.times, midnight, step) - 1]

    def mark(self, symbol: Symbol) -> Mark | None:
        bar = self._bars.get(symbol)
        if bar is None or (index := bar.index) < 0:
            return None
        known = self._marks.get(symbol)
        if known is None or known[0] != index:
            known = self._marks[symbol] = (index, Mark(price_from_float(bar.close), bar.time))
        return known[1]


def movements(bars: Sequence[Bar], times: Sequence[int]) -> Callable[[int], dict[Symbol, Bar]]:
    """A function that moves the bars to a step and gives those that are of just this time."""
    by_symbol = {bar.symbol: bar for bar in bars}
    if all(len(bar) == len(times) for bar in bars):

        def together(step: int) -> dict[Symbol, Bar]:
            for bar in bars:
                bar.move(step)
            return by_symbol

        return together
    known = [bar.whole()[0] for bar in bars]
    places = np.stack([np.searchsorted(own, times, "right") - 1 for own in known], axis=1)

    def each(step: int) -> dict[Symbol, Bar]:
        moved, time = {}, times[step]
        for bar, place in zip(bars, places[step].tolist(), strict=True):
            if place >= 0:
                bar.move(place)
                if bar.time == time:
                    moved[bar.symbol] = bar
        return moved

    return each


def day_of(time: int) -> int:
    """Number of the day a bar belongs to by its time, microseconds."""
    return -(-time // _DAY)
