import numpy as np
import pytest

from analytics.risk.samples import stocks
from traderbot.analytics.risk.shocks import all_as_one, reverse
from traderbot.analytics.risk.tails import tail_of

pytestmark = pytest.mark.unit


def test_long_positions_that_move_as_one_lose_the_sum_of_what_each_loses() -> None:
    """Comonotone risks add up: McNeil, Frey and Embrechts 2015, section 7.2."""
    returns, values = stocks()[-999:, :5], np.full(5, 1000.0)
    found = all_as_one(returns, values, 0.95)
    alone = [tail_of(returns[:, column] * 1000, 0.95) for column in range(5)]
    assert found.var == pytest.approx(sum(one.var for one in alone))
    assert found.shortfall == pytest.approx(sum(one.shortfall for one in alone))
    assert found.var > tail_of(returns @ values, 0.95).var


def test_a_short_position_still_gains_when_all_falls() -> None:
    returns = stocks()[-999:, [0, 0]]
    assert all_as_one(returns, np.array([1000.0, -1000.0]), 0.95).var == pytest.approx(0, abs=1e-9)


def test_a_reverse_stress_loses_what_was_asked() -> None:
    returns, values = stocks()[-500:, :4], np.array([5000.0, 3000.0, -1000.0, 2000.0])
    betas = np.array([1.2, 0.8, 1.0, np.nan])
    found = reverse(returns, values, betas, 800.0)
    assert found.likeliest @ values == pytest.approx(-800)
    assert found.market is not None
    assert np.nansum(values * betas) * found.market == pytest.approx(-800)
    assert found.deviations == pytest.approx(800 / (returns @ values).std())
    assert found.single[0] == pytest.approx(-0.16)
    assert found.single[2] == pytest.approx(0.8)  # a rise hurts whoever is short


def test_no_other_event_of_that_loss_is_nearer() -> None:
    """The likeliest one has the least Mahalanobis distance."""
    returns, values = stocks()[-500:, :3], np.array([5000.0, 3000.0, 2000.0])
    found = reverse(returns, values, np.ones(3), 1000.0).likeliest
    inverse = np.linalg.inv(np.cov(returns.T))
    random = np.random.default_rng(1)
    for _ in range(100):
        other = found + random.standard_normal(3) * 0.01
        other *= -1000 / (other @ values)
        assert other @ inverse @ other >= found @ inverse @ found - 1e-9


def test_a_singular_covariance_is_no_obstacle_and_impossible_falls_are_none() -> None:
    returns, values = stocks()[-300:, [0, 0, 1]], np.array([100.0, 100.0, 100.0])
    found = reverse(returns, values, np.array([1.0, 1.0, 1.0]), 1000.0)
    assert np.isfinite(found.likeliest).all()
    assert found.market is None
    assert np.isnan(found.single).all()


def test_what_cannot_lose_is_said() -> None:
    with pytest.raises(ValueError, match="loss"):
        reverse(stocks()[:100, :2], np.ones(2), np.ones(2), 0.0)
    with pytest.raises(ValueError, match="never changes"):
        reverse(np.zeros((100, 2)), np.ones(2), np.ones(2), 1.0)
