"""A Student t copula: how positions move together, also in the tails, whatever each does by itself."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.tails import finite

Singles = NDArray[np.float32]
RANKED_DAYS = 500
"""The most recent days whose pairs are compared for Kendall's tau; the work grows with their square."""
_BINS = 8192
_WIDEST = 12.0  # in units of the copula's own scale; beyond lies the sample's extreme for up to 2,500 days
_BLOCK = 4096
_LEAST = 1e-6


class Copula(NamedTuple):
    """correlation: float64 (d, d), positive definite, ones on its diagonal. degrees: of freedom.

    mended: whether the correlation as measured was not positive definite and had to be brought near.
    """

    correlation: Floats
    degrees: float
    mended: bool


def kendall(returns: Floats) -> Floats:
    """Kendall's tau-b of every pair of columns, (d, d). Source: Kendall 1945, doi:10.1093/biomet/33.3.239."""
    count, width = returns.shape
    agreed = np.zeros((width, width))
    for apart in range(1, count):
        signs = np.sign(returns[apart:] - returns[:-apart]).astype(np.float32)
        agreed += signs.T @ signs
    untied = np.sqrt(np.diag(agreed))
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = agreed / np.outer(untied, untied)
    tau[~np.isfinite(tau)] = 0.0  # a column that never changes goes with none
    np.fill_diagonal(tau, 1.0)
    return np.asarray(tau)


def nearest_correlation(correlation: Floats) -> tuple[Floats, bool]:
    """A positive definite correlation: eigenvalues lifted to a least one, scaled to ones on the diagonal.

    Source: Rousseeuw and Molenberghs 1993, doi:10.1080/03610928308831068, the eigenvalue method.
    """
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= _LEAST:
        return correlation, False
    lifted = (vectors * np.maximum(values, _LEAST)) @ vectors.T
    scale = np.sqrt(np.diag(lifted))
    near = lifted / np.outer(scale, scale)
    np.fill_diagonal(near, 1.0)
    return np.asarray(near), True


def fit_copula(returns: Floats) -> Copula:
    """Fit by Kendall's tau of the last 500 days, degrees of freedom by maximum pseudo-likelihood of all.

    returns: float64 (n, d), d from 1. Errors: ValueError.
    Source:  McNeil, Frey and Embrechts 2015, section 7.5.1 and example 7.56; rho = sin(pi tau / 2).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln
    from scipy.stats import rankdata, t

    sample = finite(returns, "returns")
    count, width = sample.shape
    correlation, mended = nearest_correlation(np.sin(np.pi / 2 * kendall(sample[-RANKED_DAYS:])))
    if width == 1:
        return Copula(correlation, 200.0, False)
    places = np.asarray(rankdata(sample, axis=0) * 2, dtype=np.int64)  # average ranks come in halves
    inverse = np.linalg.inv(correlation)
    _, log_determinant = np.linalg.slogdet(correlation)
    levels = np.arange(2 * count + 1) / (2 * (count + 1))
    levels[0] = 0.5  # no rank is 0

    def loss(log_degrees: float) -> float:
        degrees = float(np.exp(log_degrees))
        scores = t.ppf(levels, degrees)
        single = np.log1p(scores**2 / degrees)[places].sum()
        points = scores[places]
        joint = np.log1p(((points @ inverse) * points).sum(axis=1) / degrees).sum()
        constant = (
            gammaln((degrees + width) / 2)
            + (width - 1) * gammaln(degrees / 2)
            - width * gammaln((degrees + 1) / 2)
            - log_determinant / 2
        )
        likelihood = count * constant - (degrees + width) / 2 * joint + (degrees + 1) / 2 * single
        return float(-likelihood)

    found = minimize_scalar(
        loss, bounds=(np.log(2.0), np.log(200.0)), method="bounded", options={"xatol": 0.05}
    )
    return Copula(correlation, float(np.exp(found.x)), mended)


def simulate(
    copula: Copula, returns: Floats, values: Floats, paths: int, seed: int, horizon: int = 1
) -> Singles:
    """What a book of constant size makes over `horizon` days that do not depend on each other, by position.

    Each day is drawn of the copula and mapped to the positions' own past returns, whose quantiles are read
    off a fine grid; more extreme than the sample there is nothing.
    returns: float64 (n, d); values: (d,), money. Returns: float32 (paths, d).
    Source: McNeil, Frey and Embrechts 2015, section 7.5.1; Demarta and McNeil 2005,
            doi:10.1111/j.1751-5823.2005.tb00254.x.
    """
    made = np.empty((paths, returns.shape[1]), dtype=np.float32)
    for first, block in _drawn(copula, returns, values, paths, seed, horizon):
        made[first : first + len(block)] = block
    return made


def simulate_totals(
    copula: Copula, returns: Floats, values: Floats, paths: int, seed: int, horizon: int = 1
) -> Floats:
    """`simulate` summed over the positions, without keeping them: float64 (paths,)."""
    totals = np.empty(paths)
    for first, block in _drawn(copula, returns, values, paths, seed, horizon):
        totals[first : first + len(block)] = block.sum(axis=1)
    return totals


def _drawn(
    copula: Copula, returns: Floats, values: Floats, paths: int, seed: int, horizon: int
) -> Iterator[tuple[int, Singles]]:
    """(number of the first path, what each position makes on some of them)."""
    from numpy.random import SFC64, Generator

    random = Generator(SFC64(seed))
    width = returns.shape[1]
    mixed = np.ascontiguousarray(np.linalg.cholesky(copula.correlation).T.astype(np.float32))
    tables = _tables(copula.degrees, returns, values)
    starts = (np.arange(width) * _BINS).astype(np.int32)
    step = np.float32(_BINS / (2 * _WIDEST))
    for first in range(0, paths, _BLOCK):
        size = min(_BLOCK, paths - first)
        total = np.zeros((size, width), dtype=np.float32)
        for _ in range(horizon):
            points = random.standard_normal((size, width), dtype=np.float32) @ mixed
            common = np.sqrt(copula.degrees / random.chisquare(copula.degrees, size)).astype(np.float32)
            points *= (common * step)[:, None]
            points += np.float32(_BINS / 2)
            np.clip(points, 0, _BINS - 1, out=points)
            places = points.astype(np.int32)
            places += starts
            total += tables.take(places)
        yield first, total


def _tables(degrees: float, returns: Floats, values: Floats) -> Singles:
    """What each position makes at each point of the grid, (d * bins,) float32."""
    from scipy.stats import t

    middles = (np.arange(_BINS) + 0.5) / _BINS * 2 * _WIDEST - _WIDEST
    levels = t.cdf(middles, degrees)
    count = len(returns)
    known = (np.arange(count) + 0.5) / count
    ordered = np.sort(returns, axis=0) * values
    tables = np.empty((returns.shape[1], _BINS), dtype=np.float32)
    for column in range(returns.shape[1]):
        tables[column] = np.interp(levels, known, ordered[:, column])
    return tables.ravel()
