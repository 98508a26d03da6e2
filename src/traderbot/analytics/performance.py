"""How a curve of equity did: return, risk and their ratios, from daily returns, beside a benchmark.

A day is a UTC day and a value at midnight belongs to the day before, as in a backtest. What is not defined,
such as a Sharpe ratio without any variation, is None, never NaN. Where prices move on weekends a year has 365
days, else 252.
"""

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length
from traderbot.analytics.drawdowns import drawdowns, underwater
from traderbot.analytics.rolling import rolling_moments
from traderbot.analytics.volatility import TRADING_DAYS
from traderbot.model.bars import Times

CALENDAR_DAYS = 365
_DAY = 86_400_000_000
_MONDAY = 4  # the number of the first Monday since 1970-01-01, a Thursday
_CENT = 0.01  # an account with less has lost everything: a ratio to it would say nothing
_FLAT = 1e-15  # a standard deviation below this comes from rounding


class Performance(msgspec.Struct, frozen=True):
    """Figures of one curve; fractions, not percent, a year being `year` days.

    first, last: microseconds UTC. days: daily returns there are. max_drawdown: negative or 0,
    of every value given. drawdown_days: calendar days of the longest stretch below a peak. best_day,
    worst_day: daily returns. positive_days: share of the days that gained. kurtosis: 3 of a normal
    distribution.
    alpha (a year), beta, correlation, tracking_error, information_ratio: against the benchmark.
    """

    first: int
    last: int
    days: int
    year: int
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    drawdown_days: float
    tail_ratio: float | None
    skewness: float | None
    kurtosis: float | None
    best_day: float | None
    worst_day: float | None
    positive_days: float | None
    alpha: float | None = None
    beta: float | None = None
    correlation: float | None = None
    tracking_error: float | None = None
    information_ratio: float | None = None


class Month(msgspec.Struct, frozen=True):
    """Return of one calendar month, UTC; of the first and the last as much as the curve has of it."""

    year: int
    month: int
    change: float


def measure(times: Times, equity: Floats, benchmark: Floats | None = None, rate: float = 0.0) -> Performance:
    """Measure a curve from its daily returns.

    times:     int64 (n,), microseconds UTC, increasing.
    equity:    float64 (n,), finite. From a value below a cent on there are no returns any more.
    benchmark: float64 (n,), positive, what to compare with at the same times.
    rate:      risk-free return a year, a fraction; compounded daily, it is taken off every daily return.
    Errors:    ValueError for arrays that do not fit together, are empty or not finite.
    Source:    CAGR, Sharpe, Sortino, Calmar: Bacon 2008, Practical Portfolio Performance Measurement and
               Attribution, chapters 2 and 4; Sharpe 1994, doi:10.3905/jpm.1994.409501; Sortino and Price
               1994, doi:10.3905/joi.3.3.59; Young 1991, Calmar ratio, Futures 20(1). Alpha: Jensen 1968,
               doi:10.1111/j.1540-6261.1968.tb00815.x. Annualised as empyrical-reloaded does.
    """
    equity = _checked(times, equity, "equity")
    year = days_a_year(times)
    _, closes = daily_closes(times, equity)
    returns = _returns(closes)
    free = (1.0 + rate) ** (1.0 / year) - 1.0
    excess = returns - free
    depth = underwater(equity)
    worst, cagr = float(depth.min()), _cagr(closes, year)
    figures = Performance(
        first=int(times[0]),
        last=int(times[-1]),
        days=len(returns),
        year=year,
        total_return=float(closes[-1] / closes[0] - 1.0) if closes[0] >= _CENT else None,
        cagr=cagr,
        volatility=_scaled(_deviation(returns), year),
        sharpe=sharpe_ratio(excess, year),
        sortino=sortino_ratio(excess, year),
        calmar=None if cagr is None else _over(cagr, abs(worst)),
        max_drawdown=worst,
        drawdown_days=max((spell.days for spell in drawdowns(times, equity)), default=0.0),
        tail_ratio=tail_ratio(returns),
        skewness=_moment(returns, 3),
        kurtosis=_moment(returns, 4),
        best_day=float(returns.max()) if len(returns) else None,
        worst_day=float(returns.min()) if len(returns) else None,
        positive_days=float((returns > 0).mean()) if len(returns) else None,
    )
    if benchmark is None:
        return figures
    other = _returns(daily_closes(times, _checked(times, benchmark, "benchmark"))[1])
    return _beside(figures, excess, other[: len(excess)] - free)


def daily_closes(times: Times, equity: Floats) -> tuple[Times, Floats]:
    """(day numbers, value at each day's end): int64 and float64 (days,), the days that have a value."""
    numbers = -(-times // _DAY)
    last = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)
    return numbers[last], np.asarray(equity, dtype=np.float64)[last]


def daily_returns(times: Times, equity: Floats) -> tuple[Times, Floats]:
    """(times of the day's last value, simple returns from day to day): int64 and float64 (days - 1,)."""
    numbers = -(-times // _DAY)
    last = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)
    returns = _returns(equity[last])
    return times[last][1 : len(returns) + 1], returns


