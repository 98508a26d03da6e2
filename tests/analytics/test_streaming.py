"""Bar by bar and all at once give the same bits, and a window gives what the whole gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics import indicators, rolling, streaming
from traderbot.analytics.arrays import Floats

pytestmark = pytest.mark.unit

series = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=90).map(np.array)

ONE: dict[str, tuple[Callable[[int], Any], Callable[[Floats, int], Any]]] = {
    "average": (streaming.MovingAverage, rolling.rolling_mean),
    "moments": (streaming.Moments, rolling.rolling_moments),
    "deviation": (streaming.StandardDeviation, rolling.rolling_std),
    "zscore": (streaming.ZScore, rolling.rolling_zscore),
    "highest": (streaming.Highest, rolling.rolling_max),
    "lowest": (streaming.Lowest, rolling.rolling_min),
    "momentum": (streaming.Momentum, indicators.momentum),
    "exponential": (streaming.ExponentialAverage, indicators.exponential_average),
    "rsi": (streaming.Rsi, indicators.rsi),
    "bollinger": (streaming.Bollinger, indicators.bollinger),
    "macd": (
        lambda window: streaming.Macd(window, 2 * window, 5),
        lambda values, window: indicators.macd(values, window, 2 * window, 5),
    ),
}


def as_rows(found: Any) -> Floats:
    return np.atleast_2d(np.array(found, dtype=np.float64))


@pytest.mark.parametrize("name", sorted(ONE))
@given(values=series, window=st.integers(2, 40))
def test_bar_by_bar_equals_all_at_once(name: str, values: Floats, window: int) -> None:
    make, batch = ONE[name]
    indicator = make(window)
    stepped = as_rows([indicator.update(value) for value in values.tolist()])
    whole = as_rows(batch(values, window))
    np.testing.assert_array_equal(stepped if len(whole) == 1 else stepped.T, whole)


@given(closes=series, spread=st.floats(0.0, 0.5), window=st.integers(1, 40))
def test_ranges_bar_by_bar_equal_all_at_once(closes: Floats, spread: float, window: int) -> None:
    highs, lows = closes * (1 + spread), closes * (1 - spread)
    atr, donchian = streaming.Atr(window), streaming.Donchian(window)
    rows = list(zip(highs.tolist(), lows.tolist(), closes.tolist(), strict=True))
    stepped = [atr.update(*row) for row in rows]
    np.testing.assert_array_equal(stepped, indicators.atr(highs, lows, closes, window))
    low, high = np.array([donchian.update(row[0], row[1]) for row in rows]).T
    np.testing.assert_array_equal((low, high), indicators.donchian(highs, lows, window))


FOLDED = [name for name in sorted(ONE) if name not in ("exponential", "rsi", "macd")]


@pytest.mark.parametrize("name", FOLDED)
@given(values=series, window=st.integers(2, 20))
def test_a_window_gives_what_the_whole_gives(name: str, values: Floats, window: int) -> None:
    batch = ONE[name][1]
    whole, cut = as_rows(batch(values, window)), as_rows(batch(values[-window - 1 :], window))
    np.testing.assert_array_equal(whole[:, -1], cut[:, -1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: streaming.MovingAverage(0),
        lambda: streaming.Moments(1),
        lambda: streaming.Momentum(0),
        lambda: streaming.ExponentialAverage(0),
        lambda: streaming.Macd(26, 12),
    ],
)
def test_a_window_that_is_none_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()
