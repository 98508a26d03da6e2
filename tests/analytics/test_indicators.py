import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import (
    atr,
    average_level,
    bollinger,
    exponential_average,
    high_level,
    level_zscore,
    low_level,
    macd,
    momentum,
    moving_average,
    place_in_range,
    range_level,
    rsi,
    true_range,
    windowed_rsi,
)
from traderbot.analytics.returns import total_growth

pytestmark = pytest.mark.unit

PUBLISHED_CLOSES = [
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931),
    *(46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521),
    *(45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314),
]
PUBLISHED_RSI = [
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38),
    *(54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30, 33.08, 37.77),
]
"""The worked example of RSI (14) at chartschool.stockcharts.com, QQQQ closes of 2009 and 2010."""

prices = st.lists(st.floats(1.0, 1000.0), min_size=30, max_size=60)


def growth_of(levels: list[float]) -> Floats:
    return total_growth(np.array(levels), np.ones(len(levels)), np.zeros(len(levels)))


def walk(bars: int, seed: int = 3) -> Floats:
    steps = np.random.default_rng(seed).normal(0.0003, 0.02, bars)
    return 50.0 * np.cumprod(1.0 + steps)


def test_rsi_follows_the_published_example() -> None:
    values = rsi(np.array(PUBLISHED_CLOSES), 14)
    assert np.isnan(values[:14]).all()
    assert values[14:] == pytest.approx(PUBLISHED_RSI, abs=0.011)


def test_rsi_of_one_direction_and_of_none() -> None:
    assert rsi(np.arange(1.0, 30.0))[-1] == 100.0
    assert rsi(np.arange(30.0, 1.0, -1.0))[-1] == 0.0
    assert rsi(np.full(30, 5.0))[-1] == 50.0
    assert np.isnan(rsi(np.ones(14))).all()


def test_windowed_rsi_is_wilder_s_far_from_the_start() -> None:
    levels = walk(1000)
    exact = rsi(levels)
    windowed = windowed_rsi(growth_of(levels.tolist()))
    assert np.isnan(windowed[:120]).all()
    assert np.abs(windowed[200:] - exact[200:]).max() < 0.02


@given(prices)
def test_windowed_rsi_equals_the_weighted_sums(levels: list[float]) -> None:
    changes = np.diff(levels)[-20:]
    weights = (13.0 / 14.0) ** np.arange(19, -1, -1.0)
    rises = float(np.sum(weights * np.maximum(changes, 0.0)))
    falls = float(np.sum(weights * np.maximum(-changes, 0.0)))
    expected = 50.0 if rises + falls == 0.0 else 100.0 * rises / (rises + falls)
    assert windowed_rsi(growth_of(levels), 14, 20)[-1] == pytest.approx(expected, abs=1e-6)


@given(prices, st.integers(1, 30))
def test_levels_equal_the_plain_computation(levels: list[float], window: int) -> None:
    closes = np.array(levels)
    growth, highs, lows = growth_of(levels), closes * 1.03, closes * 0.98
    last = closes[-window:]
    assert average_level(growth, window)[-1] == pytest.approx(closes[-1] / last.mean() - 1.0, abs=1e-9)
    assert high_level(growth, highs, closes, window)[-1] == pytest.approx(
        closes[-1] / (last.max() * 1.03) - 1.0, abs=1e-9
    )
    assert low_level(growth, lows, closes, window)[-1] == pytest.approx(
        closes[-1] / (last.min() * 0.98) - 1.0, abs=1e-9
    )


def test_levels_do_not_see_a_split() -> None:
    closes = walk(60)
    halved = closes.copy()
    halved[30:] /= 2.0
    splits = np.ones(60)
    splits[30] = 2.0
    growth = total_growth(halved, splits, np.zeros(60))
    plain = growth_of(closes.tolist())
    assert average_level(growth, 40)[39:] == pytest.approx(average_level(plain, 40)[39:])
    assert high_level(growth, halved, halved, 40)[39:] == pytest.approx(
        high_level(plain, closes, closes, 40)[39:]
    )


def test_averages_of_known_values() -> None:
    values = np.array([22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39])
    assert moving_average(values, 10)[9:] == pytest.approx([22.221, 22.209, 22.229])
    assert exponential_average(values, 10)[9:] == pytest.approx([22.22, 22.21, 22.24], abs=0.006)
    assert np.isnan(exponential_average(values, 13)).all()


def test_place_in_range() -> None:
    places = place_in_range(np.array([3.0, 3.0, 2.0]), np.array([1.0, 1.0, 2.0]), np.array([3.0, 1.5, 2.0]))
    assert places.tolist() == [1.0, 0.25, 0.5]


@pytest.mark.parametrize("indicator", [rsi, exponential_average])
def test_periods_below_one_are_refused(indicator: object) -> None:
    with pytest.raises(ValueError, match="period must be 1 or more"):
        indicator(np.ones(5), 0)  # type: ignore[operator]


def growth_and_levels(bars: int = 80) -> tuple[Floats, Floats]:
    growth = np.exp(np.random.default_rng(4).normal(0.0, 0.02, bars))
    growth[0] = np.nan
    return growth, np.concatenate(([1.0], np.cumprod(growth[1:])))


def test_level_zscore_is_that_of_adjusted_prices() -> None:
    growth, levels = growth_and_levels()
    for i in range(19, len(levels)):
        window = levels[i - 19 : i + 1]
        expected = (window[-1] - window.mean()) / window.std(ddof=1)
        assert level_zscore(growth, 20)[i] == pytest.approx(expected, rel=1e-9)


def test_range_level_is_the_average_true_range_of_adjusted_prices() -> None:
    growth, levels = growth_and_levels()
    highs, lows = levels * 1.01, levels * 0.98
    ranges = true_range(highs, lows, levels)
    for i in range(20, len(levels)):
        expected = ranges[i - 13 : i + 1].mean() / levels[i]
        assert range_level(growth, highs, lows, levels, 14)[i] == pytest.approx(expected, rel=1e-9)


def test_bands_averages_and_ranges_against_plain_formulas() -> None:
    _, levels = growth_and_levels()
    lower, middle, upper = bollinger(levels, 20, 2.0)
    window = levels[-20:]
    assert (lower[-1], middle[-1], upper[-1]) == pytest.approx(
        (window.mean() - 2 * window.std(), window.mean(), window.mean() + 2 * window.std())
    )
    line, signal, histogram = macd(levels)
    assert line[-1] == exponential_average(levels, 12)[-1] - exponential_average(levels, 26)[-1]
    assert np.isnan(signal[32])
    assert signal[33] == pytest.approx(line[25:34].mean())
    assert histogram[-1] == line[-1] - signal[-1]
    assert momentum(levels, 10)[-1] == levels[-1] / levels[-11] - 1.0
    assert atr(levels + 1.0, levels - 1.0, np.full(80, levels[0]), 14)[13] == pytest.approx(
        true_range(levels + 1.0, levels - 1.0, np.full(80, levels[0]))[:14].mean()
    )
