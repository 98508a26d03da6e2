import numpy as np
import pytest
from skfolio import measures

from traderbot.analytics.drawdowns import deepest, drawdowns, underwater

pytestmark = pytest.mark.unit
DAY = 86_400_000_000


def test_every_stretch_below_a_peak_has_its_dates() -> None:
    equity = np.array([100.0, 90.0, 95.0, 100.0, 120.0, 60.0, 90.0])
    found = drawdowns(np.arange(7) * DAY, equity)
    assert [(one.peak_at, one.trough_at, one.recovered_at) for one in found] == [
        (0, DAY, 3 * DAY),
        (4 * DAY, 5 * DAY, None),
    ]
    assert [one.depth for one in found] == pytest.approx([-0.1, -0.5])
    assert [one.days for one in found] == [3.0, 2.0]
    assert [one.depth for one in deepest(found, 1)] == pytest.approx([-0.5])


def test_a_curve_without_a_loss_has_none() -> None:
    assert drawdowns(np.arange(3) * DAY, np.array([1.0, 1.0, 2.0])) == []


def test_the_distance_below_the_peak_is_that_of_skfolio() -> None:
    returns = np.random.default_rng(7).normal(0.0, 0.02, 500)
    equity = np.concatenate(([1.0], np.cumprod(1 + returns)))
    assert underwater(equity)[1:] == pytest.approx(measures.get_drawdowns(returns, compounded=True))
