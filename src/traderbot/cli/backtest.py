"""`traderbot backtest`: run a strategy over a data set, through the engine and broker of the demo."""

from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from traderbot.backtests.runner import Result, run
from traderbot.bootstrap import costs_of, rules_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import told
from traderbot.infra.journal import canonical
from traderbot.market.datasets import Dataset, dataset_name, load
from traderbot.market.demo import NAME, ensure_demo
from traderbot.model import rounding
from traderbot.model.amounts import money
from traderbot.model.bars import Bar
from traderbot.model.symbols import symbol
from traderbot.strategies.catalogue import CATALOGUE, named

_SECOND = 1_000_000


def run_backtest(
    strategy: Annotated[str, typer.Argument(help=f"One of: {', '.join(sorted(CATALOGUE))}.")],
    data: Annotated[
        str, typer.Option("--data", help="Name of a data set, see `traderbot data list`.")
    ] = NAME,
    symbols: Annotated[str | None, typer.Option("--symbols", help="Only these, such as AAPL,IBM.")] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--start", formats=["%Y-%m-%d"], help="First day to trade; bars before are history."),
    ] = None,
    end: Annotated[datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day.")] = None,
    cash: Annotated[str, typer.Option("--cash", help="Cash to begin with.")] = "100000",
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Run a strategy over a data set, with splits, dividends, fees and slippage, and print the result."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        kind = named(strategy)
        dataset = (
            ensure_demo(settings.home) if data == NAME else load(settings.home / "data" / dataset_name(data))
        )
        deposit = money(cash, "cash")
        bars = _bars(dataset, symbols, end)
        began = perf_counter()
        result = run(
            kind(),
            bars,
            cash=deposit,
            rules=rules_of(settings),
            costs=costs_of(settings),
            actions=[action for action in dataset.actions if action.symbol in {bar.symbol for bar in bars}],
            start=_midnight(start) if start else 0,
        )
        seconds = perf_counter() - began
    _print(strategy, dataset, result, sum(len(bar) for bar in bars), seconds)


def _bars(dataset: Dataset, symbols: str | None, end: datetime | None) -> list[Bar]:
    """Cursors over the bars asked for. Errors: InvalidValue, NotFound."""
    names = (
        [symbol(name.strip(), "symbols") for name in symbols.split(",")] if symbols else list(dataset.bars)
    )
    parts = [dataset.bars_of(name) for name in names]
    if end is not None:
        parts = [bars.until(_midnight(end) + 86_400 * _SECOND - 1) for bars in parts]
    return [bars.cursor() for bars in parts if len(bars)]


def _midnight(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * _SECOND


def _print(name: str, dataset: Dataset, result: Result, bars: int, seconds: float) -> None:
    account = result.account
    deposits = -account.balances["external"]
    table = Table(box=None, show_header=False, title=f"{name} on {dataset.name}", title_justify="left")
    rows = {
        "equity": f"{result.equity:,.2f}",
        "return": f"{rounding.ratio(result.equity - deposits, deposits):.2%}",
        "cash": f"{account.cash:,.2f}",
        "realised, before fees": f"{-account.balances.get('realised', 0):,.2f}",
        "fees": f"{account.balances.get('fees', 0):,.2f}",
        "dividends": f"{-account.balances.get('dividends', 0):,.2f}",
        "executions": f"{len(result.fills):,}",
        "orders refused": f"{len(result.refusals):,}",
        "bars": f"{bars:,} in {seconds:.2f} s",
    }
    for label, value in rows.items():
        table.add_row(label, value)
    for held in account.positions.values():
        if held.qty:
            table.add_row(f"holds {held.symbol}", f"{canonical(held.qty)} at a cost of {held.cost:,.2f}")
    Console().print(table)
