"""Target weights by the models of skfolio, within constraints.

Moments are shrunk: means towards their grand mean (Jorion 1986, James-Stein), covariances towards a multiple
of the identity (Ledoit, Wolf 2004). Black-Litterman starts from the returns that make equal parts optimal,
and weighs each view by its confidence (Idzorek 2007).
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.volatility import TRADING_DAYS
from traderbot.model.errors import InvalidValue
from traderbot.rebalancing.constraints import Constraints, kept, nearest, settled

if TYPE_CHECKING:
    from skfolio.prior import BasePrior

Model = Literal[
    "equal", "minimum_variance", "maximum_sharpe", "risk_parity", "hrp", "cvar", "black_litterman"
]
EXTRA = "pip install 'traderbot[portfolio]'"
_CONSTANT = 1e-12
_SURE = 1 - 1e-6
_POINTS = 40


class View(NamedTuple):
    """What somebody expects of one asset: its return of a year, a fraction; and how sure that is, 0 to 1."""

    place: int
    expected: float
    confidence: float


class Found(NamedTuple):
    """weights: float64 (n,). notes: (code, detail), such as that a model's weights had to be moved."""

    weights: Floats
    notes: tuple[tuple[str, str], ...] = ()


class FrontierPoint(NamedTuple):
    """volatility, expected: of a year, fractions. weights: float64 (n,)."""

    volatility: float
    expected: float
    weights: Floats


class Moments(NamedTuple):
    """Of a day, shrunk. mean: float64 (n,); covariance: (n, n)."""

    mean: Floats
    covariance: Floats


@lru_cache(maxsize=1)
def installed() -> bool:
    """Whether the library of the models is there."""
    return find_spec("skfolio") is not None


def optimum(model: Model, returns: Floats, constraints: Constraints, views: tuple[View, ...] = ()) -> Found:
    """The model's weights. returns: float64 (t, n), of days; views: of black_litterman.

    Weights that a model cannot keep to the constraints by itself are moved to the nearest that do, with a
    note. Errors: ValueError for returns that it cannot go by. InvalidValue where the library is not
    installed.
    """
    count = len(constraints.names)
    if model == "equal":
        return _within(np.full(count, constraints.invested / count), constraints, "equal parts were", ())
    if not installed():
        raise InvalidValue("model", f"equal, or an installation that has the models: {EXTRA}", model)
    _check(returns, constraints)
    notes = []
    if len(returns) <= count:
        told = f"{len(returns)} days for {count} symbols: the covariances are mostly what they were shrunk to"
        notes.append(("shrunk_covariance", told))
    unit = _of_one(constraints)
    if count == 1:
        weights = np.ones(1)
    elif model == "risk_parity":
        weights = _fit(_risk_budgeting(unit), returns)
    elif model == "hrp":
        weights = _fit(_hierarchical(unit), returns)
    elif model in ("maximum_sharpe", "black_litterman"):
        weights, more = _best_ratio(model, returns, unit, views)
        notes += more
    else:
        weights = _fit(_least_risk(unit, model == "cvar"), returns)
    return _within(weights * constraints.invested, constraints, f"the weights of {model} were", tuple(notes))


def frontier(returns: Floats, constraints: Constraints, points: int = 20) -> list[FrontierPoint]:
    """The least volatility for each expected return within the constraints, the calmest first. Errors: as of
    `optimum`.
    """
    _check(returns, constraints)
    unit = _of_one(constraints)
    found = _fit(_mean_risk(unit, _prior(), efficient_frontier_size=points), returns)
    moments = moments_of(returns)
    told = [_point(row * constraints.invested, moments) for row in np.atleast_2d(found)]
    return sorted(told, key=lambda point: (point.volatility, point.expected))


def moments_of(returns: Floats) -> Moments:
    """Those that the frontier is drawn with."""
    return _moments(_prior(), returns)


def _moments(prior: "BasePrior", returns: Floats) -> Moments:
    distribution = prior.fit(returns).return_distribution_
    return Moments(distribution.mu, distribution.covariance)


def at(weights: Floats, returns: Floats) -> FrontierPoint:
    """Where weights lie beside the frontier of the same returns."""
    return _point(weights, moments_of(returns))


def _point(weights: Floats, moments: Moments) -> FrontierPoint:
    variance = float(weights @ moments.covariance @ weights)
    return FrontierPoint(
        float(np.sqrt(max(variance, 0.0) * TRADING_DAYS)),
        float(weights @ moments.mean) * TRADING_DAYS,
        weights,
    )


def _check(returns: Floats, constraints: Constraints) -> None:
    if returns.ndim != 2 or returns.shape[1] != len(constraints.names) or len(returns) < 2:
        raise ValueError("two days of returns of each symbol at least")
    for column, name in zip(returns.T, constraints.names, strict=True):
        if not np.isfinite(column).all():
            raise ValueError(f"a return of {name} is no number")
        if float(column.std()) <= _CONSTANT:
            raise ValueError(f"the price of {name} never changed")


def _of_one(constraints: Constraints) -> Constraints:
    """As shares of what is invested, so that weights sum to 1."""
    whole = constraints.invested
    sectors = tuple(one._replace(low=one.low / whole, high=one.high / whole) for one in constraints.sectors)
    return constraints._replace(
        lower=constraints.lower / whole,
        upper=np.minimum(constraints.upper / whole, 1.0),
        invested=1.0,
        sectors=sectors,
        before=constraints.before / whole,
        turnover=None if constraints.turnover is None else constraints.turnover / whole,
    )


