"""Indicators of price: averages, relative strength, and the level against a window's average, high and low.

The `*_level` functions and `windowed_rsi` take growth per bar (returns.total_growth) in place of prices. They
need no adjusted price series: every price of a window is measured in units of its newest one.
"""

import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length, series
from traderbot.analytics.rolling import (
    State,
    fold_windows,
    merge_moments,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_moments,
)
from traderbot.analytics.sharing import shared


def moving_average(values: Floats, window: int) -> Floats:
    """Simple moving average; float64 (n,), NaN before window - 1."""
    return rolling_mean(values, window)


@shared
def exponential_average(values: Floats, period: int) -> Floats:
    """Exponential moving average with alpha 2 / (period + 1), begun at the simple average of the first
    `period` values.

    Returns: float64 (n,), NaN before period - 1. Recursive: a value remembers all earlier bars.
    Source:  Murphy, Technical Analysis of the Financial Markets, 1999, chapter 9.
    """
    values = floats(values, "values")
    averages = np.full(values.shape, np.nan)
    if period < 1:
        raise ValueError(f"period must be 1 or more, got {period}")
    if values.shape[0] < period:
        return averages
    alpha = 2.0 / (period + 1.0)
    average = float(np.mean(values[:period]))
    averages[period - 1] = average
    for i in range(period, values.shape[0]):
        average += alpha * (float(values[i]) - average)
        averages[i] = average
    return averages


@shared
def rsi(levels: Floats, period: int = 14) -> Floats:
    """Relative strength index, 0 to 100: the share of upward moves in all moves, smoothed as charts show it.

    levels:  float64 (n,), adjusted prices, oldest first, no NaN.
    Returns: float64 (n,), NaN before `period`; 50 where nothing has moved. Recursive: remembers all earlier
             bars.
    Source:  Wilder, New Concepts in Technical Trading Systems, 1978, section 6.
    """
    levels = floats(levels, "levels")
    strength = np.full(levels.shape, np.nan)
    if period < 1:
        raise ValueError(f"period must be 1 or more, got {period}")
    if levels.shape[0] <= period:
        return strength
    changes = np.diff(levels)
    rise = float(np.mean(np.maximum(changes[:period], 0.0)))
    fall = float(np.mean(np.maximum(-changes[:period], 0.0)))
    strength[period] = _share_of_rises(rise, fall)
    for i in range(period, changes.shape[0]):
        change = float(changes[i])
        rise += (max(change, 0.0) - rise) / period
        fall += (max(-change, 0.0) - fall) / period
        strength[i + 1] = _share_of_rises(rise, fall)
    return strength


def momentum(values: Floats, window: int) -> Floats:
    """Change over the last `window` bars, as a fraction; NaN before `window`."""
    values = floats(values, "values")
    if window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    change = np.full(values.shape, np.nan)
    change[window:] = values[window:] / values[:-window] - 1.0
    return change


def bollinger(values: Floats, window: int = 20, width: float = 2.0) -> tuple[Floats, Floats, Floats]:
    """Lower band, average and upper band: `width` standard deviations of the window about its average.

    Returns: three times float64 (n,), NaN before window - 1; the deviation has divisor `window`.
    Source:  Bollinger, Bollinger on Bollinger Bands, 2001, chapter 7.
    """
    middle, variance = rolling_moments(values, window)
    reach = width * np.sqrt(variance * ((window - 1) / window))
    return middle - reach, middle, middle + reach


def donchian(highs: Floats, lows: Floats, window: int) -> tuple[Floats, Floats]:
    """Lowest low and highest high of the last `window` bars, the newest included; NaN before window - 1."""
    same_length(highs=highs, lows=lows)
    return rolling_min(lows, window), rolling_max(highs, window)


def macd(values: Floats, fast: int = 12, slow: int = 26, smooth: int = 9) -> tuple[Floats, Floats, Floats]:
    """Difference of a fast and a slow exponential average, its own average, and the first less the second.

    Returns: three times float64 (n,); the first NaN before slow - 1, the others before slow + smooth - 2.
    Source:  Appel, Technical Analysis: Power Tools for Active Investors, 2005, chapter 8.
    """
    values = floats(values, "values")
    if not 0 < fast < slow:
        raise ValueError(f"fast must be 1 or more and below slow ({slow}), got {fast}")
    line = exponential_average(values, fast) - exponential_average(values, slow)
    signal = np.full(values.shape, np.nan)
    signal[slow - 1 :] = exponential_average(line[slow - 1 :], smooth)
    return line, signal, line - signal


def true_range(highs: Floats, lows: Floats, closes: Floats) -> Floats:
    """The span of each bar and the close before it; of the first bar its own span.

    Source: Wilder 1978, section 3.
    """
    highs, lows, closes = floats(highs, "highs"), floats(lows, "lows"), floats(closes, "closes")
    same_length(highs=highs, lows=lows, closes=closes)
    upper, lower = highs.copy(), lows.copy()
    upper[1:] = np.maximum(highs[1:], closes[:-1])
    lower[1:] = np.minimum(lows[1:], closes[:-1])
    return upper - lower


def atr(highs: Floats, lows: Floats, closes: Floats, period: int = 14) -> Floats:
    """Average true range: Wilder's average of the true range, begun at the mean of the first `period`.

    highs, lows, closes: float64 (n,), adjusted prices, no NaN.
    Returns: float64 (n,), NaN before period - 1. Recursive: a value remembers all earlier bars.
    Source:  Wilder 1978, section 3.
    """
    ranges = true_range(highs, lows, closes)
    if period < 1:
        raise ValueError(f"period must be 1 or more, got {period}")
    averages = np.full(ranges.shape, np.nan)
    if len(ranges) < period:
        return averages
    average = float(np.mean(ranges[:period]))
    averages[period - 1] = average
    for i in range(period, len(ranges)):
        average += (float(ranges[i]) - average) / period
        averages[i] = average
    return averages


