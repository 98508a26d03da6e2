"""Target weights by the models of skfolio, within constraints.

Moments are shrunk: means towards that of the least variance (Bayes-Stein, Jorion 1986), covariances towards
a multiple of the identity (Ledoit, Wolf 2004). Black-Litterman starts from the returns that make equal parts
optimal, and weighs each view by its confidence (Idzorek 2007).
"""

from collections.abc import Callable, Sequence
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
_NOTHING = 1e-6  # what an interior point leaves of a weight of 0
_SOLVED = 1e-4  # how far off a solver's weights may be and still count as its own
_RANGE = 1e-8  # of expected returns of a day
_TRIES: tuple[dict[str, Any], ...] = (
    {},
    {"solver_params": {"tol_gap_abs": 1e-7, "tol_gap_rel": 1e-7, "tol_feas": 1e-7, "max_iter": 500}},
    {"solver": "SCIPY"},
)


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
        return _within(np.full(count, constraints.invested / count), constraints, model, [])
    if not installed():
        raise InvalidValue("model", f"equal, or an installation that has the models: {EXTRA}", model)
    _check(returns, constraints)
    notes = []
    if len(returns) <= count:
        told = f"{len(returns)} days for {count} symbols: the covariances are mostly what they were shrunk to"
        notes.append(("shrunk_covariance", told))
    if count == 1 or not constraints.invested:
        return _within(np.full(count, constraints.invested), constraints, model, notes)
    unit = _of_one(constraints)
    if model in ("maximum_sharpe", "black_litterman"):
        weights, more = _best_ratio(model, returns, unit, views)
        notes += more
    else:
        weights = _solved(_BUILDS[model], returns, unit)
    return _within(weights * constraints.invested, constraints, model, notes)


def frontier(returns: Floats, constraints: Constraints, points: int = 20) -> list[FrontierPoint]:
    """The least volatility for each expected return within the constraints, the calmest first; a single point
    where the constraints leave no other. Errors: as of `optimum`.
    """
    from skfolio.optimization import ObjectiveFunction

    _check(returns, constraints)
    moments = moments_of(returns)
    if not constraints.invested:
        return [_point(np.zeros(len(constraints.names)), moments)]
    unit, highest = _of_one(constraints), ObjectiveFunction.MAXIMIZE_RETURN
    calm = _solved(lambda within: _mean_risk(within, _prior()), returns, unit)
    bold = _solved(lambda within: _mean_risk(within, _prior(), objective_function=highest), returns, unit)
    found = [
        _point(_within(one * constraints.invested, constraints).weights, moments) for one in (calm, bold)
    ]
    low, high = (one.expected / TRADING_DAYS / constraints.invested for one in found)
    if high - low <= _RANGE:
        return found[:1]
    if points > 2:
        between = np.linspace(low, high, points)[1:-1]
        middle = _mean_risk(unit, _prior(), min_return=between, raise_on_failure=False).fit(returns)
        rows = np.atleast_2d(np.asarray(middle.weights_, dtype=np.float64))  # no number where one failed
        rows = rows[np.isfinite(rows).all(axis=1)] * constraints.invested
        found += [_point(_within(row, constraints).weights, moments) for row in rows]
    return sorted(found, key=lambda point: (point.volatility, point.expected))


def moments_of(returns: Floats) -> Moments:
    """Those that the frontier is drawn with."""
    distribution = _prior().fit(returns).return_distribution_
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
    range_of = np.ptp(returns, axis=0)  # no number where one of them is none
    for place, name in enumerate(constraints.names):
        if not np.isfinite(range_of[place]):
            raise ValueError(f"a return of {name} is no number")
        if range_of[place] <= _CONSTANT:
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
    weights: Floats, constraints: Constraints, model: str = "", notes: Sequence[tuple[str, str]] = ()
) -> Found:
    """Without what a solver leaves of nothing, and with a note where more than that had to be put right."""
    if not kept(weights, constraints, _SOLVED):
        note = ("nearest", f"{model}'s weights were moved to the nearest that keep to the constraints")
        return Found(nearest(weights, constraints), (*notes, note))
    clean = settled(np.where(weights < _NOTHING, 0.0, weights), constraints)
    return Found(clean if kept(clean, constraints) else nearest(weights, constraints), tuple(notes))


def _free(constraints: Constraints) -> Constraints:
    """The same sum without any other bound."""
    count = len(constraints.names)
    return constraints._replace(lower=np.zeros(count), upper=np.ones(count), sectors=(), turnover=None)


