"""Returns of an account into which money comes and goes: what its owner did with money is taken out of them.

Convention: what comes or goes counts at the start of the span between two values in which it does, so that
the capital at work is the value before plus the flow.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats, floats, same_length

_CENT = 0.01  # a capital below this is nothing: a ratio to it would say nothing


class Returns(NamedTuple):
    """Of each span between two values: capital at work, return, and what 1 had become before it, all float64
    (n,). A return that is not defined is NaN, and so is all growth behind it.
    """

    capital: Floats
    change: Floats
    growth: Floats


def time_weighted(values: Floats, flows: Floats, before: float = 0.0) -> Returns:
    """Return of each span, whatever the flows.

    values: float64 (n,), at the end of each span. flows: float64 (n,), into the account (positive) or out of
            it, at each span's start. before: value at the start of the first span.
    A span without capital whose value stays nothing returns nothing. It is not defined (NaN) where there is
    a value without capital, where capital is below zero, and where more was lost than there was.
    Source: GIPS Standards 2020, 2.A.22-2.A.26, sub-periods at every external flow, linked geometrically;
            Bacon 2008, Practical Portfolio Performance Measurement and Attribution, chapter 2, true
            time-weighted return.
    """
    values, flows = floats(values, "values"), floats(flows, "flows")
    same_length(values=values, flows=flows)
    capital = np.concatenate(([before], values[:-1])) + flows if len(values) else flows
    change = np.full(len(values), np.nan)
    at_work = capital >= _CENT
    change[at_work] = values[at_work] / capital[at_work] - 1.0
    change[(np.abs(capital) < _CENT) & (np.abs(values) < _CENT)] = 0.0
    change[change < -1.0] = np.nan
    growth = np.concatenate(([1.0], np.cumprod(1.0 + change)[:-1])) if len(values) else change
    return Returns(capital, change, growth)


def linked(change: Floats) -> float | None:
    """Returns of spans as that of the whole, None where one of them is not defined.

    Source: Bacon 2008, chapter 2, geometric linking: the product of 1 + r, less 1.
    """
    whole = float(np.prod(1.0 + change) - 1.0)
    return whole if np.isfinite(whole) else None


def linked_contributions(
    returns: Returns, spans: NDArray[np.int64], parts: NDArray[np.int64], gains: Floats, count: int
) -> Floats:
    """What each part contributed to the return of the whole; they sum to it.

    spans, parts, gains: int64, int64, float64 (m,): which part gained how much in which span. count: parts.
    A span's contribution is the gain over the capital at work; it counts on what 1 had become before it, so
    that the sum over spans and parts is what 1 gained from start to end.
    Returns: float64 (count,), NaN where a return is not defined.
    Source:  Bacon 2008, chapter 5, contribution; linked by the growth before, the portfolio's part of
             Frongello 2002, Attribution linking: proofed and clarified, Journal of Performance Measurement 7.
    """
    change = np.where(np.isfinite(returns.change), 1.0, np.nan)
    safe = np.where(returns.capital >= _CENT, returns.capital, 1.0)
    weights = returns.growth * change / safe
    scaled = np.where(returns.capital[spans] >= _CENT, gains * weights[spans], 0.0)
    if not np.isfinite(weights).all():
        return np.full(count, np.nan)
    return np.asarray(np.bincount(parts, weights=scaled, minlength=count), dtype=np.float64)
