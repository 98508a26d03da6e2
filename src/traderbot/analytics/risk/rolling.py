"""Forecasts as they would have been made: each day's value at risk from the days before it alone."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.copula import fit_copula, simulate_totals
from traderbot.analytics.risk.garch import filtered
from traderbot.analytics.risk.tails import fit_student, normal_tail, student_tail, tail_of, tails_of

Method = Literal["historical", "filtered", "normal", "student", "monte_carlo"]
METHODS: tuple[Method, ...] = ("historical", "filtered", "normal", "student", "monte_carlo")
_AT_ONCE = 500
_PATHS = 20_000


def forecasts(
    made: Floats, method: Method, levels: Sequence[float], window: int, refit: int = 20
) -> tuple[Floats, Floats]:
    """VaR and shortfall for each day after the first `window`, one day ahead.

    made:    float64 (n, d), what each position would have made each day.
    refit:   days between two fits of parameters; quantiles, means and variances move every day.
    Returns: two arrays (n - window, levels).
    Errors:  ValueError where there is no day to foresee, or the book never changes in a window.
    """
    if not 1 <= window < len(made):
        raise ValueError(f"window must be from 1 to {len(made) - 1}, got {window}")
    totals = np.ascontiguousarray(made.sum(axis=1))
    if method == "historical":
        return _historical(totals, levels, window)
    if method == "normal":
        return _normal(totals, levels, window)
    days = len(made) - window
    found = np.empty((2, days, len(levels)))
    for first in range(0, days, refit):
        last = min(first + refit, days)
        if method == "filtered":
            block = _filtered(totals[first : last + window], levels, window)
        elif method == "student":
            fit = fit_student(totals[first : first + window])
            block = np.array([student_tail(fit, level) for level in levels]).T[:, None, :]
        else:
            block = _monte_carlo(made[first : first + window], levels)[:, None, :]
        found[:, first:last] = block
    return found[0], found[1]


def _historical(totals: Floats, levels: Sequence[float], window: int) -> tuple[Floats, Floats]:
    windows = np.lib.stride_tricks.sliding_window_view(totals[:-1], window)
    var, shortfall = np.empty((len(windows), len(levels))), np.empty((len(windows), len(levels)))
    for first in range(0, len(windows), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        columns = np.ascontiguousarray(windows[part].T)
        for place, level in enumerate(levels):
            var[part, place], shortfall[part, place] = tails_of(columns, level)
    return var, shortfall


def _normal(totals: Floats, levels: Sequence[float], window: int) -> tuple[Floats, Floats]:
    windows = np.lib.stride_tricks.sliding_window_view(totals[:-1], window)
    mean, deviation = windows.mean(axis=1), windows.std(axis=1, ddof=1)
    multiples = [normal_tail(0.0, 1.0, level) for level in levels]
    var = np.stack([-mean + deviation * one.var for one in multiples], axis=1)
    return var, np.stack([-mean + deviation * one.shortfall for one in multiples], axis=1)


def _filtered(totals: Floats, levels: Sequence[float], window: int) -> Floats:
    """(2, days, levels): a fit on the window, its volatility then updated by each day that became known."""
    fit = filtered(totals[:window])
    whole = filtered(totals[:-1], like=fit)
    ahead = np.sqrt(np.append(whole.variances[window:], whole.following))
    standard = (totals[:window] - fit.mean) / np.sqrt(fit.variances)
    tails = np.array([tail_of(standard, level) for level in levels])
    return np.asarray(-fit.mean + tails.T[:, None, :] * ahead[None, :, None])


def _monte_carlo(made: Floats, levels: Sequence[float]) -> Floats:
    """(2, levels)."""
    totals = simulate_totals(fit_copula(made), made, np.ones(made.shape[1]), _PATHS, seed=0)
    return np.array([tail_of(totals, level) for level in levels]).T