def _within(
    weights: Floats, constraints: Constraints, what: str, notes: tuple[tuple[str, str], ...]
) -> Found:
    weights = settled(weights, constraints)
    if kept(weights, constraints):
        return Found(weights, notes)
    note = ("nearest", f"{what} moved to the nearest that keep to the constraints")
    return Found(nearest(weights, constraints), (*notes, note))


def _prior() -> "BasePrior":
    from skfolio.moments import LedoitWolf, ShrunkMu
    from skfolio.prior import EmpiricalPrior

    return EmpiricalPrior(mu_estimator=ShrunkMu(), covariance_estimator=LedoitWolf())


def _bounds(unit: Constraints) -> dict[str, Any]:
    """Bounds and sectors, in the words of skfolio."""
    found: dict[str, Any] = {"min_weights": unit.lower, "max_weights": unit.upper}
    if unit.sectors:
        members = np.array([one.members for one in unit.sectors], dtype=np.float64)
        highs = np.array([one.high for one in unit.sectors])
        lows = np.array([one.low for one in unit.sectors])
        found["left_inequality"] = np.vstack([members, -members])
        found["right_inequality"] = np.concatenate([highs, -lows])
    return found


def _turnover(unit: Constraints) -> dict[str, Any]:
    """A bound on all changes together, which skfolio has only one by one."""
    if unit.turnover is None:
        return {}
    from cvxpy.atoms.norm1 import norm1

    before, most = unit.before, 2 * unit.turnover
    return {"add_constraints": lambda weights: norm1(weights - before) <= most}


def _mean_risk(unit: Constraints, prior: "BasePrior", **more: Any) -> Any:
    from skfolio.optimization import MeanRisk

    return MeanRisk(prior_estimator=prior, **_bounds(unit), **{**_turnover(unit), **more})


def _least_risk(unit: Constraints, shortfall: bool) -> Any:
    from skfolio import RiskMeasure

    measure = RiskMeasure.CVAR if shortfall else RiskMeasure.VARIANCE
    return _mean_risk(unit, _prior(), risk_measure=measure)


def _risk_budgeting(unit: Constraints) -> Any:
    from skfolio.optimization import RiskBudgeting

    return RiskBudgeting(prior_estimator=_prior(), **_bounds(unit))


def _hierarchical(unit: Constraints) -> Any:
    from skfolio.optimization import HierarchicalRiskParity

    return HierarchicalRiskParity(prior_estimator=_prior(), min_weights=unit.lower, max_weights=unit.upper)


def _best_ratio(
    model: Model, returns: Floats, unit: Constraints, views: tuple[View, ...]
) -> tuple[Floats, list[tuple[str, str]]]:
    """The highest Sharpe ratio, or the least variance where no return above zero is expected."""
    from skfolio.optimization import ObjectiveFunction

    prior = _prior() if model == "maximum_sharpe" else _with_views(views, len(unit.names))
    ratio = ObjectiveFunction.MAXIMIZE_RATIO
    try:
        weights = _fit(_mean_risk(unit, prior, objective_function=ratio, add_constraints=None), returns)
    except ValueError:
        if float(_moments(prior, returns).mean.max()) > 0:
            raise
        told = "no symbol is expected to gain; these are the weights with the least variance"
        return _fit(_mean_risk(unit, prior), returns), [("no_gain_expected", told)]
    if kept(weights, unit):
        return weights, []
    moments = _moments(prior, returns)
    found = np.atleast_2d(_fit(_mean_risk(unit, prior, efficient_frontier_size=_POINTS), returns))
    points = [_point(row, moments) for row in found]
    best = max(points, key=lambda point: point.expected / point.volatility)
    return best.weights, [("turnover", f"the best of {_POINTS} points of the frontier within the turnover")]


def _with_views(views: tuple[View, ...], count: int) -> "BasePrior":
    """The prior of Black and Litterman; a view without confidence says nothing."""
    from skfolio.moments import EquilibriumMu, LedoitWolf
    from skfolio.prior import BlackLitterman, EmpiricalPrior

    start = EmpiricalPrior(mu_estimator=EquilibriumMu(), covariance_estimator=LedoitWolf())
    told = [view for view in views if view.confidence > 0]
    if not told:
        return start
    return BlackLitterman(
        groups=[[f"x{place}" for place in range(count)]],
        views=[f"x{view.place} == {view.expected / TRADING_DAYS:.12f}" for view in told],
        prior_estimator=start,
        view_confidences=[min(view.confidence, _SURE) for view in told],
    )


def _fit(estimator: Any, returns: Floats) -> Floats:
    """Its weights. Errors: ValueError where it finds none."""
    import cvxpy

    try:
        weights: Floats = np.asarray(estimator.fit(returns).weights_, dtype=np.float64)
    except (cvxpy.SolverError, ValueError, np.linalg.LinAlgError) as error:
        raise ValueError(f"no optimum was found: {str(error).splitlines()[0]}") from error
    if not np.isfinite(weights).all():
        raise ValueError("no optimum was found")
    return weights
