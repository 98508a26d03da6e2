"""Models of target weights: as skfolio itself has them, and within whatever constraints can be kept."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio import RiskMeasure
from skfolio.datasets import load_sp500_dataset
from skfolio.moments import EquilibriumMu, LedoitWolf, ShrunkMu, ShrunkMuMethods
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.preprocessing import prices_to_returns
from skfolio.prior import BlackLitterman, EmpiricalPrior

from rebalancing.test_constraints import made, relaxed, sector
from traderbot.analytics.arrays import Floats
from traderbot.model.errors import InvalidValue
from traderbot.rebalancing import models
from traderbot.rebalancing.constraints import Constraints, kept, nearest
from traderbot.rebalancing.models import View, at, frontier, moments_of, optimum
from traderbot.rebalancing.wanted import MODELS

pytestmark = pytest.mark.unit


@lru_cache(maxsize=1)
def stocks() -> Floats:
    """skfolio's 20 stocks, the last 1000 days to 2022."""
    returns: Floats = prices_to_returns(load_sp500_dataset()).to_numpy()[-1000:]
    return returns


def of(returns: Floats, **changed: object) -> Constraints:
    count = returns.shape[1]
    names = tuple(f"S{place}" for place in range(count))
    free = Constraints(names, np.zeros(count), np.ones(count), 1.0, (), np.full(count, 1 / count), None)
    return free._replace(**changed)


def prior() -> EmpiricalPrior:
    mean = ShrunkMu(
        method=ShrunkMuMethods.BAYES_STEIN, vol_weighted_target=True, covariance_estimator=LedoitWolf()
    )
    return EmpiricalPrior(mu_estimator=mean, covariance_estimator=LedoitWolf())


def viewed() -> BlackLitterman:
    equal = EquilibriumMu(covariance_estimator=LedoitWolf())
    return BlackLitterman(
        groups=[[f"S{place}" for place in range(20)]],
        views=[f"S3 == {0.4 / 252}", f"S8 == {-0.1 / 252}"],
        view_confidences=[0.7, 0.2],
        prior_estimator=EmpiricalPrior(mu_estimator=equal, covariance_estimator=LedoitWolf()),
    )


OWN = {
    "minimum_variance": lambda: MeanRisk(prior_estimator=prior(), max_weights=0.2),
    "cvar": lambda: MeanRisk(prior_estimator=prior(), max_weights=0.2, risk_measure=RiskMeasure.CVAR),
    "maximum_sharpe": lambda: MeanRisk(
        prior_estimator=prior(), max_weights=0.2, objective_function=ObjectiveFunction.MAXIMIZE_RATIO
    ),
    "risk_parity": lambda: RiskBudgeting(prior_estimator=prior(), max_weights=0.2),
    "hrp": lambda: HierarchicalRiskParity(prior_estimator=prior(), max_weights=0.2),
    "black_litterman": lambda: MeanRisk(
        prior_estimator=viewed(), max_weights=0.2, objective_function=ObjectiveFunction.MAXIMIZE_RATIO
    ),
}


@pytest.mark.parametrize("model", OWN)
def test_real_stocks_as_skfolio_by_itself_has_them(model: models.Model) -> None:
    theirs = OWN[model]().fit(stocks()).weights_
    views = (View(3, 0.4, 0.7), View(8, -0.1, 0.2)) if model == "black_litterman" else ()
    ours = optimum(model, stocks(), of(stocks(), upper=np.full(20, 0.2)), views)
    assert np.abs(ours.weights - theirs).max() < 1e-4
    assert ours.notes == ()
    assert ours.weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_what_is_kept_as_cash_scales_the_weights() -> None:
    whole = optimum("minimum_variance", stocks(), of(stocks())).weights
    part = optimum("minimum_variance", stocks(), of(stocks(), invested=0.6)).weights
    assert np.abs(part - 0.6 * whole).max() < 1e-4


def test_the_least_variance_of_two_by_its_formula() -> None:
    """w = (s2^2 - s12) / (s1^2 + s2^2 - 2 s12), of the shrunk covariances (Markowitz 1952)."""
    pair = stocks()[:, [0, 7]]
    (a, c), (_, b) = moments_of(pair).covariance
    found = optimum("minimum_variance", pair, of(pair)).weights
    assert found[0] == pytest.approx((b - c) / (a + b - 2 * c), abs=1e-4)


