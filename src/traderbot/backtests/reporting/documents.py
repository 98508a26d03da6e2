"""A backtest as it is kept: everything its report shows, as one JSON document that reads back the same.

The same run gives the same bytes: neither the time of day nor how long it took is in it.
"""

import platform
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import traderbot
from traderbot.analytics.drawdowns import Drawdown, deepest, drawdowns, underwater
from traderbot.analytics.performance import (
    Month,
    daily_returns,
    days_a_year,
    measure,
    monthly_returns,
    rolling_sharpe,
)
from traderbot.analytics.trade_figures import exposure, figures_of, turnover
from traderbot.backtests.reporting.results import Curve, Trade
from traderbot.backtests.reporting.summaries import kept_points
from traderbot.backtests.runner import Result
from traderbot.infra.events.texts import canonical
from traderbot.market.datasets import Dataset
from traderbot.model.account import AccountKind
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.border import to_float
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import OrderFilled
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.simulation.slippage import SquareRootImpact, VolumeShareImpact

FORMAT = "traderbot-backtest/1"
FILE = "result.json"
PLOTTED_MAX = 6  # instruments with a plot of their own
MARKS_MAX = 2_000  # executions in one plot
SIZE_MAX = 1 << 28
Figures = dict[str, int | float | None]
_YEAR = 365.25 * 86_400_000_000


class Data(msgspec.Struct, frozen=True):
    """What was run over. said: what there is to say of the rows of its file."""

    name: str
    sha256: str
    source: str
    licence: str
    calendar: str
    timeframe: str
    symbols: list[Symbol]
    bars: int
    notes: list[str]
    said: list[str]


class Line(msgspec.Struct, frozen=True):
    """Points of a curve, thinned so that highs and lows stay. benchmark: what the same cash became."""

    times: list[int]
    equity: list[float]
    drawdown: list[float]
    benchmark: list[float]


class Rolling(msgspec.Struct, frozen=True):
    """A figure over the last `window` days, from the day on that has so many."""

    window: int
    times: list[int]
    values: list[float | None]
    benchmark: list[float | None]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """An execution in a plot."""

    at: int
    side: str
    price: float
    qty: str


