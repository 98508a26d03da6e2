"""What hangs together: concentration, beta, correlation and how it breaks down on bad days, liquidity."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats, same_length

STRESS_SHARE = 0.10
_PAIRS_WIDTH_MAX = 500


class Correlation(NamedTuple):
    """Mean correlation of all pairs: of all days, of the most strained 10%, of the rest; None where no pair
    has one.

    pairs: those whose correlation rises most on strained days, as (first, second, all days, strained days).
    """

    mean: float | None
    stressed: float | None
    calm: float | None
    stress_days: int
    pairs: list[tuple[int, int, float, float]]


def concentration(values: Floats) -> tuple[float, float] | None:
    """Herfindahl index of the absolute weights, and its inverse, the effective number of positions.

    None where nothing is held. Source: Hirschman 1964; Hannah and Kay 1977 for the number.
    """
    weights = np.abs(values)
    total = float(weights.sum())
    if not total > 0:
        return None
    index = float(((weights / total) ** 2).sum())
    return index, 1 / index


def beta(returns: Floats, market: Floats) -> float | None:
    """Slope on the market's returns of the same days; None where the market never moves.

    Source: Sharpe 1964, doi:10.1111/j.1540-6261.1964.tb02865.x.
    """
    same_length(returns=returns, market=market)
    apart = market - market.mean()
    variance = float(apart @ apart)
    if not variance > 1e-20 * len(market):
        return None
    return float(apart @ (returns - returns.mean()) / variance)


def correlations(returns: Floats, strain: Floats, pairs: int = 5) -> Correlation:
    """Correlation in all weathers and on strained days. returns: (n, d).

    strain: (n,), the volatility that was foreseen for each day. Not its loss: to choose days by what came of
    them changes their correlation even where nothing else does. A position that never changes is left out.
    Source: Longin and Solnik 2001, doi:10.1111/0022-1082.00340, section I, on that bias.
    """
    count = max(2, round(len(strain) * STRESS_SHARE))
    worst = np.zeros(len(strain), dtype=bool)
    worst[np.argsort(-strain, kind="stable")[:count]] = True
    found = [_mean_of_pairs(part) for part in (returns, returns[worst], returns[~worst])]
    return Correlation(found[0], found[1], found[2], count, _risen(returns, worst, pairs))


def _standard(returns: Floats) -> Floats:
    apart = returns - returns.mean(axis=0)
    deviation = apart.std(axis=0)
    return np.asarray(apart[:, deviation > 1e-12] / deviation[deviation > 1e-12])


def _mean_of_pairs(returns: Floats) -> float | None:
    """Without the matrix: the variance of a sum of d standard series is d + d (d - 1) times the mean."""
    standard = _standard(returns)
    width = standard.shape[1]
    if width < 2:
        return None
    return float((standard.sum(axis=1).var() - width) / (width * (width - 1)))


def _risen(returns: Floats, worst: Floats, pairs: int) -> list[tuple[int, int, float, float]]:
    if not 2 <= returns.shape[1] <= _PAIRS_WIDTH_MAX:
        return []
    moving = np.flatnonzero((returns.std(axis=0) > 1e-12) & (returns[worst].std(axis=0) > 1e-12))
    if len(moving) < 2:
        return []
    usual = np.atleast_2d(np.corrcoef(returns[:, moving], rowvar=False))
    stressed = np.atleast_2d(np.corrcoef(returns[worst][:, moving], rowvar=False))
    first, second = np.triu_indices(len(moving), 1)
    rise = stressed[first, second] - usual[first, second]
    return [
        (
            int(moving[first[at]]),
            int(moving[second[at]]),
            float(usual[first[at], second[at]]),
            float(stressed[first[at], second[at]]),
        )
        for at in np.argsort(-rise)[:pairs]
    ]


def days_to_sell(quantities: Floats, volumes: Floats, share: float) -> Floats:
    """Days to trade out of each position at a share of its average volume; infinite where there is none.

    Source: the liquidity horizon of Basel Committee 2019, Minimum capital requirements for market risk,
            MAR31, read as CFA Institute's days to liquidate.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(quantities == 0, 0.0, np.abs(quantities) / (volumes * share)))
