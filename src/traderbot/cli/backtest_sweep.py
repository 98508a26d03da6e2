"""`traderbot backtest sweep`: many parameter sets of a strategy over one data set."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from traderbot.bootstrap import costs_of, rules_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import told
from traderbot.infra.settings import Settings
from traderbot.market.bars import DAY
from traderbot.market.datasets import Dataset, dataset_name, load
from traderbot.market.demo import NAME, ensure_demo
from traderbot.model.amounts import money
from traderbot.model.bars import Bar
from traderbot.model.errors import ConfigurationError, InvalidValue
from traderbot.model.symbols import symbol
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import strategy_class

if TYPE_CHECKING:  # numba takes half a second to import, which every other command would pay
    from traderbot.backtests.search import Search
    from traderbot.backtests.sweep import SweepResult

StrategyArgument = Annotated[str, typer.Argument(help="Name of a strategy.")]
DataOption = Annotated[str, typer.Option("--data", help="Name of a data set, see `traderbot data list`.")]
SymbolsOption = Annotated[str | None, typer.Option("--symbols", help="Only these, such as AAPL,IBM.")]
EndOption = Annotated[datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day.")]
CashOption = Annotated[str, typer.Option("--cash", help="Cash to begin with.")]
GridOption = Annotated[
    list[str] | None,
    typer.Option("--grid", help="A parameter and its values: fast=5:50:5, or fast=5,10,20. Give several."),
]
RandomOption = Annotated[int | None, typer.Option("--random", help="So many sets drawn at random instead.")]
TpeOption = Annotated[int | None, typer.Option("--tpe", help="So many sets proposed by TPE instead.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of what is drawn.")]
ByOption = Annotated[
    str, typer.Option("--by", help="What the best is by: sharpe, total_return, cagr, max_drawdown.")
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Parameter sets played side by side.")]
BackendOption = Annotated[
    str, typer.Option("--backend", help="here: threads, for signal strategies; processes; dask.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder for the results, by default in home.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with a sweep that was stopped.")]

app = typer.Typer(add_completion=False)


@app.command("sweep")
def sweep_backtests(
    strategy: StrategyArgument,
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    end: EndOption = None,
    cash: CashOption = "100000",
    grid: GridOption = None,
    random: RandomOption = None,
    tpe: TpeOption = None,
    seed: SeedOption = 0,
    by: ByOption = "sharpe",
    jobs: JobsOption = 1,
    backend: BackendOption = "here",
    out: OutOption = None,
    resume: ResumeOption = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Play many parameter sets of a strategy over a data set, and show the best of them."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _check_research()
        kind = strategy_class(strategy)
        search = _search(kind, grid, random, tpe, seed)
        dataset, bars = _data(settings, data, symbols, end)
        folder = out or settings.home / "sweeps" / f"{strategy}-{dataset.name}"
        began = perf_counter()
        result = _run(kind, bars, search, dataset, settings, cash, jobs, backend, folder, resume, by)
        seconds = perf_counter() - began
        _print(result, strategy, dataset.name, by, seconds, sum(len(bar) for bar in bars))


def _check_research() -> None:
    try:
        import numba  # noqa: F401 - whether it is there
    except ImportError:
        raise ConfigurationError("a sweep needs numba: install traderbot[research]") from None


def _search(
    kind: type[Strategy], grid: Sequence[str] | None, random: int | None, tpe: int | None, seed: int
) -> "Search":
    """The one search that was asked for. Errors: InvalidValue."""
    from traderbot.backtests.search import Grid, Random, Tpe, axis

    if sum(asked is not None for asked in (grid or None, random, tpe)) != 1:
        raise InvalidValue("search", "one of --grid, --random and --tpe", None)
    if random is not None:
        return Random(kind, random, seed)
    if tpe is not None:
        return Tpe(kind, tpe, seed)
    axes = [axis(kind, text) for text in grid or ()]
    if len({name for name, _ in axes}) < len(axes):
        raise InvalidValue("grid", "each parameter once", " ".join(grid or ()))
    return Grid(kind, dict(axes))


def _data(
    settings: Settings, data: str, symbols: str | None, end: datetime | None
) -> tuple[Dataset, list[Bar]]:
    """The data set, and cursors over the bars asked for. Errors: InvalidValue, NotFound."""
    dataset = (
        ensure_demo(settings.home) if data == NAME else load(settings.home / "data" / dataset_name(data))
    )
    names = (
        [symbol(name.strip(), "symbols") for name in symbols.split(",")] if symbols else list(dataset.bars)
    )
    parts = [dataset.bars_of(name) for name in names]
    if end is not None:
        last = int(end.replace(tzinfo=UTC).timestamp()) * 1_000_000 + DAY - 1
        parts = [part.until(last) for part in parts]
    bars = [part.cursor() for part in parts if len(part)]
    if not bars:
        raise InvalidValue("end", "a day with bars up to it", None if end is None else f"{end:%Y-%m-%d}")
    return dataset, bars


def _run(
    kind: type[Strategy],
    bars: list[Bar],
    search: "Search",
    dataset: Dataset,
    settings: Settings,
    cash: str,
    jobs: int,
    backend: str,
    folder: Path,
    resume: bool,
    by: str,
) -> "SweepResult":
    from traderbot.backtests.sweep import sweep

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("sweep", total=search.total)
        return sweep(
            kind,
            bars,
            search,
            cash=money(cash, "cash"),
            costs=costs_of(settings),
            rules=rules_of(settings),
            actions=dataset.actions,
            membership=dataset.membership,
            jobs=jobs,
            backend=backend,  # type: ignore[arg-type] # sweep says what it may be
            out=folder,
            resume=resume,
            by=by,
            progress=lambda done, _: shown.update(task, completed=done),
        )


def _print(result: "SweepResult", name: str, data: str, by: str, seconds: float, bars: int) -> None:
    console, best = Console(), result.best(10, by)
    table = Table(
        box=None, title=f"best of {len(result.tried)} sets of {name} on {data}", title_justify="left"
    )
    names = list(best[0].values) if best else []
    for title in (*names, "Sharpe", "return", "CAGR", "drawdown", "in market", "turnover", "trades", "costs"):
        table.add_column(title, justify="right")
    for one in best:
        shares = (one.total_return, one.cagr, one.max_drawdown, one.exposure)
        table.add_row(
            *(str(one.values[name]) for name in names),
            "-" if one.sharpe is None else f"{one.sharpe:.2f}",
            *("-" if share is None else f"{share:.1%}" for share in shares),
            "-" if one.turnover is None else f"{one.turnover:.1f}",
            f"{one.trades:,}",
            f"{one.costs:,.2f}",
        )
    console.print(table)
    failed = [one for one in result.figures if one.error]
    if failed:
        console.print(f"{len(failed)} sets failed, the first: {failed[0].error}")
    if result.skipped:
        console.print(f"{result.skipped} combinations that the strategy does not take were left out.")
    slow = next((one.engine for one in result.figures if one.engine), "")
    if slow:
        console.print(f"Played by the engine, not compiled: {slow}.")
    console.print(f"{len(result.tried)} x {bars:,} bars in {seconds:.2f} s. Results: {result.folder}")
    console.print(
        f"The best of {len(result.tried)} looks better than it is: some of it is luck. Before you believe it:"
        f" traderbot backtest validate {name}"
    )