@shared
def windowed_rsi(growth: Floats, period: int = 14, window: int = 120) -> Floats:
    """Relative strength index with Wilder's weights, cut off after `window` changes: older bars do not count.

    growth:  float64 (n,), gross return per bar, the first NaN.
    window:  changes that count. At 14 and 120 the weights left out sum to 0.014% of all: the difference to
             `rsi` far from the start stays below 0.02 points unless the moves left out were far larger than
             the recent ones.
    Returns: float64 (n,), NaN until `window` growths are known; 50 where nothing has moved.
    Source:  Wilder 1978, section 6; his smoothing is an exponential average with alpha 1 / period.
    """
    growth = floats(growth, "growth")
    decay = 1.0 - 1.0 / period

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        weight = decay**newer_bars / newer[2]
        return newer[0] + older[0] * weight, newer[1] + older[1] * weight, older[2] * newer[2]

    change = 1.0 - 1.0 / growth
    rises, falls, _ = fold_windows((np.maximum(change, 0.0), np.maximum(-change, 0.0), growth), window, merge)
    moves = rises + falls
    still = moves == 0.0
    return np.where(still, 50.0, 100.0 * rises / np.where(still, 1.0, moves))


@shared
def average_level(growth: Floats, window: int) -> Floats:
    """Newest price over the simple average of its window's prices, less 1: distance to the average.

    growth:  float64 (n,), gross return per bar; the growth into the window's first bar is not used.
    Returns: float64 (n,), a fraction, NaN before window - 1.
    """
    growth = series(growth, "growth")

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return newer[0] + older[0] / newer[1], older[1] * newer[1]

    total, _ = fold_windows((np.ones_like(growth), growth), window, merge)
    return window / total - 1.0


def level_zscore(growth: Floats, window: int) -> Floats:
    """How many standard deviations the newest price lies from the mean of its window's prices.

    growth:  float64 (n,) or (n, columns), gross return per bar; that into the window's first bar is not used.
    Returns: of that shape, NaN before window - 1; 0 where all prices of the window are equal.
    """
    mean, variance = level_moments(growth, window)
    flat = variance <= 0.0
    return np.where(flat, 0.0, (1.0 - mean) / np.sqrt(np.where(flat, 1.0, variance)))


def level_moments(growth: Floats, window: int) -> tuple[Floats, Floats]:
    """Mean and sample variance of a window's prices, in units of the newest; arguments as level_zscore."""
    growth = series(growth, "growth")

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        scaled = (older[0] / newer[2], older[1] / (newer[2] * newer[2]))
        return *merge_moments(scaled, newer, older_bars, newer_bars), older[2] * newer[2]

    ones = np.ones_like(growth)
    mean, squares, _ = fold_windows((ones, ones * 0.0, growth), window, merge)
    return mean, squares / (window - 1)


def range_level(growth: Floats, highs: Floats, lows: Floats, closes: Floats, window: int) -> Floats:
    """Simple average of the true range over a window, as a fraction of the newest close.

    growth:  float64 (n,) or (n, columns), gross return per bar, of all bars of the window; highs, lows,
             closes: raw, of the same bars.
    Returns: of that shape, NaN before window - 1.
    Source:  true range: Wilder 1978, section 3, with splits and dividends taken out of the close before.
    """
    growth, closes = series(growth, "growth"), series(closes, "closes")
    before = 1.0 / growth
    ranges = np.maximum(series(highs, "highs") / closes, before) - np.minimum(
        series(lows, "lows") / closes, before
    )

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return newer[0] + older[0] / newer[1], older[1] * newer[1]

    return fold_windows((ranges, growth), window, merge)[0] / window


def high_level(growth: Floats, highs: Floats, closes: Floats, window: int) -> Floats:
    """Newest close over the highest high of its window, less 1: the drawdown from the high, 0 or negative.

    growth:  float64 (n,), gross return per bar; highs, closes: float64 (n,), raw, of the same bars.
    Returns: float64 (n,), a fraction, NaN before window - 1.
    """
    return 1.0 / _extreme_level(growth, series(highs, "highs"), series(closes, "closes"), window) - 1.0


def low_level(growth: Floats, lows: Floats, closes: Floats, window: int) -> Floats:
    """Newest close over the lowest low of its window, less 1: the rise from the low, 0 or positive.

    Arguments as high_level, with lows.
    Returns: float64 (n,), a fraction, NaN before window - 1.
    """
    return -1.0 / _extreme_level(growth, -series(lows, "lows"), series(closes, "closes"), window) - 1.0


def place_in_range(highs: Floats, lows: Floats, closes: Floats) -> Floats:
    """Where each bar closed between its low (0) and its high (1); 0.5 for a bar without a range.

    Source: the %K of a one-bar stochastic, Lane 1984.
    """
    highs, lows, closes = series(highs, "highs"), series(lows, "lows"), series(closes, "closes")
    same_length(highs=highs, lows=lows, closes=closes)
    spread = highs - lows
    flat = spread == 0.0
    return np.where(flat, 0.5, (closes - lows) / np.where(flat, 1.0, spread))


def _extreme_level(growth: Floats, extremes: Floats, closes: Floats, window: int) -> Floats:
    growth = series(growth, "growth")
    same_length(growth=growth, extremes=extremes, closes=closes)

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return np.maximum(newer[0], older[0] / newer[1]), older[1] * newer[1]

    return fold_windows((extremes / closes, growth), window, merge)[0]


def _share_of_rises(rise: float, fall: float) -> float:
    moves = rise + fall
    return 50.0 if moves == 0.0 else 100.0 * rise / moves
