import numpy as np
import pytest

from traderbot.analytics.trade_figures import exposure, figures_of, turnover

pytestmark = pytest.mark.unit


def test_trades_by_hand() -> None:
    found = figures_of(np.array([100.0, -50.0, 30.0, 0.0, -30.0]))
    assert found.count == 5
    assert found.hit_rate == pytest.approx(2 / 5)
    assert found.profit_factor == pytest.approx(130 / 80)
    assert found.expectancy == pytest.approx(10.0)
    assert found.payoff == pytest.approx(65 / 40)
    assert (found.mean_gain, found.mean_loss) == (pytest.approx(65), pytest.approx(-40))
    assert (found.best, found.worst) == (100.0, -50.0)


def test_without_trades_or_losses_what_is_not_defined_is_none() -> None:
    none = figures_of(np.array([]))
    assert (none.count, none.hit_rate, none.profit_factor, none.expectancy) == (0, None, None, None)
    assert figures_of(np.array([5.0])).profit_factor is None


def test_exposure_is_an_average_over_the_bars() -> None:
    found = exposure(np.full(4, 100.0), np.array([0.0, 50.0, 100.0, 0.0]), np.array([0.0, 0.0, -50.0, 0.0]))
    assert found.gross == pytest.approx((0.5 + 1.5) / 4)
    assert found.net == pytest.approx((0.5 + 0.5) / 4)
    assert found.in_market == pytest.approx(0.5)
    assert exposure(np.array([-1.0]), np.array([0.0]), np.array([0.0])).gross is None


def test_turnover_is_one_where_the_account_is_exchanged_once_a_year() -> None:
    assert turnover(400_000.0, np.full(3, 100_000.0), 2.0) == pytest.approx(1.0)
    assert turnover(1.0, np.full(3, 100.0), 0.0) is None
