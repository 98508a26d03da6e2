"""Returns from raw closes, with splits and dividends applied on the bar of their ex-date and never earlier.

Adjusted closes from a vendor are rewritten each time a dividend is paid: they carry the future into the past.
The functions here use raw closes and the corporate actions known by each bar, so that a value never changes
afterwards.
"""

import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length


def simple_returns(levels: Floats) -> Floats:
    """Relative change from each bar to the next, as a fraction.

    levels:  float64 (n,), positive, oldest first.
    Returns: float64 (n,), the first NaN.
    """
    levels = floats(levels, "levels")
    returns = np.full(levels.shape, np.nan)
    returns[1:] = levels[1:] / levels[:-1] - 1.0
    return returns


def log_returns(levels: Floats) -> Floats:
    """Logarithm of each bar's growth, which adds up over time where simple returns compound.

    levels:  float64 (n,), positive, oldest first.
    Returns: float64 (n,), the first NaN.
    """
    levels = floats(levels, "levels")
    returns = np.full(levels.shape, np.nan)
    returns[1:] = np.log(levels[1:] / levels[:-1])
    return returns


def total_growth(closes: Floats, split_ratios: Floats, dividends: Floats) -> Floats:
    """What one unit of money held over each bar became: price, split and dividend together.

    closes:       float64 (n,), raw, positive, oldest first.
    split_ratios: float64 (n,), new shares per old share on the ex-date's bar, otherwise 1.
    dividends:    float64 (n,), cash per share held before the ex-date, on the ex-date's bar, otherwise 0.
    Returns:      float64 (n,), (close[i] * split[i] + dividend[i]) / close[i-1], the first NaN.
    Source:       CRSP, total return RET: (p(t) f(t) + d(t)) / p(t') with f the factor to adjust price.
    """
    closes = floats(closes, "closes")
    split_ratios = floats(split_ratios, "split_ratios")
    dividends = floats(dividends, "dividends")
    same_length(closes=closes, split_ratios=split_ratios, dividends=dividends)
    growth = np.full(closes.shape, np.nan)
    growth[1:] = (closes[1:] * split_ratios[1:] + dividends[1:]) / closes[:-1]
    return growth


def total_returns(closes: Floats, split_ratios: Floats, dividends: Floats) -> Floats:
    """Return of holding over each bar, dividends included, as a fraction.

    Arguments as total_growth.
    Returns: float64 (n,), the first NaN.
    """
    return total_growth(closes, split_ratios, dividends) - 1.0


def total_return_index(closes: Floats, split_ratios: Floats, dividends: Floats, start: float = 1.0) -> Floats:
    """Value over time of `start` invested at the first close, dividends reinvested on their ex-date.

    Arguments as total_growth; start: value at the first bar.
    Returns: float64 (n,), no NaN; later bars never change earlier values.
    """
    growth = total_growth(closes, split_ratios, dividends)
    growth[:1] = start
    return np.asarray(np.cumprod(growth), dtype=np.float64)


def adjustment_factors(closes: Floats, split_ratios: Floats, dividends: Floats) -> Floats:
    """What each raw price is to be multiplied by to be compared with the last one, dividends reinvested.

    Arguments as total_growth.
    Returns: float64 (n,), the last 1; it knows of no more than the bars given.
    """
    growth = total_growth(closes, split_ratios, dividends)
    factors = np.ones(len(growth))
    if len(growth) > 1:
        factors[:-1] = closes[-1] / closes[:-1] / np.cumprod(growth[:0:-1])[::-1]
    return factors


def equal_parts(worth: Floats) -> Floats:
    """What 1 became in equal parts of what is listed, held, and set right whenever one more is listed.

    worth:   float64 (T, N), of one unit of each instrument, NaN before it is listed and nowhere after.
    Returns: float64 (T,); 1 until one is listed.
    """
    levels = np.ones(len(worth))
    listed = ~np.isnan(worth)
    firsts = np.unique(listed.argmax(axis=0)[listed.any(axis=0)]).tolist()
    for place, first in enumerate(firsts):
        last = [*firsts, len(worth) - 1][place + 1]
        own = worth[first : last + 1, listed[first]]
        levels[first : last + 1] = levels[first] * (own / own[0]).mean(axis=1)
    return levels