def test_parity_gives_each_the_same_part_of_the_risk() -> None:
    found = optimum("risk_parity", stocks(), of(stocks())).weights
    parts = found * (moments_of(stocks()).covariance @ found)
    assert parts / parts.sum() == pytest.approx(np.full(20, 0.05), abs=2e-4)


def test_two_equal_blocks_get_the_same_by_hierarchy() -> None:
    drawn = np.random.default_rng(5).normal(size=(4000, 4)) * 0.01
    blocks = np.column_stack(
        [drawn[:, 0], drawn[:, 0] + drawn[:, 1] / 50, drawn[:, 2], drawn[:, 2] + drawn[:, 3] / 50]
    )
    found = optimum("hrp", blocks, of(blocks)).weights
    assert found[:2].sum() == pytest.approx(0.5, abs=0.03)


def test_a_view_draws_its_weight_as_far_as_it_is_sure() -> None:
    def weight(confidence: float) -> float:
        views = (View(3, 0.5, confidence),)
        return float(optimum("black_litterman", stocks(), of(stocks()), views).weights[3])

    assert weight(0.0) < weight(0.3) < weight(0.9)
    assert weight(0.0) == pytest.approx(0.05, abs=1e-4)  # without views, equal parts are the best


def test_a_sure_view_is_what_is_expected() -> None:
    sure = (View(3, 0.5, 1.0), View(8, -0.2, 1.0))
    expected = models._with_views(sure, 20).fit(stocks()).return_distribution_.mu
    assert expected[[3, 8]] * 252 == pytest.approx([0.5, -0.2], abs=1e-3)


@pytest.mark.parametrize("model", ["maximum_sharpe", "risk_parity", "minimum_variance", "cvar"])
def test_turnover_is_part_of_the_problem(model: models.Model) -> None:
    """It is used up, and the highest ratio beats the free optimum moved near and every point drawn."""
    bound = of(stocks(), turnover=0.05)
    found = optimum(model, stocks(), bound)
    assert found.notes == ()
    assert np.abs(found.weights - bound.before).sum() / 2 == pytest.approx(0.05, abs=1e-5)
    if model == "maximum_sharpe":
        free = optimum(model, stocks(), of(stocks())).weights
        moved = at(nearest(free, bound), stocks())
        ours = at(found.weights, stocks())
        assert ours.expected / ours.volatility > moved.expected / moved.volatility
        points = frontier(stocks(), bound, 40)
        assert ours.expected / ours.volatility >= max(one.expected / one.volatility for one in points) - 1e-6


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("changed", [{"turnover": 0.0}, {"lower": np.full(20, 0.05)}])
def test_where_only_one_choice_is_left_it_is_taken(model: models.Model, changed: dict[str, object]) -> None:
    pinned = of(stocks(), **changed)
    views = (View(3, 0.3, 0.5),) if model == "black_litterman" else ()
    assert optimum(model, stocks(), pinned, views).weights == pytest.approx(np.full(20, 0.05), abs=1e-5)
    assert len(frontier(stocks(), pinned)) == 1


def test_a_cap_of_one_spreads_the_rest_evenly_and_is_noted() -> None:
    found = optimum("equal", stocks()[:, :4], of(stocks()[:, :4], upper=np.array([0.1, 1, 1, 1])))
    assert found.weights == pytest.approx([0.1, 0.3, 0.3, 0.3])
    assert [code for code, _ in found.notes] == ["nearest"]


def test_nothing_invested_is_no_weights() -> None:
    for model in MODELS:
        assert not optimum(model, stocks(), of(stocks(), invested=0.0)).weights.any()


def test_where_no_solver_helps_there_is_an_error_and_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(MeanRisk, "fit", fails)
    with pytest.raises(ValueError, match="no solver found an optimum"):
        optimum("minimum_variance", stocks(), of(stocks()))


