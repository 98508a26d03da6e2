"""Where the risk comes from: shares of positions that sum to the whole, and what closing each changes."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.tails import Tail, tails_of

_AT_ONCE = 4_000_000  # numbers in one batch of books without a position


class Contributions(NamedTuple):
    """By position, float64 (d,). var, shortfall: sum to the whole. without_var, without_shortfall: by how
    much the whole would fall if the position were closed, negative for one that protects.
    """

    var: Floats
    shortfall: Floats
    without_var: Floats
    without_shortfall: Floats


def of_scenarios(scenarios: Floats, level: float, whole: Tail) -> Contributions:
    """Contributions read off a table of scenarios (m, d).

    Component shortfall: the position's own mean loss in the rows of the tail. Component VaR: the VaR split by
    the covariance with the book, which is Euler's for elliptical returns and far less noisy than the one row
    at the quantile.
    Source: Tasche 1999, "Risk contributions and performance measurement"; Jorion 2007, section 7.2.3.
    """
    totals = scenarios.sum(axis=1, dtype=np.float64)
    weight = round((1.0 - level) * len(totals), 9)
    last = max(0, int(np.ceil(weight)) - 1)
    order = np.argpartition(totals, last)
    worst, edge = order[:last], order[last]
    own = -(scenarios[worst].sum(axis=0, dtype=np.float64) + scenarios[edge] * (weight - last)) / weight
    var = whole.var * shares(scenarios, totals)
    without_var, without_shortfall = _without(scenarios, totals, level)
    return Contributions(var, np.asarray(own), whole.var - without_var, whole.shortfall - without_shortfall)


def of_elliptical(made: Floats, whole: Tail, multiples: Tail) -> Contributions:
    """Contributions where the loss is a multiple of the deviation less the mean.

    made: float64 (n, d). multiples: of the book's standard deviation, for VaR and shortfall.
    Source: Jorion 2007, section 7.2; McNeil, Frey and Embrechts 2015, section 8.5.3.
    """
    totals = made.sum(axis=1)
    means, split = made.mean(axis=0), shares(made, totals)
    mean, deviation = float(totals.mean()), float(totals.std())
    var = -means + split * (whole.var + mean)
    shortfall = -means + split * (whole.shortfall + mean)
    spread = np.maximum(
        deviation**2 + made.var(axis=0) - 2 * split * deviation**2, 0.0
    )  # variance without each position
    rest = np.sqrt(spread)
    return Contributions(
        var,
        shortfall,
        whole.var - (multiples.var * rest - (mean - means)),
        whole.shortfall - (multiples.shortfall * rest - (mean - means)),
    )


def shares(made: Floats, totals: Floats) -> Floats:
    """The positions' shares of the variance of the book, (d,), which sum to 1.

    Errors: ValueError where the book never changes. Source: Litterman 1996, "Hot spots and hedges".
    """
    apart = totals - totals.mean()
    variance = float(apart @ apart)
    if not variance > 1e-24 * max(float(np.abs(totals).max()) ** 2 * len(totals), 1e-300):
        raise ValueError("the book never changes")
    split = (apart @ made) / variance
    return np.asarray(split + (1.0 - split.sum()) / len(split))  # what rounding left over


def _without(scenarios: Floats, totals: Floats, level: float) -> tuple[Floats, Floats]:
    width = scenarios.shape[1]
    values, shortfalls = np.empty(width), np.empty(width)
    each = max(1, _AT_ONCE // len(totals))
    for first in range(0, width, each):
        part = slice(first, min(first + each, width))
        values[part], shortfalls[part] = tails_of(totals[:, None] - scenarios[:, part], level)
    return values, shortfalls
