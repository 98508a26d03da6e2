"""Long-only portfolios from a covariance alone: least variance, and equal contributions to risk."""

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats

_SWEEPS_MAX = 500
_TOLERANCE = 1e-11


def minimum_variance(covariance: Floats) -> Floats:
    """The weights, 0 or more and 1 in all, whose portfolio varies least; exact, by active sets.

    covariance: float64 (N, N), positive definite.
    Returns:    float64 (N,).
    Source:     Nocedal, Wright, Numerical Optimization, 2006, algorithm 16.3, begun at one instrument.
    """
    count = len(covariance)
    weights = np.zeros(count)
    held = [int(np.argmin(covariance.diagonal()))]
    weights[held] = 1.0
    for _ in range(20 * count):
        goal = np.linalg.solve(covariance[np.ix_(held, held)], np.ones(len(held)))
        goal /= goal.sum()
        now = weights[held]
        if (goal <= 0.0).any():
            falling = goal <= 0.0
            steps = now[falling] / (now[falling] - goal[falling])
            now = now + float(steps.min()) * (goal - now)
            gone = int(np.flatnonzero(falling)[int(np.argmin(steps))])
            weights[held] = np.maximum(now, 0.0)
            weights[held.pop(gone)] = 0.0
            continue
        weights[held] = goal
        slope = covariance[:, held] @ goal
        level = float(goal @ slope[held])
        slope[held] = np.inf
        entering = int(np.argmin(slope))
        if slope[entering] >= level * (1.0 - _TOLERANCE):
            break
        held.append(entering)
    whole: Floats = weights / weights.sum()
    return whole


def risk_parity(covariances: Floats, members: NDArray[np.bool_]) -> Floats:
    """The weights, 0 or more and 1 in all, by which each member contributes the same to the portfolio's risk.

    covariances: float64 (R, N, N), one problem each; of what is no member anything.
    members:     bool (R, N); the others get 0.
    Returns:     float64 (R, N), the contributions equal to one part in 10^11.
    Source:      Griveau-Billion, Richard, Roncalli 2013, A fast algorithm for computing high-dimensional risk
                 parity portfolios (cyclical coordinate descent), on the convex form of Spinu 2013.
    """
    count = covariances.shape[1]
    matrix = np.where(members[:, :, None] & members[:, None, :], covariances, 0.0)
    diagonal = np.where(members, np.einsum("rii->ri", covariances), 1.0)
    budgets = members / np.maximum(members.sum(axis=1, keepdims=True), 1.0)
    weights = np.sqrt(budgets / diagonal)
    risk = (matrix * weights[:, None, :]).sum(axis=2)
    open_ones = np.ones(len(weights), dtype=np.bool_)
    for _ in range(_SWEEPS_MAX):
        for place in range(count):
            variance, old = diagonal[:, place], weights[:, place]
            others = risk[:, place] - variance * old * members[:, place]
            new = np.sqrt(others * others + 4.0 * variance * budgets[:, place]) - others
            step = np.where(open_ones & members[:, place], new / (2.0 * variance) - old, 0.0)
            weights[:, place] += step
            risk += matrix[:, place, :] * step[:, None]
        off = np.abs(weights * risk - budgets).max(axis=1)
        open_ones &= off > _TOLERANCE * budgets.max(axis=1)
        if not open_ones.any():
            break
    total: Floats = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    return total
