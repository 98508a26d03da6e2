"""How much an instrument moves: standard deviations of its returns, per bar, as fractions."""

import numpy as np

from traderbot.analytics.arrays import Floats, floats
from traderbot.analytics.rolling import State, fold_windows, rolling_std

TRADING_DAYS = 252
"""Sessions in a year, by the convention of annualised volatility."""


def rolling_volatility(returns: Floats, window: int = 20) -> Floats:
    """Sample standard deviation of the last `window` returns.

    returns: float64 (n,), simple or log returns per bar, the first usually NaN.
    Returns: float64 (n,) per bar, NaN until `window` returns are known.
    """
    return rolling_std(returns, window)


def ewma_volatility(returns: Floats, decay: float = 0.94, window: int = 75) -> Floats:
    """Volatility by exponentially falling weights on squared returns, cut off after `window` bars.

    decay:   weight ratio of one bar to the next newer one, in (0, 1).
    window:  bars that count; 75 at 0.94 leaves out 1% of the weight. The cut makes a value independent of
             older bars.
    Returns: float64 (n,) per bar, NaN until `window` returns are known; weights are normalised to 1.
    Errors:  ValueError when decay is outside (0, 1).
    Source:  RiskMetrics Technical Document, 4th ed. 1996, chapter 5 (decay 0.94 for daily data, and the
             cut-off).
    """
    if not 0.0 < decay < 1.0:
        raise ValueError(f"decay must be in (0, 1), got {decay}")
    returns = floats(returns, "returns")

    def merge(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
        return (newer[0] + older[0] * decay**newer_bars,)

    weighted = fold_windows((returns * returns,), window, merge)[0]
    volatility: Floats = np.sqrt(weighted * (1.0 - decay) / (1.0 - decay**window))
    return volatility


def annualised(volatility: Floats, bars_per_year: int = TRADING_DAYS) -> Floats:
    """Volatility per bar scaled to a year by the square root of time (returns taken as uncorrelated)."""
    yearly: Floats = volatility * np.sqrt(float(bars_per_year))
    return yearly
