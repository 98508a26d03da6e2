"""What a benchmark became over an account's closes: an instrument of the data set, dividends reinvested."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import total_return_index
from traderbot.market.datasets import Dataset
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import Every, label_of
from traderbot.portfolios.tracks import Whole
from traderbot.strategies.adjustments import on_ex_dates

_KEPT = 1000
_STALE = 7 * 86_400_000_000


class Benchmark(NamedTuple):
    """worth: what 1 became, float64 (times,); None where the prices do not cover them, and `reason` why."""

    symbol: Symbol
    worth: Floats | None
    reason: str | None


def benchmark_of(dataset: Dataset, symbol: Symbol, times: Whole) -> Benchmark:
    """An instrument's total return at some times, each at the last close known by then.

    times: int64 (n,), microseconds, not empty. Errors: NotFound where the data set has no such instrument.
    """
    own = dataset.bars_of(symbol).times
    places = own.searchsorted(times, "right") - 1
    if places[0] < 0 or times[-1] - own[-1] > _STALE:
        spans = [label_of(int(at), Every.DAY) for at in (own[0], own[-1], times[0], times[-1])]
        words = "its prices run from {} to {}, the account's closes from {} to {}"
        return Benchmark(symbol, None, words.format(*spans))
    worth = _total_return(dataset, symbol)[places]
    return Benchmark(symbol, np.asarray(worth / worth[0]), None)


@lru_cache(maxsize=_KEPT)
def _total_return(dataset: Dataset, symbol: Symbol) -> Floats:
    """What 1 became from an instrument's first bar on; kept, as a data set never changes."""
    bars = dataset.bars_of(symbol)
    actions = [action for action in dataset.actions if action.symbol == symbol]
    return total_return_index(bars.close, *on_ex_dates(bars.times, actions))
