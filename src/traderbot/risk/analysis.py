"""An account's risk: its holdings at their marks, moved as their prices have moved by now.

Values stay as they are over the horizon (a book of constant size), profits and losses add up. What one asks
twice of the same holdings at the same market time is computed once.
"""

from decimal import Decimal
from functools import lru_cache

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.drawdowns import underwater
from traderbot.analytics.risk.coverage import Coverage, Verdict, cover
from traderbot.analytics.risk.dependence import beta, concentration, correlations, days_to_sell
from traderbot.analytics.risk.garch import filtered, volatility_ahead
from traderbot.analytics.risk.rolling import forecasts
from traderbot.analytics.risk.shocks import all_as_one
from traderbot.analytics.volatility import TRADING_DAYS
from traderbot.model.amounts import Money
from traderbot.model.border import money_from_float, to_float
from traderbot.risk import figures as f
from traderbot.risk.book import Book
from traderbot.risk.history import History, Market, Reason, history_of, market_of
from traderbot.risk.methods import Estimate, estimate

TESTED_DAYS = 250
_ZERO = Decimal(0)
_WINDOW_MIN = 250
_REFIT = 125
_FEW = 250
_COPULA_MAX = 500
_TAIL_MIN = 5


@lru_cache(maxsize=256)
def analyse(book: Book, wanted: f.Wanted) -> f.RiskAnalysis:
    """What the account may lose; every figure that cannot be told is None with its reason. Errors: NotFound
    for a benchmark that the data set does not have.
    """
    reasons: list[Reason] = []
    history = history_of(book.dataset, book.time, [held.symbol for held in book.held], wanted.days)
    reasons += history.reasons
    market = market_of(book.dataset, book.time, wanted.benchmark)
    kept = {symbol: place for place, symbol in enumerate(history.symbols)}
    values = np.array([to_float(held.value) for held in book.held if held.symbol in kept])
    found = _estimated(book, history, values, wanted, reasons)
    made = history.returns @ values if len(values) else np.empty(0)
    equity = to_float(book.equity)
    if equity <= 0:
        reasons.append(Reason("shares of equity", "no_equity", f"equity is {book.equity:f}"))
    betas = _betas(history, market)
    parts = {} if found is None else _positions(book, history, values, betas, found, wanted, equity)
    return f.RiskAnalysis(
        as_of=book.time,
        currency=book.currency,
        equity=book.equity,
        value=Money(sum((held.value for held in book.held), _ZERO)),
        covered=Money(sum((held.value for held in book.held if held.symbol in kept), _ZERO)),
        method=wanted.method,
        level=wanted.level,
        horizon=wanted.horizon,
        days=len(history.days) if len(values) else 0,
        scenarios=None if found is None else found.scenarios,
        var=None if found is None else _loss(found.tail.var, equity, found.intervals.var),
        shortfall=None if found is None else _loss(found.tail.shortfall, equity, found.intervals.shortfall),
        interval_of=None if found is None else found.intervals.around,
        undiversified=None if found is None else _undiversified(history, values, wanted, equity, reasons),
        backtest=None if found is None else _backtest(history, values, wanted, reasons),
        volatility=None if found is None else _volatility(made, wanted.horizon, equity),
        drawdown=_drawdown(book, made, equity),
        benchmark=None if market is None else market.name,
        beta=_book_beta(betas, values, equity, market, reasons),
        correlation=None if found is None else _correlations(history, made, reasons),
        concentration=_concentration(book),
        liquidity=_liquidity(book, history, wanted.volume_share, reasons),
        positions=list(parts.values()),
        reasons=reasons,
    )


def _estimated(
    book: Book, history: History, values: Floats, wanted: f.Wanted, reasons: list[Reason]
) -> Estimate | None:
    """The figures themselves; None where there are none, with the reason."""
    if not book.held:
        reasons.append(Reason("all", "nothing_held", "the account holds no position"))
        return None
    if not len(values):
        reasons.append(Reason("all", "too_little_history", "no position has enough daily returns"))
        return None
    count = len(history.days)
    if wanted.method == "monte_carlo" and len(values) > _COPULA_MAX:
        detail = f"monte_carlo takes up to {_COPULA_MAX} positions, these are {len(values)}"
        reasons.append(Reason("all", "too_many_positions", detail))
        return None
    if count < 2 * wanted.horizon:
        detail = f"{count} days of history, {2 * wanted.horizon} are needed for the horizon"
        reasons.append(Reason("all", "too_little_history", detail))
        return None
    for place, symbol in enumerate(history.symbols):
        if not history.returns[:, place].std() > 1e-12:
            reasons.append(Reason("all", "constant_price", "its price never changed", symbol))
    _warn(count, wanted, reasons)
    try:
        found = estimate(wanted.method, history.returns, values, wanted.level, wanted.horizon)
    except ValueError:
        reasons.append(Reason("all", "constant_price", "the holdings together never changed in value"))
        return None
    reasons += [Reason("var", code, detail) for code, detail in found.notes]
    return found


