import numpy as np
import pytest

from analytics.risk.samples import stocks
from traderbot.analytics.risk.coverage import cover
from traderbot.analytics.risk.rolling import METHODS, Method, forecasts
from traderbot.analytics.risk.tails import fit_student, student_tail, tail_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("method", METHODS)
def test_no_forecast_knows_its_own_day_or_a_later_one(method: Method) -> None:
    made = stocks()[:330, :3].copy()
    before = forecasts(made, method, [0.95], 300, refit=10)
    made[315:] *= 20
    after = forecasts(made, method, [0.95], 300, refit=10)
    for first, second in zip(before, after, strict=True):
        assert (first[:16] == second[:16]).all()
        assert first.shape == (30, 1)
    assert (before[0] != after[0]).any()


def test_historical_forecasts_are_the_tail_of_the_days_before() -> None:
    made = stocks()[:700, :3]
    var, shortfall = forecasts(made, "historical", [0.95, 0.99], 600)
    for day in (0, 57, 99):
        for place, level in enumerate((0.95, 0.99)):
            expected = tail_of(made[day : day + 600].sum(axis=1), level)
            assert (var[day, place], shortfall[day, place]) == pytest.approx(expected)


def test_student_forecasts_are_refitted_as_often_as_asked() -> None:
    made = stocks()[:320, :2]
    var, _ = forecasts(made, "student", [0.99], 300, refit=5)
    assert len(np.unique(var)) == 4
    assert var[5, 0] == pytest.approx(student_tail(fit_student(made[5:305].sum(axis=1)), 0.99).var)


def test_filtered_forecasts_cover_where_volatility_clusters_and_historical_ones_do_not() -> None:
    """A simulated GARCH whose process the filter knows."""
    random = np.random.default_rng(8)
    variance, made = 1.0, np.empty((2500, 1))
    for day in range(len(made)):
        made[day, 0] = np.sqrt(variance) * random.standard_t(6)
        variance = 0.02 + 0.09 * made[day, 0] ** 2 / 1.5 + 0.89 * variance
    found = {}
    for method in METHODS[:2]:
        var, shortfall = forecasts(made, method, [0.95], 500, refit=50)
        found[method] = cover(made[500:, 0], var[:, 0], shortfall[:, 0], 0.95).independence.p_value
    assert found["filtered"] is not None
    assert found["filtered"] > 0.05
    assert found["historical"] is not None
    assert found["historical"] < 0.05


def test_a_window_without_a_day_to_foresee_is_said() -> None:
    with pytest.raises(ValueError, match="window"):
        forecasts(stocks()[:100], "historical", [0.95], 100)
