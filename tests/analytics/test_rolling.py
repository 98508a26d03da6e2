import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.arrays import Floats
from traderbot.analytics.rolling import (
    State,
    fold_windows,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_moments,
    rolling_product,
    rolling_std,
    rolling_sum,
    rolling_zscore,
)

pytestmark = pytest.mark.unit

Rolling = Callable[[Floats, int], Floats]
series = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=1, max_size=70)


@pytest.mark.parametrize(
    ("rolling", "plain"),
    [
        (rolling_sum, sum),
        (rolling_mean, statistics.fmean),
        (rolling_max, max),
        (rolling_min, min),
        (rolling_std, statistics.stdev),
    ],
)
@given(values=series, window=st.integers(2, 40))
def test_each_window_equals_the_plain_computation(
    rolling: Rolling, plain: Callable[[list[float]], float], values: list[float], window: int
) -> None:
    result = rolling(np.array(values), window)
    assert result.shape == (len(values),)
    assert np.isnan(result[: window - 1]).all()
    for i in range(window - 1, len(values)):
        assert result[i] == pytest.approx(plain(values[i - window + 1 : i + 1]), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=40), st.integers(1, 12))
def test_product_equals_the_plain_computation(values: list[float], window: int) -> None:
    result = rolling_product(np.array(values), window)
    for i in range(window - 1, len(values)):
        assert result[i] == pytest.approx(np.prod(values[i - window + 1 : i + 1]))


@given(st.integers(1, 40), st.integers(1, 60))
def test_the_fold_keeps_the_order_of_bars(window: int, bars: int) -> None:
    """Digits read as one number: an operation that is associative and not commutative."""

    def read(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return newer[0] + older[0] * 10.0 ** (newer_bars % 7), newer[1] + older[1]

    digits = np.arange(bars, dtype=np.float64)
    latest, counts = fold_windows((digits, np.ones(bars)), window, lambda o, n, ob, nb: (n[0], n[1] + o[1]))
    expected = np.where(digits >= window - 1, digits, np.nan)
    assert np.array_equal(latest, expected, equal_nan=True)
    assert np.array_equal(counts, np.where(digits >= window - 1, float(window), np.nan), equal_nan=True)
    if window <= 3:
        numbers, _ = fold_windows((digits % 10.0, np.ones(bars)), window, read)
        for i in range(window - 1, bars):
            text = "".join(str(int(digit % 10)) for digit in digits[i - window + 1 : i + 1])
            assert numbers[i] == int(text)


@pytest.mark.parametrize("rolling", [rolling_sum, rolling_product, rolling_max, rolling_std, rolling_zscore])
@given(values=st.lists(st.floats(0.5, 2.0), min_size=40, max_size=60), window=st.integers(2, 40))
def test_a_value_depends_on_its_window_alone_to_the_bit(
    rolling: Rolling, values: list[float], window: int
) -> None:
    whole = rolling(np.array(values), window)
    assert rolling(np.array(values[-window:]), window)[-1] == whole[-1]
    assert np.array_equal(rolling(np.array(values[:-3]), window), whole[:-3], equal_nan=True)


def test_a_gap_spoils_only_the_windows_that_hold_it() -> None:
    values = np.arange(10.0)
    values[4] = np.nan
    for rolling in (rolling_sum, rolling_max, rolling_std):
        assert np.flatnonzero(np.isnan(rolling(values, 3))).tolist() == [0, 1, 4, 5, 6]


def test_variance_survives_a_large_offset() -> None:
    values = 1e9 + np.array([4.0, 7.0, 13.0, 16.0])
    mean, variance = rolling_moments(values, 4)
    assert mean[-1] == 1e9 + 10.0
    assert variance[-1] == 30.0


def test_zscore_of_a_flat_window_is_zero_and_of_a_jump_is_known() -> None:
    assert rolling_zscore(np.full(5, 0.1), 4)[-1] == 0.0
    assert rolling_zscore(np.array([0.0, 0.0, 0.0, 4.0]), 4)[-1] == pytest.approx(1.5)


def test_windows_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="window must be 1 or more, got 0"):
        rolling_sum(np.ones(3), 0)
    with pytest.raises(ValueError, match="2 or more for a variance"):
        rolling_moments(np.ones(3), 1)