def _warn(count: int, wanted: f.Wanted, reasons: list[Reason]) -> None:
    if count < _FEW:
        detail = f"{count} days of history; {_FEW} and more are usual"
        reasons.append(Reason("var", "little_history", detail))
    beyond = count * (1 - wanted.level)
    if wanted.method in ("historical", "filtered") and beyond < _TAIL_MIN:
        detail = (
            f"only {beyond:.1f} days lie beyond the level; the tail is little more than the worst of them"
        )
        reasons.append(Reason("var", "few_in_tail", detail))


def _loss(value: float, equity: float, interval: tuple[float, float] | None = None) -> f.Loss:
    share = value / equity if equity > 0 else None
    if interval is None:
        return f.Loss(money_from_float(value), share)
    low, high = map(money_from_float, interval)
    return f.Loss(money_from_float(value), share, low, high)


def _undiversified(
    history: History, values: Floats, wanted: f.Wanted, equity: float, reasons: list[Reason]
) -> f.Loss | None:
    if wanted.horizon > 1:
        reasons.append(Reason("undiversified", "one_day_only", "it is told for a horizon of one day"))
        return None
    return _loss(all_as_one(history.returns, values, wanted.level).var, equity)


def _betas(history: History, market: Market | None) -> list[float | None]:
    if market is None or not history.symbols:
        return [None] * len(history.symbols)
    _, ours, theirs = np.intersect1d(history.days, market.days, return_indices=True)
    if len(ours) < 60:
        return [None] * len(history.symbols)
    returns, moves = history.returns[ours], market.returns[theirs]
    return [beta(column, moves) for column in returns.T]


def _book_beta(
    betas: list[float | None], values: Floats, equity: float, market: Market | None, reasons: list[Reason]
) -> float | None:
    """Of the equity, cash counting as 0."""
    if not len(values):
        return None
    if any(one is None for one in betas):
        name = "no benchmark" if market is None else market.name
        reasons.append(Reason("beta", "no_overlap", f"fewer than 60 days in common with {name}"))
        return None
    if equity <= 0:
        return None
    return float(
        sum(value * one for value, one in zip(values, betas, strict=True) if one is not None) / equity
    )


def _positions(
    book: Book,
    history: History,
    values: Floats,
    betas: list[float | None],
    found: Estimate,
    wanted: f.Wanted,
    equity: float,
) -> dict[str, f.PositionRisk]:
    parts, whole = found.parts, found.tail
    quantities = {held.symbol: to_float(held.qty) for held in book.held}
    owned = np.array([quantities[symbol] for symbol in history.symbols])
    selling = days_to_sell(owned, history.volumes, wanted.volume_share)
    deviations = history.returns.std(axis=0, ddof=1) * np.sqrt(TRADING_DAYS)
    var, shortfall = _to_the_cent(parts.var, whole.var), _to_the_cent(parts.shortfall, whole.shortfall)
    return {
        symbol: f.PositionRisk(
            symbol=symbol,
            value=money_from_float(float(values[at])),
            weight=float(values[at]) / equity if equity > 0 else None,
            volatility=float(deviations[at]),
            beta=betas[at],
            var=var[at],
            shortfall=shortfall[at],
            shortfall_part=float(parts.shortfall[at]) / whole.shortfall if whole.shortfall > 0 else None,
            marginal_var=float(parts.var[at] / values[at]) if values[at] else None,
            marginal_shortfall=float(parts.shortfall[at] / values[at]) if values[at] else None,
            without_var=money_from_float(float(parts.without_var[at])),
            without_shortfall=money_from_float(float(parts.without_shortfall[at])),
            days_to_sell=float(selling[at]) if np.isfinite(selling[at]) else None,
        )
        for at, symbol in enumerate(history.symbols)
    }


def _to_the_cent(parts: Floats, whole: float) -> list[Money]:
    """Amounts in cents that sum to the whole in cents; what rounding leaves over goes to the largest."""
    rounded = [money_from_float(float(part)) for part in parts]
    at = int(np.abs(parts).argmax())
    rounded[at] = Money(rounded[at] + money_from_float(whole) - sum(rounded, _ZERO))
    return rounded


