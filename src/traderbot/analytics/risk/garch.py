"""Volatility that clusters: GARCH(1,1) by maximum likelihood, or exponential weights where that fails.

The recursion is a linear filter, so that scipy runs it compiled and a fit takes milliseconds; checked against
arch in the tests.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.tails import finite

DECAY = 0.94
"""Source: RiskMetrics Technical Document, 4th ed. 1996, section 5.3, for daily data."""
OBSERVATIONS_MIN = 250
_PERSISTENCE = (0.2, 0.9999)
_BACKCAST = 75


class Garch(NamedTuple):
    """variance[t] = omega + alpha * (x[t-1] - mean)^2 + beta * variance[t-1].

    variances: float64 (n,), of each day as foreseen the day before. following: of the day after the last.
    kind: "garch", or "ewma" where the weights are fixed (omega 0, alpha 1 - decay).
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    variances: Floats
    following: float
    kind: str

    def ahead(self, horizon: int) -> Floats:
        """Expected variance of each of the next `horizon` days, (horizon,).

        Source: McNeil, Frey and Embrechts 2015, section 4.2.5.
        """
        found = np.empty(horizon)
        found[0] = self.following
        for day in range(1, horizon):
            found[day] = self.omega + (self.alpha + self.beta) * found[day - 1]
        return found


def filtered(outcomes: Floats, like: Garch | None = None) -> Garch:
    """Conditional variances of a series by a GARCH(1,1) fitted to it, or by the parameters of another fit.

    Exponential weights (0.94) stand in for fewer than 250 observations or a fit that does not end inside its
    bounds; `kind` says so.
    Errors: ValueError for outcomes that are not finite or never change.
    Source: Bollerslev 1986, doi:10.1016/0304-4076(86)90063-1; started from the exponentially weighted
            squares of the first 75 days, as arch does.
    """
    values = finite(outcomes, "outcomes")
    if like is not None:
        return _run(values, like.mean, like.omega, like.alpha, like.beta, like.kind)
    mean, spread = float(values.mean()), float(values.std())
    if not spread > 1e-12 * max(float(np.abs(values).max()), 1e-300):
        raise ValueError("outcomes never change")
    fit = _fit((values - mean) / spread) if len(values) >= OBSERVATIONS_MIN else None
    if fit is None:
        return _run(values, mean, 0.0, 1 - DECAY, DECAY, "ewma")
    omega, alpha, beta = fit
    return _run(values, mean, omega * spread**2, alpha, beta, "garch")


def _fit(unit: Floats) -> tuple[float, float, float] | None:
    """omega, alpha, beta of a series with mean 0 and variance 1; None where no inner optimum is found.

    By persistence (alpha + beta), the share of alpha in it and the logarithm of the long-run variance, the
    first two through logistic curves. Not by L-BFGS-B, whose threads of BLAS cost 30 times the fit on a busy
    machine.
    """
    from scipy.optimize import minimize

    squares = unit * unit
    first = _backcast(squares)
    low, high = _PERSISTENCE

    def parameters(given: Floats) -> tuple[float, float, float]:
        persistence = low + (high - low) / (1 + np.exp(-given[0]))
        share, level = 1 / (1 + np.exp(-given[1])), np.exp(given[2])
        return level * (1 - persistence), persistence * share, persistence * (1 - share)

    def loss(given: Floats) -> tuple[float, Floats]:
        """Mean of log variance + square / variance, with its gradient."""
        omega, alpha, beta = parameters(given)
        persistence, level = alpha + beta, np.exp(given[2])
        share = alpha / persistence
        variances = _variances(squares, omega, alpha, beta, first)[:-1]
        ratio = squares / variances
        pull = (1 - ratio) / variances / len(squares)
        to_omega, to_alpha, to_beta = _slopes(squares, variances, beta, first) @ pull
        to_persistence = share * to_alpha + (1 - share) * to_beta - level * to_omega
        inside = (persistence - low) * (high - persistence) / (high - low)
        gradient = np.array(
            [
                to_persistence * inside,
                persistence * (to_alpha - to_beta) * share * (1 - share),
                to_omega * omega,
            ]
        )
        return float((np.log(variances) + ratio).mean()), gradient

    starts = [np.array([held, share, 0.0]) for held in (2.0, 3.5, 5.0) for share in (-3.2, -2.3, -1.4)]
    best = min(starts, key=lambda start: loss(start)[0])  # there may be several optima
    with np.errstate(over="ignore"):
        found = minimize(loss, best, jac=True, method="BFGS", options={"gtol": 1e-6})
    omega, alpha, beta = parameters(found.x)
    inner = alpha > 1e-4 and beta > 1e-4 and alpha + beta > low + 1e-4
    return (float(omega), float(alpha), float(beta)) if inner and np.isfinite(found.fun) else None


def _slopes(squares: Floats, variances: Floats, beta: float, first: float) -> Floats:
    """Derivatives of each day's variance by omega, alpha and beta, (3, n)."""
    from scipy.signal import lfilter

    driven = np.empty((3, len(squares)))
    driven[0] = 1.0
    driven[1:, 0] = first
    driven[1, 1:] = squares[:-1]
    driven[2, 1:] = variances[:-1]
    return np.asarray(lfilter([1.0], [1.0, -beta], driven, axis=1))


def _backcast(squares: Floats) -> float:
    weights = DECAY ** np.arange(min(_BACKCAST, len(squares)))
    return float(max((weights * squares[: len(weights)]).sum() / weights.sum(), 1e-12))


def _variances(squares: Floats, omega: float, alpha: float, beta: float, first: float) -> Floats:
    """(n + 1,): of every day and the one after."""
    from scipy.signal import lfilter

    driven = np.empty(len(squares) + 1)
    driven[0] = omega + (alpha + beta) * first
    driven[1:] = omega + alpha * squares
    return np.asarray(lfilter([1.0], [1.0, -beta], driven))


def _run(values: Floats, mean: float, omega: float, alpha: float, beta: float, kind: str) -> Garch:
    squares = (values - mean) ** 2
    found = np.maximum(_variances(squares, omega, alpha, beta, _backcast(squares)), 1e-300)
    return Garch(mean, omega, alpha, beta, found[:-1], float(found[-1]), kind)


def volatility_ahead(garch: Garch, horizon: int) -> float:
    """Standard deviation of the sum of the next `horizon` days."""
    return sqrt(float(garch.ahead(horizon).sum()))
