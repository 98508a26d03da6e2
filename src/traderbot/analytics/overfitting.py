"""How far a Sharpe ratio can be trusted: its error, the luck in the best of many trials, and overfitting.

Sharpe ratios here are per observation, not annualised: annual Sharpe / sqrt(observations a year). kurtosis
is 3 for a normal distribution. Probabilities are fractions.
"""

from itertools import combinations
from math import comb, e, isfinite, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats, floats

EULER_MASCHERONI = 0.5772156649015329
_BLOCKS_MAX = 20  # 184,756 ways to choose half of them


class Moments(NamedTuple):
    """observations: their number; sharpe: mean / standard deviation (n - 1), NaN where they never differ."""

    observations: int
    sharpe: float
    skewness: float
    kurtosis: float


class Overfitting(NamedTuple):
    """What CSCV finds. probability: that the best in sample is below the median out of sample.

    logits: float64 (splits,), of the out-of-sample rank of each split's best; loss: fraction of splits in
    which the best in sample lost money out of sample; slope: of out-of-sample on in-sample Sharpe ratios.
    """

    probability: float
    logits: Floats
    loss: float
    slope: float


def moments(returns: Floats) -> Moments:
    """Moments of simple returns, float64 (n,), no NaN. Errors: ValueError below 3 observations."""
    returns = floats(returns, "returns")
    count = len(returns)
    if count < 3 or not np.isfinite(returns).all():
        raise ValueError(f"returns must be at least 3 finite numbers, got {count}")
    centred = returns - returns.mean()
    variance = float(np.mean(centred**2))
    if variance <= (1e-12 * float(np.abs(returns).max())) ** 2:  # nothing but rounding
        return Moments(count, nan, nan, nan)
    deviation = sqrt(variance * count / (count - 1))
    skewness = float(np.mean(centred**3)) / variance**1.5
    return Moments(
        count, float(returns.mean()) / deviation, skewness, float(np.mean(centred**4)) / variance**2
    )


def probabilistic_sharpe(found: Moments, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`; NaN without a Sharpe ratio.

    Source:  Bailey and Lopez de Prado 2012, "The Sharpe ratio efficient frontier", equation 11.
    """
    if not isfinite(found.sharpe) or found.observations < 2:
        return nan
    return _cdf((found.sharpe - benchmark) * sqrt(found.observations - 1) / sqrt(_spread(found)))


def minimum_track_record(found: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Observations needed to be `confidence` sure that the Sharpe ratio is above `benchmark`.

    Returns: infinity where the Sharpe ratio is not above it.
    Source:  Bailey and Lopez de Prado 2012, equation 13.
    """
    if not found.sharpe > benchmark:  # false for NaN as well
        return float("inf")
    needed = _quantile(confidence) / (found.sharpe - benchmark)
    return 1.0 + _spread(found) * needed * needed


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """The best Sharpe ratio that luck alone gives over so many independent trials of no skill.

    trials:   1 or more; 1 gives 0. variance: of the Sharpe ratios over the trials.
    Source:   Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio", equation 6.
    """
    if not trials >= 1 or not variance >= 0:
        raise ValueError(f"expected 1 or more trials and a variance from 0, got {trials} and {variance}")
    if trials == 1:
        return 0.0
    low, high = _quantile(1 - 1 / trials), _quantile(1 - 1 / (trials * e))
    return max(0.0, sqrt(variance) * ((1 - EULER_MASCHERONI) * low + EULER_MASCHERONI * high))


def deflated_sharpe(found: Moments, trials: float, variance: float) -> float:
    """Probability that the Sharpe ratio of the best of `trials` is above what luck alone would give.

    Source:  Bailey and Lopez de Prado 2014, equation 9.
    """
    return probabilistic_sharpe(found, expected_maximum_sharpe(trials, variance))


def independent_trials(returns: Floats) -> float:
    """How many independent trials correlated ones are worth, by the average correlation between them.

    returns: float64 (T, N), one column a trial; those that never differ are left out.
    Returns: from 1 to N: rho + (1 - rho) N.
    Source:  Bailey and Lopez de Prado 2014, appendix A.3.
    """
    columns = returns[:, returns.std(axis=0) > 0]
    trials = int(columns.shape[1])
    if trials < 2:
        return 1.0
    scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    # the mean of all correlations, those with itself too, is the mean square of the row means
    mean = float(np.mean(scaled.mean(axis=1) ** 2))
    rho = min(1.0, max(0.0, (mean * trials - 1) / (trials - 1)))
    return rho + (1 - rho) * trials


def overfitting_probability(returns: Floats, blocks: int = 16) -> Overfitting:
    """Combinatorially symmetric cross-validation: does what is best in half the time stay good in the other?

    returns: float64 (T, N), one column a trial, the same times in each row, no NaN; N at least 2. Rows beyond
             the last whole block are left out at the front.
    blocks:  even number of equal blocks of time, half of which are in sample, in every possible choice.
    Errors:  ValueError.
    Source:  Bailey, Borwein, Lopez de Prado and Zhu 2015, "The probability of backtest overfitting",
             section 2.2; ties take the middle rank.
    """
    rows, trials = returns.shape
    if blocks % 2 or not 2 <= blocks <= _BLOCKS_MAX or rows < 2 * blocks or trials < 2:
        raise ValueError(
            f"expected 2 or more trials, 2 to {_BLOCKS_MAX} blocks, an even number, of 2 rows at least;"
            f" got {trials} trials, {blocks} blocks, {rows} rows"
        )
    length = rows // blocks
    parts = np.ascontiguousarray(returns[rows - length * blocks :], dtype=np.float64)
    if not np.isfinite(parts).all():
        raise ValueError("returns must be finite")
    parts = parts.reshape(blocks, length, trials)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    logits = np.empty(comb(blocks, blocks // 2))
    inside, outside = np.empty(len(logits)), np.empty(len(logits))
    for number, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        train = np.zeros(blocks, dtype=bool)
        train[list(chosen)] = True
        before = _sharpes(sums[train], squares[train], length * blocks // 2)
        after = _sharpes(sums[~train], squares[~train], length * blocks // 2)
        best = int(np.argmax(before))
        rank = float((after < after[best]).sum()) + (float((after == after[best]).sum()) + 1) / 2
        logits[number] = log(rank / (trials + 1 - rank))
        inside[number], outside[number] = before[best], after[best]
    return Overfitting(
        float((logits <= 0).mean()), logits, float((outside < 0).mean()), _slope(inside, outside)
    )


def _sharpes(sums: Floats, squares: Floats, count: int) -> Floats:
    """Sharpe ratio of each column from the sums over blocks; 0 where returns never differ."""
    mean = sums.sum(axis=0) / count
    variance = squares.sum(axis=0) / count - mean**2
    flat = variance <= 1e-18 + 1e-12 * mean**2
    return np.asarray(np.where(flat, 0.0, mean / np.sqrt(np.where(flat, 1.0, variance))), dtype=np.float64)


def _slope(x: Floats, y: Floats) -> float:
    spread = float(((x - x.mean()) ** 2).sum())
    return float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else nan


def _spread(found: Moments) -> float:
    """Variance of the Sharpe ratio times (n - 1); Mertens 2002."""
    skewed = found.skewness * found.sharpe
    return max(1e-12, 1 - skewed + (found.kurtosis - 1) / 4 * found.sharpe * found.sharpe)


def _cdf(value: float) -> float:
    from statistics import NormalDist  # slow to import

    return NormalDist().cdf(value)


def _quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
