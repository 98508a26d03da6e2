"""Least squares whose confidence holds when the errors follow each other and vary, as those of returns do."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats, floats, series

LEVEL = 0.95


class Fit(NamedTuple):
    """Intercept first, then a coefficient for each factor, all float64 (factors + 1,). low, high: the 95%
    interval; p: probability of a t value as far from 0 where there is nothing. r_squared: share of the
    variance that is explained.
    """

    coefficients: Floats
    errors: Floats
    t: Floats
    p: Floats
    low: Floats
    high: Floats
    r_squared: float
    lags: int


def regress(values: Floats, factors: Floats) -> Fit:
    """Ordinary least squares of values on factors and an intercept, with Newey and West's standard errors.

    values:  float64 (n,). factors: float64 (n, k), n > k + 1.
    Errors:  ValueError for too few values, and for factors that are sums of each other.
    Source:  Newey and West 1987, doi:10.2307/1913610, Bartlett weights, with n / (n - k - 1) for small
             samples and Student's t; lags floor(4 (n / 100)^(2/9)) as of Newey and West 1994,
             doi:10.2307/2297912.
    """
    values, factors = floats(values, "values"), series(factors, "factors")
    count = len(values)
    design = np.column_stack((np.ones(count), factors))
    width = design.shape[1]
    if count <= width:
        raise ValueError(f"{width} coefficients need more than {count} values")
    if np.linalg.matrix_rank(design) < width:
        raise ValueError("the factors are sums of each other")
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ values
    left = values - design @ coefficients
    lags = int(4 * (count / 100) ** (2 / 9))
    scores = design * left[:, None]
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    errors = np.sqrt(np.diag(inverse @ meat @ inverse) * count / (count - width))
    from scipy.stats import t as student  # a heavy import

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = coefficients / errors
    reach = float(student.ppf((1 + LEVEL) / 2, count - width)) * errors
    spread = float(((values - values.mean()) ** 2).sum())
    return Fit(
        coefficients,
        errors,
        ratio,
        2 * student.sf(np.abs(ratio), count - width),
        coefficients - reach,
        coefficients + reach,
        1.0 - float((left**2).sum()) / spread if spread else 0.0,
        lags,
    )
