"""What a forecast looks at: features of one instrument's bars, each with its words for people.

Row i of the matrix depends on bars i - LOOKBACK_BARS + 1 to i only and is made of +, -, *, /, square roots
and comparisons in a fixed order. So the newest row from a short history equals the one from a long history to
the bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.indicators import (
    average_level,
    high_level,
    low_level,
    place_in_range,
    windowed_rsi,
)
from traderbot.analytics.returns import total_growth
from traderbot.analytics.rolling import rolling_mean, rolling_product, rolling_zscore
from traderbot.analytics.volatility import rolling_volatility
from traderbot.intelligence.panels import Panel

LOOKBACK_BARS = 121
"""Bars that the newest row needs: 120 returns and the close before them."""

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the forecast and how it is said.

    name:     key in the model and in the API.
    label:    what it measures, as the start of a noun phrase.
    words:    a value in words, such as "+8.1%".
    compare:  adjectives for values below and above what is usual, or None when the value speaks for itself.
    brackets: whether a sentence puts the value in brackets behind the label.
    """

    name: str
    label: str
    words: Words
    compare: tuple[str, str] | None = None
    brackets: bool = True


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _percent(value: float) -> str:
    return f"{_signed(100 * value)}%"


def _per_day(value: float) -> str:
    return f"{100 * value:.1f}% a day"


def _times(value: float) -> str:
    return f"{value:.1f} times the 60-day"


def _deviations_moved(value: float) -> str:
    return f"{_signed(value)} standard deviations"


def _deviations_from_mean(value: float) -> str:
    size = f"{abs(value):.1f}"
    if size == "0.0":
        return "at its 20-day mean"
    return f"{size} standard deviations {'above' if value > 0.0 else 'below'} its 20-day mean"


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _place(value: float) -> str:
    return f"{100 * value:.0f}% of the way from low to high"


FEATURES: tuple[Feature, ...] = (
    Feature("return_1", "last session's return", _percent),
    Feature("overnight_gap", "opening gap", _percent),
    Feature("momentum_5", "5-day momentum", _percent),
    Feature("momentum_20", "20-day momentum", _percent),
    Feature("momentum_60", "60-day momentum", _percent),
    Feature("momentum_120", "120-day momentum", _percent),
    Feature("stretch_5", "5-day move in units of volatility", _deviations_moved),
    Feature("above_average_20", "distance to the 20-day average", _percent),
    Feature("above_average_60", "distance to the 60-day average", _percent),
    Feature("rsi_14", "RSI", _whole, brackets=False),
    Feature("volatility_20", "20-day volatility", _per_day, compare=("low", "high")),
    Feature("volatility_ratio", "10-day volatility", _times),
    Feature("range_10", "daily trading range", _per_day, compare=("narrow", "wide")),
    Feature("turnover_z", "turnover", _deviations_from_mean, compare=("light", "heavy")),
    Feature("close_place", "close within the day's range", _place),
    Feature("below_high_120", "distance to the 120-day high", _percent),
    Feature("above_low_120", "distance to the 120-day low", _percent),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def feature_matrix(panel: Panel) -> Floats:
    """Every feature at every bar, from that bar and earlier ones only.

    Returns: float64 (n, len(FEATURES)), columns in the order of FEATURES; rows before LOOKBACK_BARS - 1 hold
             NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = _columns(panel)
    return np.column_stack([columns[name] for name in FEATURE_NAMES])


def latest_features(panel: Panel) -> Floats:
    """The newest row of feature_matrix from the last LOOKBACK_BARS bars, equal to the bit to the whole
    history's.

    panel:   at least the last LOOKBACK_BARS bars; older ones are left aside.
    Returns: float64 (len(FEATURES),), with NaN when there are fewer bars.
    Errors:  ValueError when the panel is empty.
    """
    if len(panel) == 0:
        raise ValueError(f"{panel.symbol}: no bars to take features from")
    row: Floats = feature_matrix(panel.last(LOOKBACK_BARS))[-1]
    return row


def _columns(panel: Panel) -> Mapping[str, Floats]:
    growth = total_growth(panel.close, panel.split_ratios, panel.dividends)
    volatility_20 = rolling_volatility(growth, 20)
    momentum_5 = rolling_product(growth, 5) - 1.0
    return {
        "return_1": growth - 1.0,
        "overnight_gap": _overnight_gap(panel),
        "momentum_5": momentum_5,
        "momentum_20": rolling_product(growth, 20) - 1.0,
        "momentum_60": rolling_product(growth, 60) - 1.0,
        "momentum_120": rolling_product(growth, 120) - 1.0,
        "stretch_5": _ratio(momentum_5, volatility_20 * np.sqrt(5.0)),
        "above_average_20": average_level(growth, 20),
        "above_average_60": average_level(growth, 60),
        "rsi_14": windowed_rsi(growth, 14, 120),
        "volatility_20": volatility_20,
        "volatility_ratio": _ratio(rolling_volatility(growth, 10), rolling_volatility(growth, 60)),
        "range_10": rolling_mean((panel.high - panel.low) / panel.close, 10),
        "turnover_z": rolling_zscore(panel.close * panel.volume, 20),
        "close_place": place_in_range(panel.high, panel.low, panel.close),
        "below_high_120": high_level(growth, panel.high, panel.close, 120),
        "above_low_120": low_level(growth, panel.low, panel.close, 120),
    }


def _overnight_gap(panel: Panel) -> Floats:
    gap = np.full(len(panel), np.nan)
    worth = panel.open[1:] * panel.split_ratios[1:] + panel.dividends[1:]
    gap[1:] = worth / panel.close[:-1] - 1.0
    return gap


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient that is 0 where nothing has moved, so that a still instrument has features too."""
    still = denominator == 0.0
    return np.where(still, 0.0, numerator / np.where(still, 1.0, denominator))
