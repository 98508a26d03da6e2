import numpy as np
import pytest

from analytics.risk.samples import stocks
from traderbot.analytics.risk.rolling import METHODS, Method
from traderbot.risk.methods import estimate

pytestmark = pytest.mark.unit

VALUES = np.array([30_000.0, -10_000.0, 20_000.0])


@pytest.mark.parametrize("horizon", [1, 10])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_an_interval_around_and_parts_that_sum_to_its_figure(
    method: Method, horizon: int
) -> None:
    found = estimate(method, stocks()[-1000:, :3], VALUES, 0.95, horizon)
    assert 0 < found.tail.var < found.tail.shortfall
    assert found.intervals.var.low < found.tail.var < found.intervals.var.high
    assert found.intervals.shortfall.low < found.tail.shortfall < found.intervals.shortfall.high
    assert found.parts.var.sum() == pytest.approx(found.tail.var)
    assert found.parts.shortfall.sum() == pytest.approx(found.tail.shortfall)
    again = estimate(method, stocks()[-1000:, :3], VALUES, 0.95, horizon)
    assert again.tail == found.tail


@pytest.mark.parametrize("method", METHODS)
def test_more_days_lose_more_and_not_by_their_root_alone(method: Method) -> None:
    one = estimate(method, stocks()[-1000:, :3], VALUES, 0.99, 1).tail.shortfall
    ten = estimate(method, stocks()[-1000:, :3], VALUES, 0.99, 10).tail.shortfall
    assert 1.5 * one < ten < 5 * one
    assert ten != pytest.approx(np.sqrt(10) * one, rel=1e-3)


def test_a_protecting_position_has_a_negative_part() -> None:
    returns = stocks()[-1000:, [0, 0]] + np.random.default_rng(1).normal(0, 1e-3, (1000, 2))
    found = estimate("historical", returns, np.array([30_000.0, -10_000.0]), 0.95, 1)
    assert found.parts.shortfall[1] < 0
    assert found.parts.without_shortfall[1] < 0  # without it more would be lost


def test_what_the_figure_rests_on_is_noted() -> None:
    assert estimate("filtered", stocks()[-100:, :3], VALUES, 0.9, 1).notes[0][0] == "ewma_filter"
    twice = stocks()[-500:, [0, 0, 1]]
    codes = [code for code, _ in estimate("monte_carlo", twice, VALUES, 0.9, 1).notes]
    assert codes == ["t_copula", "singular_covariance"]


def test_a_book_that_never_changes_is_said() -> None:
    with pytest.raises(ValueError, match="never change"):
        estimate("historical", np.zeros((300, 3)), VALUES, 0.95, 1)
