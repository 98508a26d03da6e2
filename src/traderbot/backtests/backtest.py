"""`Backtest`: a strategy, data and a window in, a result with its figures, plots and report out."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from traderbot.analytics.drawdowns import underwater
from traderbot.backtests.material import Day, Window, source_of, strategy_of, window_of
from traderbot.backtests.remarks import of_the_run
from traderbot.backtests.reporting import documents, plots, reports
from traderbot.backtests.reporting.documents import Document, Figures
from traderbot.backtests.reporting.phrases import in_words
from traderbot.backtests.reporting.results import (
    Curve,
    Trade,
    buy_and_hold,
    curve_of,
    first_conclusion,
    trades_of,
)
from traderbot.backtests.requests import plain
from traderbot.backtests.runner import Result, run
from traderbot.infra.settings import load_settings
from traderbot.market.resampling import coarser_of
from traderbot.model.account import AccountKind
from traderbot.model.amounts import Money, money
from traderbot.model.bars import Bar, Floats
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Strategy

_MONEY = pl.Decimal(38, 6)
_AMOUNT = pl.Decimal(38, 9)
_TIME = pl.Datetime("us", "UTC")


class Backtest:
    """One strategy over one window of data, through the engine and broker of paper trading.

    strategy:   a Strategy, its class, its name, or a file as file.py or file.py:Class.
    data:       the name of a data set, a CSV or Parquet file, a polars or pandas frame, or frames by symbol.
    symbols:    only these; of a single frame without a column of symbols, the name of its instrument.
    start, end: first and last day to trade, both included; bars before start are history.
    parameters: of a strategy given by class or name.
    benchmark:  a symbol of the data to compare with; else all instruments bought in equal parts and held.
    calendar:   of a file's or frame's exchange, such as XNYS or 24/7.
    Errors:     InvalidValue, NotFound, each naming what is wrong.
    """

    def __init__(
        self,
        strategy: Strategy | type[Strategy] | str | Path,
        *,
        data: object = "demo",
        symbols: Iterable[str] | str | None = None,
        start: Day | None = None,
        end: Day | None = None,
        cash: Decimal | int | str = 100_000,
        parameters: Mapping[str, object] | None = None,
        costs: Costs | None = None,
        rules: Rules | None = None,
        account: AccountKind | str = AccountKind.CASH,
        benchmark: str | None = None,
        calendar: str = "XNYS",
        home: Path | str | None = None,
    ) -> None:
        self.strategy = strategy_of(strategy, parameters)
        self.cash = money(cash, "cash")
        if self.cash <= 0:
            raise InvalidValue("cash", "a positive amount of money", cash)
        self.costs, self.rules = costs or Costs(), rules
        if account not in list(AccountKind):
            raise InvalidValue("account", "cash or margin", account)
        self.account = AccountKind(account)
        found = load_settings({"home": home}).home if isinstance(data, str) else Path()
        names = [symbols] if isinstance(symbols, str) else list(symbols or [])
        alone = names[0] if len(names) == 1 and _is_unnamed(data) else None
        self.dataset, self.said = source_of(data, found, calendar=calendar, symbol=alone)
        self.window: Window = window_of(self.dataset, symbols, start, end)
        if benchmark is not None:
            self.dataset.bars_of(benchmark)
        self.benchmark = benchmark

    def run(self, follow: Callable[[Sequence[Bar]], None] | None = None) -> "BacktestResult":
        """Play the bars. Can be done again, with the same result.

        follow: is given the bars before they move, for who watches from another thread.
        """
        bars = [one.cursor() for one in self.window.bars]
        if follow is not None:
            follow(bars)
        result = run(
            strategy_of(self.strategy, None),
            bars,
            cash=self.cash,
            rules=self.rules,
            costs=self.costs,
            actions=self.window.actions,
            kind=self.account,
            start=self.window.start,
            coarser=coarser_of(self.dataset),
            membership=self.dataset.membership,
        )
        return BacktestResult(self, result, bars)


class BacktestResult:
    """What a backtest came to.

    result: of the engine, exact. path: its curve as arrays. round_trips: its trades, exact.
    """

    def __init__(self, backtest: Backtest, result: Result, bars: list[Bar]) -> None:
        self.backtest, self.result = backtest, result
        self._bars = bars
        whole = curve_of(result, bars)
        self.path: Curve = whole.since(backtest.window.start)
        self._begin = first_conclusion(backtest.strategy.warm_up, len(whole.times), len(self.path.times))
        self.round_trips: list[Trade] = trades_of(result)

    @property
    def equity(self) -> Money:
        """At the end, exact."""
        return self.result.equity

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What to know besides the figures: refused orders, targets beyond the cash, no trade at all."""
        backtest = self.backtest
        return of_the_run(
            backtest.strategy,
            self.result,
            self._bars,
            backtest.window.actions,
            backtest.dataset.membership,
            backtest.window.start,
        )

    @cached_property
    def metrics(self) -> Figures:
        """Figures by name, fractions not percent; None where one is not defined."""
        return documents.figures(self.path, self.round_trips, self.result.fills, self.held)

    @cached_property
    def benchmark_metrics(self) -> Figures:
        """The figures of the benchmark's curve."""
        return documents.metrics_of(self.path.times, self.held, None)

    @cached_property
    def held(self) -> Floats:
        """What the cash became in the benchmark, bought when the strategy's warm-up has ended, without costs;
        float64, at the times of the curve.
        """
        backtest, bars = self.backtest, self._bars
        if backtest.benchmark is not None:
            bars = [backtest.dataset.bars_of(backtest.benchmark).cursor()]
        actions = backtest.dataset.actions
        levels: Floats = buy_and_hold(bars, actions, self.path.times, self._begin)
        levels *= self.path.equity[0]
        return levels

    @property
    def curve(self) -> pl.DataFrame:
        """Time, equity, drawdown, cash, long and short value, and the benchmark, at every step."""
        path = self.path
        return pl.DataFrame(
            {
                "time": pl.Series(path.times).cast(_TIME),
                "equity": path.equity,
                "drawdown": underwater(path.equity),
                "cash": path.cash,
                "long_value": path.long_value,
                "short_value": path.short_value,
                "benchmark": self.held,
            }
        )

    @property
    def trades(self) -> pl.DataFrame:
        """Positions from flat to flat, by their entries; amounts are exact."""
        schema = {
            "symbol": pl.String,
            "side": pl.String,
            "qty": _AMOUNT,
            "largest": _AMOUNT,
            "entry_at": _TIME,
            "entry_price": _AMOUNT,
            "exit_at": _TIME,
            "exit_price": _AMOUNT,
            "executions": pl.Int64,
            "gross": _MONEY,
            "fees": _MONEY,
            "net": _MONEY,
        }
        return _table(schema, self.round_trips)

    @property
    def fills(self) -> pl.DataFrame:
        """Executions, oldest first; amounts are exact."""
        schema = {
            "at": _TIME,
            "symbol": pl.String,
            "side": pl.String,
            "qty": _AMOUNT,
            "price": _AMOUNT,
            "notional": _MONEY,
            "fee": _MONEY,
            "realised": _MONEY,
            "position_qty": _AMOUNT,
        }
        return _table(schema, self.result.fills)

    @cached_property
    def document(self) -> Document:
        """Everything the report shows."""
        backtest, path, result = self.backtest, self.path, self.result
        strategy, first = backtest.strategy, int(path.times[0])
        about = (inspect.getdoc(type(strategy)) or "").split("\n\n")[0]
        return Document(
            strategy=strategy.name,
            about=about if type(strategy) is not Strategy else "",
            parameters=plain(strategy.values()),
            data=documents.data_of(backtest.dataset, self._bars, (*backtest.said, *self.remarks)),
            first=first,
            last=int(path.times[-1]),
            account=backtest.account,
            costs=documents.costs_in_words(backtest.costs),
            versions=documents.versions(),
            amounts=documents.amounts_of(result),
            metrics=self.metrics,
            benchmark=backtest.benchmark or "equal parts",
            benchmark_metrics=self.benchmark_metrics,
            refused=documents.refused_of(result),
            drawdowns=documents.drawdowns_of(path),
            months=documents.months_of(path),
            curve=documents.line_of(path, self.held),
            sharpe=documents.rolling_of(path.times, path.equity, self.held),
            trades=self.round_trips,
            prices=documents.prices_of(self._bars, result.fills, first),
        )

    def to_json(self) -> str:
        """The document as JSON, which `traderbot backtest report` and `compare` read."""
        return documents.encode(self.document).decode()

    def plot(self, name: str = "equity") -> Any:
        """A plotly figure: equity, drawdown, sharpe, months, trades, or the symbol of an instrument.

        Errors: InvalidValue.
        """
        figures = plots.figures(self.document)
        if name not in figures:
            raise InvalidValue("name", f"one of {', '.join(figures)}", name)
        return figures[name]()

    def report(self, path: Path | str) -> Path:
        """Write the report, one page of HTML that needs nothing else; into a folder: with JSON and CSVs.

        path: a file that ends in .html, or a folder. Returns: the page.
        """
        path = Path(path)
        if path.suffix == ".html":
            return reports.write_page(self.document, path)
        path.mkdir(parents=True, exist_ok=True)
        (path / documents.FILE).write_text(self.to_json(), encoding="utf-8")
        self.curve.write_csv(path / "curve.csv")
        self.trades.write_csv(path / "trades.csv")
        self.fills.write_csv(path / "fills.csv")
        rows = [(one.year, one.month, one.change) for one in self.document.months]
        pl.DataFrame(rows, ["year", "month", "change"], orient="row").write_csv(path / "months.csv")
        return reports.write_page(self.document, path / reports.FILE)

    def __repr__(self) -> str:
        """Period, figures and what there is to say, as text."""
        return in_words(self.document, self.equity, len(self.result.fills))

    def _repr_html_(self) -> str:
        return reports.summary(self.document)


def _table(schema: Mapping[str, Any], rows: Iterable[object]) -> pl.DataFrame:
    """Columns of the attributes of some objects."""
    listed = list(rows)
    columns = {}
    for name, kind in schema.items():
        values = [getattr(row, name) for row in listed]
        if kind == pl.String:
            values = [str(getattr(value, "value", value)) for value in values]
        columns[name] = pl.Series(values, dtype=pl.Int64 if kind == _TIME else kind).cast(kind)
    return pl.DataFrame(columns)


def _is_unnamed(data: object) -> bool:
    """Whether data is a frame without a column of symbols."""
    if isinstance(data, pl.LazyFrame):
        data = data.collect_schema()
    columns = data if isinstance(data, pl.Schema) else getattr(data, "columns", None)
    if columns is None:
        return False
    return not {"symbol", "ticker"} & {str(column).lower() for column in columns}
