"""The money-weighted return: the one yearly rate at which everything put in becomes all that came out."""

import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length

_YEAR = 365.0
_LOG_LOW, _LOG_HIGH = -20.0, 14.0  # logarithms of 1 + rate: from a loss of all to a million times, a year
_GRID = 681


class NoRate(ValueError):  # noqa: N818 - what is the case
    """There is no rate, or there is more than one; the message says which."""


def money_weighted(days: Floats, amounts: Floats) -> float:
    """The yearly rate r with sum(amount / (1 + r)^(days / 365)) = 0.

    days:    float64 (n,), since any one moment. amounts: float64 (n,), what the owner paid in below zero,
             what came back, the value at the end among it, above.
    Returns: a fraction, -1 where nothing came back.
    Errors:  NoRate where nothing was paid in, all of it is of one moment, or the equation has no solution or
             several; ValueError for arrays that do not fit together.
    Source:  Bacon 2008, Practical Portfolio Performance Measurement and Attribution, chapter 2, internal rate
             of return, on actual days over 365 as XIRR of spreadsheets has it; solved by Brent's method.
    """
    days, amounts = floats(days, "days"), floats(amounts, "amounts")
    same_length(days=days, amounts=amounts)
    if not np.isfinite(days).all() or not np.isfinite(amounts).all():
        raise ValueError("days and amounts must be finite")
    if not (amounts < 0).any():
        raise NoRate("no money was put in")
    if days.max() == days.min():
        raise NoRate("all of the money moved at one moment")
    if not (amounts > 0).any():
        return -1.0
    there = amounts != 0
    days, amounts = days[there], amounts[there]
    left = (days.max() - days) / _YEAR
    scaled = amounts / np.abs(amounts).max()

    def excess(log_rates: Floats) -> Floats:
        return np.asarray(np.exp(np.minimum(np.multiply.outer(log_rates, left), 600.0)) @ scaled)

    grid = np.linspace(_LOG_LOW, _LOG_HIGH, _GRID)
    signs = np.sign(excess(grid))
    turns = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    exact = grid[signs == 0]
    if len(turns) + len(exact) > 1:
        raise NoRate(f"{len(turns) + len(exact)} rates solve the equation, as the flows turn more than once")
    if len(exact):
        return float(np.expm1(exact[0]))
    if not len(turns):
        raise NoRate("no rate solves the equation")
    from scipy.optimize import brentq  # a heavy import

    low, high = grid[turns[0]], grid[turns[0] + 1]
    return float(np.expm1(brentq(excess, low, high, xtol=1e-13, rtol=1e-13)))


def of_span(rate: float, days: float) -> float:
    """A yearly rate as the return of a span of days, which is what a span below a year is to be told by.

    Source: GIPS Standards 2020, 4.A.4: returns for periods of less than a year must not be annualised.
    """
    return float((1.0 + rate) ** (days / _YEAR) - 1.0)