class Prices(msgspec.Struct, frozen=True):
    """Raw closes of an instrument, thinned, and executions in it. fills: how many there were."""

    symbol: Symbol
    times: list[int]
    closes: list[float]
    fills: int
    marks: list[Mark]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One backtest. first, last: steps of the window, microseconds UTC; amounts: money as text."""

    format: str = FORMAT
    strategy: str
    about: str
    parameters: dict[str, Any]
    data: Data
    first: int
    last: int
    account: AccountKind
    costs: dict[str, str]
    versions: dict[str, str]
    amounts: dict[str, Decimal]
    metrics: Figures
    benchmark: str
    benchmark_metrics: Figures
    refused: dict[str, int]
    drawdowns: list[Drawdown]
    months: list[Month]
    curve: Line
    sharpe: Rolling
    trades: list[Trade]
    prices: list[Prices]


def encode(document: Document) -> bytes:
    """The document as JSON, never with NaN in it."""
    return msgspec.json.encode(document)


def read(path: Path) -> Document:
    """A stored document. Errors: NotFound, InvalidValue."""
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise NotFound(f"no result at {path}")
    if path.stat().st_size > SIZE_MAX:
        raise InvalidValue("file", f"a result of at most {SIZE_MAX >> 20} MiB", path.name)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        fault = str(error).splitlines()[0][:120]
        raise InvalidValue(
            "file", f"a {FILE} of `traderbot backtest run --out` ({fault})", path.name
        ) from None
    if found.format != FORMAT:
        raise InvalidValue("file", f"a result of the format {FORMAT}", found.format)
    return found


def metrics_of(times: Times, equity: Floats, benchmark: Floats | None, rate: float = 0.0) -> Figures:
    """The figures of a curve by name."""
    found = msgspec.structs.asdict(measure(times, equity, benchmark, rate))
    return {name: value for name, value in found.items() if name not in ("first", "last")}


def figures(curve: Curve, trades: list[Trade], fills: list[OrderFilled], benchmark: Floats) -> Figures:
    """Everything that is measured of a run, by name."""
    found: Figures = metrics_of(curve.times, curve.equity, benchmark)
    ended = np.array([to_float(trade.net) for trade in trades if trade.exit_at is not None])
    of_trades = msgspec.structs.asdict(figures_of(ended))
    found["trades"] = of_trades.pop("count")
    found |= {f"trade_{name}" if name in ("best", "worst") else name: one for name, one in of_trades.items()}
    exposed = exposure(curve.equity, curve.long_value, curve.short_value)
    found |= {"exposure": exposed.gross, "net_exposure": exposed.net, "in_market": exposed.in_market}
    traded = sum((to_float(fill.notional) for fill in fills), 0.0)
    found["turnover"] = turnover(traded, curve.equity, float(curve.times[-1] - curve.times[0]) / _YEAR)
    return found


def amounts_of(result: Result) -> dict[str, Decimal]:
    """Where the money came from and went, exact: deposits and all below it add up to the equity."""
    books = result.account.balances
    cash_and_cost = books.get("cash", Decimal(0)) + books.get("securities", Decimal(0))
    gains = {name: -books.get(name, Decimal(0)) for name in ("realised", "dividends")}
    costs = {name: -books.get(name, Decimal(0)) for name in ("fees", "interest", "borrow")}
    return {
        "deposits": -books.get("external", Decimal(0)),
        **gains,
        "unrealised": result.equity - cash_and_cost,
        **costs,
        "equity": result.equity,
        "cash": books.get("cash", Decimal(0)),
    }


def line_of(curve: Curve, benchmark: Floats) -> Line:
    """The points of a curve that a plot needs."""
    kept = kept_points(curve.equity)
    return Line(
        curve.times[kept].tolist(),
        np.round(curve.equity[kept], 2).tolist(),
        np.round(underwater(curve.equity)[kept], 6).tolist(),
        np.round(benchmark[kept], 2).tolist(),
    )


def rolling_of(times: Times, equity: Floats, benchmark: Floats) -> Rolling:
    """Rolling Sharpe ratio over half a year, or over a third of the days where there are fewer."""
    days, returns = daily_returns(times, equity)
    _, others = daily_returns(times, benchmark)
    year = days_a_year(times)
    window = max(min(year // 2, len(returns) // 3), 2)
    kept = slice(window - 1, None)
    return Rolling(
        window,
        days[kept].tolist(),
        _plain(rolling_sharpe(returns, window, year)[kept]),
        _plain(rolling_sharpe(others, window, year)[kept][: len(days[kept])]),
    )


def prices_of(bars: list[Bar], fills: list[OrderFilled], first: int) -> list[Prices]:
    """The instruments most traded, each with its executions."""
    count = Counter(fill.symbol for fill in fills)
    chosen = sorted(bars, key=lambda bar: (-count[bar.symbol], bar.symbol))[:PLOTTED_MAX]
    found = []
    for bar in chosen:
        times, _, _, _, closes, _ = bar.columns
        since = int(times.searchsorted(first))
        times, closes = times[since:], closes[since:]
        kept = kept_points(closes)
        own = [fill for fill in fills if fill.symbol == bar.symbol]
        marks = [
            Mark(fill.at, fill.side.value, to_float(fill.price), str(fill.qty)) for fill in own[-MARKS_MAX:]
        ]
        found.append(Prices(bar.symbol, times[kept].tolist(), closes[kept].tolist(), len(own), marks))
    return found


def data_of(dataset: Dataset, bars: list[Bar], said: tuple[str, ...]) -> Data:
    """What is said of the data."""
    return Data(
        dataset.name,
        dataset.sha256,
        dataset.source,
        dataset.licence,
        dataset.calendar,
        dataset.timeframe.value,
        [bar.symbol for bar in bars],
        sum(len(bar) for bar in bars),
        list(dataset.notes),
        list(said),
    )


def costs_in_words(costs: Costs) -> dict[str, str]:
    """Each cost of trading and rule of filling, by what it is about."""
    return {
        "fees": _fees_in_words(costs),
        "slippage": f"{canonical(costs.slippage * 10_000)} basis points of the price, of orders that take it",
        "impact": _impact_in_words(costs),
        "volume": f"at most {canonical(costs.share * 100)}% of a bar's volume",
        "latency": _latency_in_words(costs),
        "fills": "market orders at the open of the bar after; limits only where a bar trades through them;"
        " of two prices that a bar leaves open, the worse",
        "actions": "splits and dividends on their ex-dates, from raw prices",
        "chance": "none: the same data and parameters give the same result to the byte",
    }


def _fees_in_words(costs: Costs) -> str:
    rate = f"{canonical(costs.fee_rate * 10_000)} basis points of an execution's value"
    fees = costs.fees
    if fees is None:
        return rate
    if fees.tiers or fees.maximum is not None or fees.maximum_rate is not None:
        return str(fees)
    parts = [f"{canonical(fees.rate * 10_000)} basis points of an execution's value"]
    if fees.per_share:
        parts.append(f"{canonical(fees.per_share)} a share")
    least = "" if fees.minimum is None else f", at least {canonical(fees.minimum)} an order"
    return " and ".join(parts) + least


def _latency_in_words(costs: Costs) -> str:
    if not costs.latency:
        return "none: orders meet the next bar"
    return f"{canonical(Decimal(costs.latency) / 1000)} milliseconds"


def _impact_in_words(costs: Costs) -> str:
    match costs.impact:
        case VolumeShareImpact(price_impact=factor, limit=limit):
            return (
                f"{canonical(factor)} times the squared share of a bar's volume,"
                f" at most {canonical(limit * 100)}% of it"
            )
        case SquareRootImpact(volatility=volatility, coefficient=coefficient):
            return (
                f"{canonical(coefficient)} times a volatility of {canonical(volatility * 100)}% times the"
                " square root of the share of a bar's volume"
            )
    return "none besides"


def versions() -> dict[str, str]:
    """What made the result."""
    return {
        "traderbot": traderbot.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def refused_of(result: Result) -> dict[str, int]:
    """Orders that were refused, by reason."""
    return dict(sorted(Counter(refusal.reason.value for refusal in result.refusals).items()))


def drawdowns_of(curve: Curve) -> list[Drawdown]:
    """The ten deepest."""
    return deepest(drawdowns(curve.times, curve.equity), 10)


def months_of(curve: Curve) -> list[Month]:
    return monthly_returns(curve.times, curve.equity)


def _plain(values: Floats) -> list[float | None]:
    return [round(value, 6) if np.isfinite(value) else None for value in values.tolist()]