def test_where_nothing_is_expected_to_gain_the_least_variance_stands() -> None:
    falling = np.random.default_rng(2).normal(-0.01, 0.01, size=(500, 3))
    found = optimum("maximum_sharpe", falling, of(falling))
    assert [code for code, _ in found.notes] == ["no_gain_expected"]
    assert found.weights == pytest.approx(optimum("minimum_variance", falling, of(falling)).weights, abs=1e-4)
    points = frontier(falling, of(falling), 5)
    assert len(points) == 5
    assert points[-1].expected < 0


@pytest.mark.filterwarnings("ignore:The covariance matrix")
def test_fewer_days_than_symbols_is_said() -> None:
    few = stocks()[:15]
    assert optimum("minimum_variance", few, of(few)).notes[0][0] == "shrunk_covariance"


@pytest.mark.parametrize("model", [one for one in MODELS if one != "equal"])
def test_prices_that_never_change_and_no_numbers_are_named(model: models.Model) -> None:
    still = stocks()[:200, :3].copy()
    still[:, 1] = 0.0
    with pytest.raises(ValueError, match="S1"):
        optimum(model, still, of(still))
    still[4, 2] = np.nan
    still[:, 1] = stocks()[:200, 1]
    with pytest.raises(ValueError, match="S2"):
        optimum(model, still, of(still))


@pytest.mark.filterwarnings("ignore:The covariance matrix")
def test_two_that_move_alike_are_no_trouble() -> None:
    twins = stocks()[:, [0, 0, 5]]
    for model in MODELS:
        assert kept(optimum(model, twins, of(twins)).weights, of(twins))


def test_a_single_symbol_gets_all() -> None:
    single = stocks()[:, :1]
    for model in MODELS:
        assert optimum(model, single, of(single, invested=0.9)).weights.tolist() == pytest.approx([0.9])


def test_the_frontier_rises_and_nothing_within_lies_above_it() -> None:
    bounds = of(stocks(), upper=np.full(20, 0.3), turnover=0.5)
    points = frontier(stocks(), bounds, 12)
    assert len(points) == 12
    for calm, bold in pairwise(points):
        assert calm.volatility <= bold.volatility + 1e-9
        assert calm.expected <= bold.expected + 1e-6
    for point in points:
        assert kept(point.weights, bounds)
    equal = at(np.full(20, 0.05), stocks())
    better = [one for one in points if one.expected >= equal.expected]
    assert better[0].volatility <= equal.volatility + 1e-6


def test_without_the_library_only_equal_parts_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "installed", lambda: False)
    assert optimum("equal", stocks(), of(stocks())).weights.tolist() == pytest.approx([0.05] * 20)
    with pytest.raises(InvalidValue, match="pip install"):
        optimum("hrp", stocks(), of(stocks()))


bounds = st.tuples(st.floats(0.0, 0.4), st.floats(0.3, 1.0))


@given(
    st.sampled_from(MODELS),
    st.lists(bounds, min_size=4, max_size=4),
    st.floats(0.1, 1.0),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
    st.floats(0.1, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_whatever_can_be_kept_is_kept(
    model: models.Model,
    pairs: list[tuple[float, float]],
    invested: float,
    turnover: float | None,
    most: float,
) -> None:
    constraints = made(
        4,
        lower=np.array([min(pair) for pair in pairs]),
        upper=np.array([max(pair) for pair in pairs]),
        invested=invested,
        before=np.full(4, invested / 4),
        turnover=turnover,
        sectors=(sector("Tech", [1, 1, 0, 0], 0.0, most),),
    )
    constraints = relaxed(constraints)
    views = (View(0, 0.2, 0.5),) if model == "black_litterman" else ()
    found = optimum(model, stocks()[:, :4], constraints, views)
    assert kept(found.weights, constraints)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("model", MODELS)
def test_symbols_that_may_not_be_held_get_nothing(model: models.Model) -> None:
    """Bounds at which a tree has nothing to split, and a logarithm no value."""
    four = stocks()[:, :4]
    for upper in ([0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]):
        closed = of(four, upper=np.array(upper))
        found = optimum(model, four, closed).weights
        assert kept(found, closed)
        assert not found[np.array(upper) == 0].any()
