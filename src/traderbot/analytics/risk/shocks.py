"""What a book would lose in a given event, and which events lose a given amount."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.tails import Tail, tail_of


class Reverse(NamedTuple):
    """What loses the amount. market: the move of the market, as a fraction; None where the book has no beta
    or it would take a fall of all and more. likeliest: returns by position, float64 (d,). deviations: how
    many standard deviations of the book away. single: the fall of each position alone, NaN where none does.
    """

    market: float | None
    likeliest: Floats
    deviations: float
    single: Floats


def all_as_one(returns: Floats, values: Floats, level: float) -> Tail:
    """The tail of prices that rise and fall together, each by its own measure: shorts still gain from a fall.

    returns: float64 (n, d); values: (d,), negative for shares sold short. Source: as `comonotone`.
    """
    return tail_of(np.asarray(np.sort(returns, axis=0) @ values), level)


def reverse(returns: Floats, values: Floats, betas: Floats, loss: float) -> Reverse:
    """Events that lose `loss`: a market move through the betas, the likeliest under an elliptical
    distribution, and each position's own.

    returns: float64 (n, d); values, betas: (d,), a beta of NaN counting as none. loss: money above 0.
    The likeliest needs no inverse, so that a singular covariance is no obstacle.
    Errors: ValueError where the book never changes, or for a loss that is none.
    Source: Glasserman, Kang and Kang 2015, doi:10.1080/14697688.2014.926392; Studer 1997, Maximum loss for
            measurement of market risk.
    """
    if not loss > 0:
        raise ValueError(f"loss must be above 0, got {loss}")
    totals = returns @ values
    apart = totals - totals.mean()
    variance = float(apart @ apart) / len(apart)
    if not variance > 0:
        raise ValueError("the book never changes")
    covered = (apart @ returns) / len(apart)
    exposure = float(np.nansum(values * betas))
    market = None
    if exposure and (wanted := -loss / exposure) > -1:
        market = wanted
    with np.errstate(divide="ignore", invalid="ignore"):
        single = -loss / values
    single[(single < -1) | ~np.isfinite(single)] = np.nan
    return Reverse(market, np.asarray(-loss * covered / variance), loss / float(np.sqrt(variance)), single)
