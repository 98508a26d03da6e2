"""Value at risk and expected shortfall of a sample or of a distribution."""

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats, series

_DEGREES = (2.05, 200.0)
"""Bounds of a fitted Student distribution: above 2 its variance exists, at 200 it is normal."""


class Tail(NamedTuple):
    """var: the loss exceeded with probability 1 - level; shortfall: the mean loss in that tail."""

    var: float
    shortfall: float


class Student(NamedTuple):
    """A Student t distribution by location, scale (not the standard deviation) and degrees of freedom."""

    mean: float
    scale: float
    degrees: float


def checked_level(level: float) -> float:
    """Errors: ValueError for a level that is not between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return float(level)


def finite(values: Floats, name: str) -> Floats:
    """One series, or several as columns, without a gap. Errors: ValueError naming the argument."""
    array = series(values, name)
    if not len(array) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and not empty")
    return array


def tail_of(outcomes: Floats, level: float) -> Tail:
    """Historical value at risk and expected shortfall: the empirical quantile, and the mean of the tail with
    the quantile's own observation counted as far as it belongs to it.

    outcomes: float64 (n,), profits positive.
    Errors:   ValueError.
    Source:   Acerbi and Tasche 2002, doi:10.1016/S0378-4266(02)00283-2, proposition 4.1.
    """
    values, shortfalls = tails_of(finite(outcomes, "outcomes").reshape(-1, 1), level)
    return Tail(float(values[0]), float(shortfalls[0]))


def tails_of(outcomes: Floats, level: float) -> tuple[Floats, Floats]:
    """`tail_of` for every column of (n, m): values at risk (m,), shortfalls (m,)."""
    weight = (1.0 - checked_level(level)) * len(outcomes)
    weight = round(weight, 9)  # 0.05 * 2500 must be 125, not a trifle more
    last = max(0, int(np.ceil(weight)) - 1)
    worst = np.partition(outcomes, last, axis=0)[: last + 1]
    quantile = worst[last]
    shortfall = -(worst[:last].sum(axis=0) + quantile * (weight - last)) / weight
    return np.asarray(-quantile), np.asarray(shortfall)


def normal_tail(mean: float, deviation: float, level: float) -> Tail:
    """Of a normal distribution. Source: McNeil, Frey and Embrechts 2015, Quantitative Risk Management,
    examples 2.11 and 2.14.
    """
    from scipy.special import ndtri

    quantile = float(ndtri(checked_level(level)))
    density = np.exp(-quantile * quantile / 2) / sqrt(2 * np.pi)
    return Tail(-mean + deviation * quantile, -mean + deviation * float(density) / (1 - level))


def student_tail(student: Student, level: float) -> Tail:
    """Of a Student t distribution. Source: McNeil, Frey and Embrechts 2015, examples 2.11 and 2.15."""
    from scipy.special import betaln, stdtrit

    mean, scale, degrees = student
    quantile = float(stdtrit(degrees, checked_level(level)))
    density = (degrees + 1) / 2 * log(1 + quantile**2 / degrees) + betaln(degrees / 2, 0.5) + log(degrees) / 2
    tail = exp(-density) / (1 - level) * (degrees + quantile**2) / (degrees - 1)
    return Tail(-mean + scale * quantile, -mean + scale * tail)


def fit_student(outcomes: Floats) -> Student:
    """Fit a Student t distribution by maximum likelihood, its degrees of freedom between 2.05 and 200.

    Errors: ValueError for outcomes that never change.
    Source: McNeil, Frey and Embrechts 2015, section 6.2.1.
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    values = finite(outcomes, "outcomes")
    spread = float(values.std())
    if not spread > 1e-12 * max(float(np.abs(values).max()), 1e-300):
        raise ValueError("outcomes never change")
    unit = (values - values.mean()) / spread
    low, high = (log(bound - 2) for bound in _DEGREES)

    def loss(given: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood with its gradient, by location, log scale, log (degrees - 2)."""
        location, log_scale, log_degrees = given
        inside = low < log_degrees < high
        scale, degrees = np.exp(log_scale), 2 + np.exp(min(max(log_degrees, low), high))
        apart = (unit - location) / scale
        ratio = apart * apart / degrees
        logs = np.log1p(ratio)
        constant = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
        value = -(constant - log_scale - (degrees + 1) / 2 * logs.mean())
        weight = (degrees + 1) * apart / (degrees * (1 + ratio))
        slopes = (
            0.5 * (_digamma((degrees + 1) / 2) - _digamma(degrees / 2) - 1 / degrees - logs.mean())
            + (degrees + 1) / (2 * degrees) * (ratio / (1 + ratio)).mean()
        )
        gradient = [-weight.mean() / scale, 1 - (weight * apart).mean(), -slopes * (degrees - 2) * inside]
        return float(value), np.array(gradient)

    found = minimize(loss, np.array([0.0, np.log(0.75), np.log(3.0)]), jac=True, method="BFGS")
    location, log_scale, log_degrees = (float(value) for value in found.x)
    degrees = 2 + exp(min(max(log_degrees, low), high))
    return Student(float(values.mean()) + location * spread, spread * exp(log_scale), degrees)


def _digamma(value: float) -> float:
    from scipy.special import digamma

    return float(digamma(value))


def overlapping(outcomes: Floats, horizon: int) -> Floats:
    """Sums over every `horizon` days that follow each other: what a book of constant size would have made.

    outcomes: float64 (n,) or (n, m). Returns: (n - horizon + 1, ...).
    Errors:   ValueError where there are fewer days than the horizon has.
    """
    if not 1 <= horizon <= len(outcomes):
        raise ValueError(f"horizon must be from 1 to the {len(outcomes)} days there are, got {horizon}")
    if horizon == 1:
        return outcomes
    windows = np.lib.stride_tricks.sliding_window_view(outcomes, horizon, axis=0)
    return np.asarray(windows.sum(axis=-1))
