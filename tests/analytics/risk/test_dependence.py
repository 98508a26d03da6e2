import numpy as np
import pytest
from scipy import stats

from analytics.risk.samples import stocks
from traderbot.analytics.risk.dependence import beta, concentration, correlations, days_to_sell
from traderbot.analytics.risk.garch import filtered

pytestmark = pytest.mark.unit


def test_concentration_counts_equal_positions_as_many_as_they_are() -> None:
    assert concentration(np.array([10.0, -10.0, 10.0, 10.0])) == pytest.approx((0.25, 4))
    assert concentration(np.array([90.0, 10.0])) == pytest.approx((0.82, 1 / 0.82))
    assert concentration(np.zeros(3)) is None
    assert concentration(np.array([])) is None


def test_beta_is_the_slope_of_scipy() -> None:
    market = stocks().mean(axis=1)
    assert beta(stocks()[:, 0], market) == pytest.approx(stats.linregress(market, stocks()[:, 0]).slope)
    assert beta(stocks()[:100, 0], np.zeros(100)) is None


def test_correlations_are_means_over_the_matrix() -> None:
    returns = stocks()[-500:]
    strain = filtered(returns.mean(axis=1)).variances
    found = correlations(returns, strain)
    apart = ~np.eye(20, dtype=bool)
    assert found.mean == pytest.approx(np.corrcoef(returns.T)[apart].mean())
    worst = np.argsort(-strain)[:50]
    assert found.stress_days == 50
    assert found.stressed == pytest.approx(np.corrcoef(returns[worst].T)[apart].mean())
    first, second, usual, stressed = found.pairs[0]
    assert stressed - usual == pytest.approx(
        (np.corrcoef(returns[worst].T) - np.corrcoef(returns.T))[apart].max()
    )
    assert usual == pytest.approx(np.corrcoef(returns[:, first], returns[:, second])[0, 1])


def test_a_constant_position_has_no_correlation() -> None:
    returns = np.column_stack([stocks()[:100, 0], np.zeros(100)])
    found = correlations(returns, returns.sum(axis=1))
    assert (found.mean, found.stressed, found.pairs) == (None, None, [])


def test_days_to_sell_follow_from_the_share_of_the_volume() -> None:
    found = days_to_sell(np.array([1000.0, -500.0, 0.0, 5.0]), np.array([10_000.0, 1000.0, 0.0, 0.0]), 0.1)
    assert found.tolist() == [1.0, 5.0, 0.0, float("inf")]
    with pytest.raises(ValueError, match="share"):
        days_to_sell(np.ones(1), np.ones(1), 0.0)


def test_days_are_not_chosen_by_what_came_of_them() -> None:
    """Independent of the day's own return, a constant correlation is found constant."""
    random = np.random.default_rng(1)
    returns = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 20_000)
    found = correlations(returns, random.random(20_000))
    assert found.stressed == pytest.approx(0.6, abs=0.04)
    by_loss = correlations(returns, -returns.sum(axis=1))
    assert by_loss.stressed is not None
    assert by_loss.stressed < 0.2
