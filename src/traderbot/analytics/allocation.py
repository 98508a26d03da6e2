"""Long-only portfolios from a covariance alone: least variance, and equal contributions to risk."""

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats

_SWEEPS_MAX = 500
_TOLERANCE = 1e-10
_EVEN = 1e-8


def minimum_variance(covariance: Floats) -> Floats:
    """The weights, 0 or more and 1 in all, whose portfolio varies least; exact, by active sets.

    covariance: float64 (N, N), positive definite.
    Returns:    float64 (N,).
    Source:     Nocedal, Wright, Numerical Optimization, 2006, algorithm 16.3, begun at one instrument.
    """
    count = len(covariance)
    held = [int(np.argmin(covariance.diagonal()))]
    now = np.ones(1)
    inverse = 1.0 / covariance[np.ix_(held, held)]
    for _ in range(20 * count):
        goal = inverse.sum(axis=1)
        goal /= goal.sum()
        falling = np.flatnonzero(goal <= 0.0)
        if len(falling):
            steps = now[falling] / (now[falling] - goal[falling])
            gone = int(falling[int(np.argmin(steps))])
            now = np.maximum(now + float(steps.min()) * (goal - now), 0.0)
            now, inverse = np.delete(now, gone), _without(inverse, gone)
            held.pop(gone)
            continue
        rows = covariance[held]
        slope = goal @ rows
        level = float(goal @ slope[held])
        slope[held] = np.inf
        entering = int(np.argmin(slope))
        if slope[entering] >= level * (1.0 - _TOLERANCE):
            break
        inverse = _with(inverse, rows[:, entering], float(covariance[entering, entering]))
        held.append(entering)
        now = np.append(goal, 0.0)
    weights = np.zeros(count)
    weights[held] = np.maximum(goal, 0.0)
    whole: Floats = weights / weights.sum()
    return whole


def _with(inverse: Floats, column: Floats, variance: float) -> Floats:
    """The inverse of a matrix that has one row and column more."""
    across = inverse @ column
    rest = variance - float(across @ column)
    count = len(inverse)
    grown = np.empty((count + 1, count + 1))
    grown[:count, :count] = inverse + np.outer(across, across) / rest
    grown[:count, count] = grown[count, :count] = -across / rest
    grown[count, count] = 1.0 / rest
    return grown


def _without(inverse: Floats, gone: int) -> Floats:
    """The inverse of a matrix that has this row and column no longer."""
    kept = np.delete(np.arange(len(inverse)), gone)
    column = inverse[kept, gone]
    shrunk: Floats = inverse[np.ix_(kept, kept)] - np.outer(column, column) / inverse[gone, gone]
    return shrunk


def risk_parity(covariances: Floats, members: NDArray[np.bool_]) -> Floats:
    """The weights, 0 or more and 1 in all, by which each member contributes the same to the portfolio's risk.

    covariances: float64 (R, N, N), one problem each; of what is no member anything.
    members:     bool (R, N); the others get 0.
    Returns:     float64 (R, N), the contributions equal to one part in 10^8.
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
        open_ones &= off > _EVEN * budgets.max(axis=1)
        if not open_ones.any():
            break
    total: Floats = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    return total