def _backtest(history: History, values: Floats, wanted: f.Wanted, reasons: list[Reason]) -> f.Backtest | None:
    made = history.returns * values
    if len(made) < _WINDOW_MIN + TESTED_DAYS:
        detail = f"{len(made)} days of history, {_WINDOW_MIN + TESTED_DAYS} are needed"
        reasons.append(Reason("backtest", "too_little_history", detail))
        return None
    window = len(made) - TESTED_DAYS
    try:
        var, shortfall = forecasts(made, wanted.method, [wanted.level], window, _REFIT)
    except ValueError:
        reasons.append(Reason("backtest", "constant_price", "the holdings did not change in value for long"))
        return None
    return backtest_of(cover(made.sum(axis=1)[window:], var[:, 0], shortfall[:, 0], wanted.level))


def backtest_of(found: Coverage) -> f.Backtest:
    """Coverage in the words of the answer."""
    tests = (found.kupiec, found.christoffersen, found.shortfall)
    least = min((one.p_value for one in tests if one.p_value is not None), default=1.0)
    light: f.Colour = "red" if least < 0.01 else "amber" if least < 0.05 else "green"
    return f.Backtest(
        found.days,
        found.exceeded,
        round(found.expected, 6),
        _result(found.kupiec),
        _result(found.independence),
        _result(found.christoffersen),
        _result(found.shortfall),
        light,
    )


def _result(test: Verdict) -> f.TestResult:
    return f.TestResult(test.statistic, test.p_value)


def _volatility(made: Floats, horizon: int, equity: float) -> f.Volatility | None:
    if equity <= 0:
        return None
    fit = filtered(made)
    yearly = np.sqrt(TRADING_DAYS)
    return f.Volatility(
        next_day=float(np.sqrt(fit.following)) / equity,
        horizon=volatility_ahead(fit, horizon) / equity,
        next_year_rate=float(np.sqrt(fit.following) * yearly) / equity,
        past_year_rate=float(made.std(ddof=1) * yearly) / equity,
        kind=fit.kind,
        alpha=fit.alpha,
        beta=fit.beta,
    )


def _drawdown(book: Book, made: Floats, equity: float) -> f.Drawdown | None:
    if not len(made) or equity <= 0:
        return None
    curve = np.maximum(equity + np.concatenate([[0.0], np.cumsum(made)]), 0.0)
    below = underwater(curve)
    own = None
    if book.peak is not None and book.peak > 0:
        own = min(0.0, equity / to_float(book.peak) - 1)
    return f.Drawdown(float(below.min()), float(below[-1]), own)


def _correlations(history: History, made: Floats, reasons: list[Reason]) -> f.Correlations | None:
    if len(history.symbols) < 2:
        if history.symbols:
            reasons.append(Reason("correlation", "one_position", "there is no pair of positions"))
        return None
    found = correlations(history.returns, filtered(made).variances)
    pairs = [
        f.Pair(history.symbols[first], history.symbols[second], usual, stressed)
        for first, second, usual, stressed in found.pairs
    ]
    return f.Correlations(found.mean, found.stressed, found.calm, found.stress_days, pairs)


def _concentration(book: Book) -> f.Concentration | None:
    values = np.array([to_float(held.value) for held in book.held])
    found = concentration(values)
    if found is None:
        return None
    at = int(np.abs(values).argmax())
    part = float(np.abs(values[at]) / np.abs(values).sum())
    return f.Concentration(found[0], found[1], book.held[at].symbol, part)


def _liquidity(book: Book, history: History, share: float, reasons: list[Reason]) -> f.Liquidity | None:
    if not history.symbols:
        return None
    held = {one.symbol: one for one in book.held}
    owned = np.array([to_float(held[symbol].qty) for symbol in history.symbols])
    worth = np.abs([to_float(held[symbol].value) for symbol in history.symbols])
    days = days_to_sell(owned, history.volumes, share)
    if not np.isfinite(days).all():
        silent = history.symbols[int(np.flatnonzero(~np.isfinite(days))[0])]
        reasons.append(Reason("liquidity", "no_volume", "nobody traded it in its last 20 days", silent))
    with np.errstate(divide="ignore"):
        part = np.minimum(1.0, np.where(days > 0, 1 / days, 1.0))
    total = float(worth.sum())
    return f.Liquidity(
        share,
        float(days.max()) if np.isfinite(days).all() else None,
        float((part * worth).sum() / total) if total > 0 else None,
    )
