import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.volatility import annualised, ewma_volatility, rolling_volatility

pytestmark = pytest.mark.unit

returns = st.lists(st.floats(-0.2, 0.2), min_size=30, max_size=60)


def test_rolling_volatility_is_the_sample_deviation() -> None:
    values = np.array([np.nan, 0.01, -0.02, 0.03, 0.00])
    assert rolling_volatility(values, 4)[-1] == pytest.approx(np.std(values[1:], ddof=1))
    assert np.isnan(rolling_volatility(values, 4)[3])


@given(returns, st.floats(0.5, 0.99), st.integers(1, 30))
def test_ewma_equals_the_weighted_mean_of_squares(values: list[float], decay: float, window: int) -> None:
    weights = decay ** np.arange(window - 1, -1, -1.0)
    expected = np.sqrt(np.sum(weights * np.array(values[-window:]) ** 2) / np.sum(weights))
    assert ewma_volatility(np.array(values), decay, window)[-1] == pytest.approx(
        expected, rel=1e-9, abs=1e-15
    )


def test_the_cut_leaves_out_one_percent_of_the_weight() -> None:
    assert 0.94**75 < 0.01
    calm_after_a_storm = np.concatenate((np.full(100, 0.5), np.full(75, 0.01)))
    assert ewma_volatility(calm_after_a_storm)[-1] == pytest.approx(0.01)


def test_a_year_is_252_sessions() -> None:
    assert annualised(np.array([0.01]))[0] == pytest.approx(0.01 * 252**0.5)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.1])
def test_decay_outside_zero_to_one_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay must be in"):
        ewma_volatility(np.ones(3), decay)
