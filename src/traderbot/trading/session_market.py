"""A market session at one moment, as the engine sees it: unchanging, so that a decision can never see a
later price.
"""

from functools import cached_property

import numpy as np

from traderbot.engine.market import Mark, Phase
from traderbot.market.bars import Bars
from traderbot.market.datasets import Dataset
from traderbot.market.sessions import NOT_STARTED, Timeline
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Price
from traderbot.model.bars import Floats
from traderbot.model.border import price_from_float
from traderbot.model.rounding import split_price
from traderbot.model.symbols import Symbol


class SessionMarket:
    """The market after a step of a replay: marks are the last closes known then, in the shares of then.

    An instrument without a bar at a split's step keeps its old close, divided by the split, so that the
    value of a position does not jump until its next bar.
    """

    phase = Phase.OPEN  # bars come from open markets only

    def __init__(self, dataset: Dataset, timeline: Timeline, step: int) -> None:
        self._dataset = dataset
        self._timeline = timeline
        self.step = step
        self.time = timeline.time_of(step)
        self.ended = step == len(timeline) - 1
        self._marks: dict[Symbol, Mark | None] = {}

    def at(self, step: int) -> "SessionMarket":
        """The same session after another step."""
        return self if step == self.step else SessionMarket(self._dataset, self._timeline, step)

    def at_time(self, time: int) -> "SessionMarket":
        """The same session after the last step at or before a market time."""
        return self.at(max(NOT_STARTED, int(self._timeline.times.searchsorted(time, "right")) - 1))

    @cached_property
    def day_end(self) -> int | None:
        """Close of the session in which an order placed now is first matched; None after the last."""
        if self.ended:
            return None
        return self._timeline.time_of(self._timeline.last_step(self._timeline.date_of(self.step + 1)))

    def mark(self, symbol: Symbol) -> Mark | None:
        """The last known close and the time of its bar; None before the first bar."""
        if symbol not in self._marks:
            bars = self._dataset.bars.get(symbol)
            known = 0 if bars is None else bars.known_by(self.time)
            self._marks[symbol] = self._mark(bars, known - 1) if bars is not None and known else None
        return self._marks[symbol]

    def close_before(self, symbol: Symbol) -> Price | None:
        """The close before the mark, in today's shares where a split lies between; None for a first bar."""
        bars = self._dataset.bars.get(symbol)
        known = 0 if bars is None else bars.known_by(self.time)
        return self._mark(bars, known - 2).price if bars is not None and known > 1 else None

    def recent(self, symbol: Symbol, count: int) -> tuple[Floats, Floats]:
        """Closes and volumes of the last `count` bars known, oldest first, in today's shares; fewer where
        there are fewer.
        """
        bars = self._dataset.bars.get(symbol)
        if bars is None:
            return np.empty(0), np.empty(0)
        known = bars.until(self.time).tail(count)
        closes, volumes = known.close.copy(), known.volume.copy()
        for effective, split in self._splits:
            if split.symbol == symbol and effective <= self.time:
                before = known.times < effective
                closes[before] *= split.old / split.new
                volumes[before] *= split.new / split.old
        return closes, volumes

    def _mark(self, bars: Bars, index: int) -> Mark:
        """A close, restated for the splits that took effect after its bar."""
        price, at = price_from_float(float(bars.close[index])), int(bars.times[index])
        for effective, split in self._splits:
            if split.symbol == bars.symbol and at < effective <= self.time:
                price = split_price(price, split.new, split.old)
        return Mark(price, at)

    @cached_property
    def _splits(self) -> list[tuple[int, CorporateAction]]:
        """Every split of the data set with the time of the step it takes effect in."""
        splits = [action for action in self._dataset.actions if action.kind is ActionKind.SPLIT]
        steps = [(self._timeline.first_step(split.ex_date), split) for split in splits]
        return [(self._timeline.time_of(step), split) for step, split in steps if step < len(self._timeline)]
