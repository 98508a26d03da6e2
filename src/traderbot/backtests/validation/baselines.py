"""What the data alone would have given: holding it, in equal parts or as bought, without any costs."""

from collections.abc import Mapping
from math import isfinite

import msgspec
import numpy as np

from traderbot.analytics.bootstrap import block_length, sharpe_difference
from traderbot.analytics.returns import equal_parts
from traderbot.backtests.validation.subject import Subject, sharpe
from traderbot.backtests.validation.tracks import rows_a_year
from traderbot.model.bars import Floats, Times


class Comparison(msgspec.Struct, frozen=True):
    """name: of the baseline; sharpe: a year, of it; difference: of the strategy's to it; p_value: of none;
    None where one of the two never moves, or there are too few rows.
    """

    name: str
    sharpe: float
    difference: float | None
    p_value: float | None


def compare(
    returns: Floats, times: Times, others: Mapping[str, Floats], *, draws: int, seed: int
) -> list[Comparison]:
    """Test the Sharpe ratio of returns against that of each baseline over the same rows."""
    yearly = rows_a_year(times) ** 0.5
    found = []
    for name, other in others.items():
        difference = p_value = None
        if len(returns) >= 2 * block_length(len(returns)) and len(returns) >= 8:
            test = sharpe_difference(returns, other, draws=draws, seed=seed)
            if isfinite(test.p_value):
                difference, p_value = test.difference * yearly, test.p_value
        found.append(Comparison(name, sharpe(other) * yearly, difference, p_value))
    return found


def baselines(subject: Subject, times: Times) -> dict[str, Floats]:
    """Returns of each baseline at these rows, dividends reinvested, float64 (T,).

    buy and hold: as `equal_parts` has it from the first of these rows on. equal weight: set right each bar.
    """
    frame = subject.frame
    steps, growth = frame.times, frame.growth
    held = np.isfinite(growth).any(axis=1)
    moved = np.where(np.isnan(growth), 0.0, growth - 1)
    known = np.maximum(1, (~np.isnan(growth)).sum(axis=1))
    equal = np.where(held, 1 + moved.sum(axis=1) / known, 1.0)
    listed = np.logical_or.accumulate(~np.isnan(frame.close), axis=0)
    worth = np.where(listed, np.cumprod(np.where(np.isnan(growth), 1.0, growth), axis=0), np.nan)
    rows = np.searchsorted(steps, times, "right") - 1
    return {
        "buy and hold": _returns(equal_parts(worth[rows])),
        "equal weight": _returns(np.asarray(np.cumprod(equal)[rows])),
    }


def _returns(levels: Floats) -> Floats:
    returns = np.zeros(len(levels))
    returns[1:] = levels[1:] / levels[:-1] - 1
    return returns