def _prior() -> "BasePrior":
    from skfolio.moments import LedoitWolf, ShrunkMu, ShrunkMuMethods
    from skfolio.prior import EmpiricalPrior

    mean = ShrunkMu(LedoitWolf(), vol_weighted_target=True, method=ShrunkMuMethods.BAYES_STEIN)
    return EmpiricalPrior(mu_estimator=mean, covariance_estimator=LedoitWolf())


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
    """A bound on all changes together, which skfolio has only one by one.

    Weights are multiplied by their sum, which a ratio or a risk budget leaves open until it is solved.
    """
    if unit.turnover is None:
        return {}
    from cvxpy.atoms.norm1 import norm1

    before, most = unit.before, 2 * unit.turnover

    def least(weights: Any) -> Any:
        whole = weights.sum()
        return norm1(weights - before * whole) <= most * whole

    return {"add_constraints": least}


def _mean_risk(unit: Constraints, prior: "BasePrior", **more: Any) -> Any:
    from skfolio.optimization import MeanRisk

    return MeanRisk(prior_estimator=prior, **_bounds(unit), **_turnover(unit), **more)


def _least_shortfall(unit: Constraints) -> Any:
    from skfolio import RiskMeasure

    return _mean_risk(unit, _prior(), risk_measure=RiskMeasure.CVAR)


def _risk_budgeting(unit: Constraints) -> Any:
    from skfolio.optimization import RiskBudgeting

    return RiskBudgeting(prior_estimator=_prior(), **_bounds(unit), **_turnover(unit))


def _hierarchical(unit: Constraints) -> Any:
    from skfolio.optimization import HierarchicalRiskParity

    return HierarchicalRiskParity(prior_estimator=_prior(), min_weights=unit.lower, max_weights=unit.upper)


_BUILDS: dict[str, Callable[[Constraints], Any]] = {
    "minimum_variance": lambda unit: _mean_risk(unit, _prior()),
    "risk_parity": _risk_budgeting,
    "hrp": _hierarchical,
    "cvar": _least_shortfall,
}


def _best_ratio(
    model: Model, returns: Floats, unit: Constraints, views: tuple[View, ...]
) -> tuple[Floats, list[tuple[str, str]]]:
    """The highest Sharpe ratio, or the least variance where no return above zero is expected."""
    from skfolio.optimization import ObjectiveFunction

    prior = _prior() if model == "maximum_sharpe" else _with_views(views, len(unit.names))

    def towards(objective: Any) -> Callable[[Constraints], Any]:
        return lambda within: _mean_risk(within, prior, objective_function=objective)

    ratio = towards(ObjectiveFunction.MAXIMIZE_RATIO)
    try:
        return _tried(ratio, returns, unit), []
    except ValueError:
        mean = prior.fit(returns).return_distribution_.mu
        if mean @ _solved(towards(ObjectiveFunction.MAXIMIZE_RETURN), returns, unit) > 0:
            return _tried(ratio, returns, _free(unit)), []
    told = "no gain is expected within the constraints; these are the weights with the least variance"
    return _solved(towards(ObjectiveFunction.MINIMIZE_RISK), returns, unit), [("no_gain_expected", told)]


def _with_views(views: tuple[View, ...], count: int) -> "BasePrior":
    """The prior of Black and Litterman; a view without confidence says nothing."""
    from skfolio.moments import EquilibriumMu, LedoitWolf
    from skfolio.prior import BlackLitterman, EmpiricalPrior

    mean = EquilibriumMu(covariance_estimator=LedoitWolf())
    start = EmpiricalPrior(mu_estimator=mean, covariance_estimator=LedoitWolf())
    told = [view for view in views if view.confidence > 0]
    if not told:
        return start
    return BlackLitterman(
        groups=[[f"x{place}" for place in range(count)]],
        views=[f"x{view.place} == {view.expected / TRADING_DAYS:.12f}" for view in told],
        prior_estimator=start,
        view_confidences=[min(view.confidence, _SURE) for view in told],
    )


def _solved(build: Callable[[Constraints], Any], returns: Floats, unit: Constraints) -> Floats:
    """Weights within the constraints, or where these leave a solver no room, without them."""
    try:
        return _tried(build, returns, unit)
    except ValueError:
        return _tried(build, returns, _free(unit))


def _tried(build: Callable[[Constraints], Any], returns: Floats, within: Constraints) -> Floats:
    """Weights by the first way of solving that finds some. Errors: ValueError where none does."""
    import cvxpy
    from skfolio.exceptions import OptimizationError

    for way in _TRIES:
        estimator = build(within)
        for name, value in way.items():
            setattr(estimator, name, value)
        try:
            weights: Floats = np.asarray(estimator.fit(returns).weights_, dtype=np.float64)
        except (OptimizationError, cvxpy.SolverError, ValueError, np.linalg.LinAlgError):
            continue
        if np.isfinite(weights).all():
            return weights
    raise ValueError("no solver found an optimum")
