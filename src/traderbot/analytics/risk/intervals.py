"""How sure a value at risk is: intervals from resampled days."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.bootstrap import block_length, stationary_indices
from traderbot.analytics.risk.tails import Tail, tails_of

DRAWS = 400
CONFIDENCE = 0.90
_RESAMPLED_MAX = 2_500  # outcomes of a larger sample that are resampled


class Interval(NamedTuple):
    """Where the figure lies with 90% confidence."""

    low: float
    high: float


class Intervals(NamedTuple):
    """var, shortfall: of 90%. around: what was resampled, "days" in blocks, or "paths" of a simulation, which
    tells its noise and not that of what was estimated.
    """

    var: Interval
    shortfall: Interval
    around: str


def by_days(outcomes: Floats, level: float, seed: int = 0, block: int = 1) -> Intervals:
    """Percentile intervals of the historical figures, days resampled in blocks, which keeps volatile times
    together. block: the least mean length, such as the days that overlapping sums share.

    Errors: ValueError. Source: Politis and Romano 1994, doi:10.1080/01621459.1994.10476870; Efron and
            Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    return _percentiles(outcomes, lambda sample: tails_of(sample, level), seed, block, "days")


def by_moments(outcomes: Floats, multiples: Tail, found: Tail, seed: int = 0, block: int = 1) -> Intervals:
    """As `by_days` for a figure that is -mean + multiple x deviation, its shape (the multiples) kept: what
    the resampled mean and deviation make of it, put around the figure as it was fitted.
    """

    def figures(sample: Floats) -> tuple[Floats, Floats]:
        mean, deviation = sample.mean(axis=0), sample.std(axis=0)
        return -mean + multiples.var * deviation, -mean + multiples.shortfall * deviation

    raw = _percentiles(outcomes, figures, seed, block, "days")
    centre = figures(outcomes.reshape(-1, 1))
    return Intervals(
        _moved(raw.var, found.var - float(centre[0][0])),
        _moved(raw.shortfall, found.shortfall - float(centre[1][0])),
        "days",
    )


def by_paths(outcomes: Floats, level: float, seed: int = 0) -> Intervals:
    """Intervals of a simulation's own noise, by splitting it into ten parts, t-distributed around the whole.

    Source: batch means, Glasserman 2004, Monte Carlo Methods in Financial Engineering, section 9.1.3.
    """
    from scipy.special import stdtrit

    parts = outcomes[: len(outcomes) // 10 * 10].reshape(10, -1).T
    reach = float(stdtrit(9, 0.5 + CONFIDENCE / 2)) / np.sqrt(10)
    whole = tails_of(outcomes.reshape(-1, 1), level)
    found = []
    for values, centre in zip(tails_of(parts, level), whole, strict=True):
        apart = reach * float(values.std(ddof=1))
        found.append(Interval(float(centre[0]) - apart, float(centre[0]) + apart))
    return Intervals(found[0], found[1], "paths")


def _moved(interval: Interval, by: float) -> Interval:
    return Interval(interval.low + by, interval.high + by)


def _percentiles(
    outcomes: Floats,
    figures: Callable[[Floats], tuple[Floats, Floats]],
    seed: int,
    block: int,
    around: str,
) -> Intervals:
    outcomes = outcomes[-_RESAMPLED_MAX:]
    length = max(block, block_length(len(outcomes)))
    rows = stationary_indices(len(outcomes), min(length, len(outcomes)), seed, DRAWS)
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    var, shortfall = (np.quantile(values, ends) for values in figures(outcomes[rows].T))
    return Intervals(Interval(*map(float, var)), Interval(*map(float, shortfall)), around)
