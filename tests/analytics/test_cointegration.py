"""The statistic against statsmodels, and the values of a window alone."""

from itertools import pairwise

import numpy as np
import pytest
from statsmodels.tsa.stattools import adfuller, coint

from traderbot.analytics.arrays import Floats
from traderbot.analytics.cointegration import critical_value, rolling_cointegration

pytestmark = pytest.mark.unit

WINDOW = 120


def two_series(bars: int = 200) -> tuple[Floats, Floats]:
    random = np.random.default_rng(11)
    x = np.cumsum(random.normal(0, 0.02, bars))
    noise = np.zeros(bars)
    for before, now in pairwise(range(bars)):
        noise[now] = 0.8 * noise[before] + random.normal(0, 0.01)
    return 0.3 + 1.4 * x + noise, x


def changes(levels: Floats) -> Floats:
    return np.diff(levels, prepend=np.nan)


def test_each_window_equals_the_regression_and_the_test_of_statsmodels() -> None:
    y, x = two_series()
    found = rolling_cointegration(changes(y), changes(x), WINDOW)
    assert np.isnan(found.statistic[: WINDOW - 1]).all()
    for last in (WINDOW, 150, 199):
        window = slice(last + 1 - WINDOW, last + 1)
        design = np.column_stack([x[window], np.ones(WINDOW)])
        (slope, constant), *_ = np.linalg.lstsq(design, y[window], rcond=None)
        residuals = y[window] - slope * x[window] - constant
        assert found.slope[last] == pytest.approx(slope, rel=1e-9)
        assert found.zscore[last] == pytest.approx(residuals[-1] / residuals.std(ddof=1), rel=1e-8)
        expected = coint(y[window], x[window], maxlag=0, autolag=None)
        assert found.statistic[last] == pytest.approx(expected[0], rel=1e-8)
        plain = adfuller(residuals, maxlag=0, autolag=None, regression="n", result_object=False)
        assert found.statistic[last] == pytest.approx(plain[0], rel=1e-8)


@pytest.mark.parametrize(("level", "place"), [(0.01, 0), (0.05, 1), (0.10, 2)])
@pytest.mark.parametrize("bars", [60, 252])
def test_critical_values_are_those_of_statsmodels(level: float, place: int, bars: int) -> None:
    y, x = two_series(bars)
    assert critical_value(level, bars - 1) == pytest.approx(coint(y, x, maxlag=0, autolag=None)[2][place])


def test_series_apart_are_told_from_series_together() -> None:
    y, x = two_series()
    apart = np.cumsum(np.random.default_rng(5).normal(0, 0.02, 200))
    limit = critical_value(0.05, WINDOW - 1)
    assert rolling_cointegration(changes(y), changes(x), WINDOW).statistic[-1] < limit
    assert rolling_cointegration(changes(apart), changes(x), WINDOW).statistic[-1] > limit


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="window must be 4"):
        rolling_cointegration(np.ones(9), np.ones(9), 3)
    with pytest.raises(ValueError, match="level must be one of"):
        critical_value(0.2, 100)
