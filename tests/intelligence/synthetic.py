"""Made-up bars for the tests of the models: seeded walks, with or without something to learn."""

import numpy as np

from traderbot.intelligence.panels import Panel

DAY = 86_400_000_000
FIRST = 951_944_400_000_000
"""2000-03-01 21:00 UTC."""


def random_panel(bars: int, seed: int = 1, symbol: str = "AAA", drift: float = 0.0005) -> Panel:
    """A walk with a split and some dividends, raw prices as an exchange would print them."""
    rng = np.random.default_rng(seed)
    splits = np.ones(bars)
    splits[bars // 3] = 2.0
    dividends = np.where(np.arange(bars) % 63 == 62, 0.2, 0.0)
    value = 50.0 * np.cumprod(1.0 + rng.normal(drift, 0.015, bars))
    close = value / np.cumprod(splits)
    return _around(symbol, close, splits, dividends, rng)


def swinging_panel(bars: int, seed: int = 1, symbol: str = "AAA") -> Panel:
    """A price that swings about a level: what fell most is likely to rise, so there is something to learn."""
    rng = np.random.default_rng(seed)
    gap = np.zeros(bars)
    for i in range(1, bars):
        gap[i] = 0.8 * gap[i - 1] + rng.normal(0.0, 0.02)
    return _around(symbol, 50.0 * np.exp(gap), np.ones(bars), np.zeros(bars), rng)


def flat_panel(bars: int, symbol: str = "FLAT") -> Panel:
    """Nothing ever moves."""
    ones = np.ones(bars)
    return Panel(symbol, _times(bars), ones, ones, ones, ones, ones, ones, np.zeros(bars))


def _around(
    symbol: str,
    close: np.ndarray,
    splits: np.ndarray,
    dividends: np.ndarray,
    rng: np.random.Generator,
) -> Panel:
    bars = close.shape[0]
    opening = close * (1.0 + rng.normal(0.0, 0.004, bars))
    high = np.maximum(opening, close) * (1.0 + rng.uniform(0.0, 0.01, bars))
    low = np.minimum(opening, close) * (1.0 - rng.uniform(0.0, 0.01, bars))
    volume = np.round(rng.lognormal(14.0, 0.4, bars))
    return Panel(symbol, _times(bars), opening, high, low, close, volume, splits, dividends)


def _times(bars: int) -> np.ndarray:
    return FIRST + DAY * np.arange(bars, dtype=np.int64)
