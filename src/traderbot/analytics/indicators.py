"""Indicators of price: averages, relative strength, and the level against a window's average, high and low.

The `*_level` functions and `windowed_rsi` take growth per bar (returns.total_growth) in place of prices. They
need no adjusted price series: every price of a window is measured in units of its newest one.
"""

import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length
from traderbot.analytics.rolling import State, fold_windows, rolling_mean
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
    growth = floats(growth, "growth")

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return newer[0] + older[0] / newer[1], older[1] * newer[1]

    total, _ = fold_windows((np.ones_like(growth), growth), window, merge)
    return window / total - 1.0


def high_level(growth: Floats, highs: Floats, closes: Floats, window: int) -> Floats:
    """Newest close over the highest high of its window, less 1: the drawdown from the high, 0 or negative.

    growth:  float64 (n,), gross return per bar; highs, closes: float64 (n,), raw, of the same bars.
    Returns: float64 (n,), a fraction, NaN before window - 1.
    """
    return 1.0 / _extreme_level(growth, floats(highs, "highs"), floats(closes, "closes"), window) - 1.0


def low_level(growth: Floats, lows: Floats, closes: Floats, window: int) -> Floats:
    """Newest close over the lowest low of its window, less 1: the rise from the low, 0 or positive.

    Arguments as high_level, with lows.
    Returns: float64 (n,), a fraction, NaN before window - 1.
    """
    return -1.0 / _extreme_level(growth, -floats(lows, "lows"), floats(closes, "closes"), window) - 1.0


def place_in_range(highs: Floats, lows: Floats, closes: Floats) -> Floats:
    """Where each bar closed between its low (0) and its high (1); 0.5 for a bar without a range.

    Source: the %K of a one-bar stochastic, Lane 1984.
    """
    highs, lows, closes = floats(highs, "highs"), floats(lows, "lows"), floats(closes, "closes")
    same_length(highs=highs, lows=lows, closes=closes)
    spread = highs - lows
    flat = spread == 0.0
    return np.where(flat, 0.5, (closes - lows) / np.where(flat, 1.0, spread))


def _extreme_level(growth: Floats, extremes: Floats, closes: Floats, window: int) -> Floats:
    growth = floats(growth, "growth")
    same_length(growth=growth, extremes=extremes, closes=closes)

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return np.maximum(newer[0], older[0] / newer[1]), older[1] * newer[1]

    return fold_windows((extremes / closes, growth), window, merge)[0]


def _share_of_rises(rise: float, fall: float) -> float:
    moves = rise + fall
    return 50.0 if moves == 0.0 else 100.0 * rise / moves