def days_a_year(times: Times) -> int:
    """365 where Saturdays and Sundays each are a twentieth of the days with values, else 252."""
    weekday = (np.unique(-(-times // _DAY)) - 1 - _MONDAY) % 7
    weekend = min(float((weekday == 5).mean()), float((weekday == 6).mean()))
    return CALENDAR_DAYS if weekend >= 0.05 else TRADING_DAYS


def sharpe_ratio(excess: Floats, year: float = TRADING_DAYS) -> float | None:
    """Mean over sample standard deviation of excess returns, times the root of the periods a year."""
    deviation = _deviation(excess)
    return None if not deviation else float(excess.mean() / deviation * np.sqrt(year))


def sortino_ratio(excess: Floats, year: float = TRADING_DAYS) -> float | None:
    """Mean of excess returns over their downside deviation, root of the mean square of the losses among
    all returns, times the root of the periods a year.
    """
    if len(excess) < 2:
        return None
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    return None if downside < _FLAT else float(excess.mean() / downside * np.sqrt(year))


def tail_ratio(returns: Floats) -> float | None:
    """95th percentile of returns over the 5th, both as sizes: above 1, the good tail is the longer one."""
    if not len(returns):
        return None
    high, low = np.abs(np.percentile(returns, (95, 5)))
    return _over(float(high), float(low))


def rolling_sharpe(returns: Floats, window: int = 126, year: float = TRADING_DAYS) -> Floats:
    """Sharpe ratio of the last `window` returns.

    Returns: float64 (n,), NaN before window - 1 and where the returns do not vary.
    """
    mean, variance = rolling_moments(floats(returns, "returns"), window)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = mean / np.sqrt(variance) * np.sqrt(year)
    return np.where(np.isfinite(ratio) & (variance > _FLAT**2), ratio, np.nan)


def monthly_returns(times: Times, equity: Floats) -> list[Month]:
    """Return of every calendar month with a value, oldest first; months without one are left out."""
    equity = _checked(times, equity, "equity")
    numbers, closes = daily_closes(times, equity)
    months = (numbers - 1).astype("M8[D]").astype("M8[M]")
    last = np.append(np.flatnonzero(np.diff(months.astype(np.int64))), len(months) - 1)
    before = np.concatenate((closes[:1], closes[last][:-1]))
    return [
        Month(1970 + number // 12, number % 12 + 1, float(after / start - 1.0))
        for number, start, after in zip(
            months[last].astype(np.int64).tolist(), before, closes[last], strict=True
        )
        if start >= _CENT
    ]


def _checked(times: Times, values: Floats, name: str) -> Floats:
    values = floats(values, name)
    if not same_length(times=times, **{name: values}):
        raise ValueError(f"{name} must have at least one value")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return values


def _returns(closes: Floats) -> Floats:
    """Simple returns up to the first value below a cent, which ends them."""
    ruined = np.flatnonzero(closes < _CENT)
    known = closes[: ruined[0] + 1] if len(ruined) else closes
    return np.asarray(known[1:] / known[:-1] - 1.0)


def _cagr(closes: Floats, year: int) -> float | None:
    periods = len(closes) - 1
    if not periods or closes[0] < _CENT:
        return None
    if closes.min() < _CENT:
        return -1.0
    with np.errstate(over="ignore"):
        return _finite(float((closes[-1] / closes[0]) ** (year / periods) - 1.0))


def _beside(figures: Performance, excess: Floats, market: Floats) -> Performance:
    """The figures with those against a benchmark. excess, market: daily returns over the risk-free one."""
    excess = excess[: len(market)]  # a ruined benchmark ends the comparison
    spread = _deviation(market)
    if not spread:
        return figures
    year, deviation = figures.year, _deviation(excess)
    beta = float(np.cov(excess, market, ddof=1)[0, 1] / spread**2)
    active = excess - market
    error = _deviation(active)
    with np.errstate(over="ignore"):
        alpha = float((1.0 + (excess - beta * market).mean()) ** year - 1.0)
    return msgspec.structs.replace(
        figures,
        alpha=_finite(alpha),
        beta=beta,
        correlation=beta * spread / deviation if deviation else None,
        tracking_error=_scaled(error, year),
        information_ratio=float(active.mean() / error * np.sqrt(year)) if error else None,
    )


def _deviation(returns: Floats) -> float | None:
    """Sample standard deviation; None of fewer than two returns, 0 where it comes from rounding."""
    if len(returns) < 2:
        return None
    deviation = float(returns.std(ddof=1))
    return deviation if deviation > _FLAT else 0.0


def _scaled(deviation: float | None, year: int) -> float | None:
    return None if deviation is None else float(deviation * np.sqrt(year))


def _moment(returns: Floats, order: int) -> float | None:
    """Standardised central moment of the sample (divisor n)."""
    if len(returns) < 2 or returns.std() < _FLAT:
        return None
    return float(np.mean(((returns - returns.mean()) / returns.std()) ** order))


def _over(part: float, whole: float) -> float | None:
    return _finite(part / whole) if whole > 0 else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
