"""`traderbot backtest sweep`: many parameter sets of a strategy over one data set."""

import shlex
from collections.abc import Sequence
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from traderbot.cli.backtest_apart import within_limits
from traderbot.cli.backtest_terms import MemoryLimitOption, TimeLimitOption
from traderbot.cli.backtest_window import (
    CashOption,
    DataOption,
    EndOption,
    GridOption,
    StartOption,
    SymbolsOption,
    axes_of,
    bars_of,
    data_of,
    window_words,
)
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_whole
from traderbot.cli.told import told
from traderbot.infra.settings import Settings
from traderbot.market.datasets import Dataset
from traderbot.market.demo import NAME
from traderbot.model.amounts import money
from traderbot.model.bars import Bar
from traderbot.model.errors import ConfigurationError, InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import strategy_class
from traderbot.trading.terms import costs_of, rules_of

if TYPE_CHECKING:  # numba takes half a second to import, which every other command would pay
    from traderbot.backtests.sweeping.search import Search
    from traderbot.backtests.sweeping.sweep import SweepResult

VALIDATED_MAX = 400  # sets that a validation plays one by one

StrategyArgument = Annotated[str, typer.Argument(help="Name of a strategy, or its file.")]
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


@within_limits
def sweep_backtests(
    strategy: StrategyArgument,
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    start: StartOption = None,
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
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Play many parameter sets of a strategy over a data set, and show the best of them."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _check_research()
        kind = strategy_class(strategy)
        search = _search(kind, grid, random, tpe, seed)
        dataset = data_of(settings, data)
        bars = [part.cursor() for part in bars_of(dataset, symbols, start, end)]
        folder = out or settings.home / "sweeps" / f"{strategy}-{dataset.name}"
        began = perf_counter()
        result = _run(kind, bars, search, dataset, settings, cash, jobs, backend, folder, resume, by)
        seconds = perf_counter() - began
        _print(result, strategy, dataset.name, by, seconds, sum(len(bar) for bar in bars))
        given = (("--home", home), ("--config", config))
        where = [word for name, path in given if path is not None for word in (name, str(path))]
        window = window_words(data, symbols, start, end, cash)
        _tell_next([strategy, *where, *window], result, by, search)


def _check_research() -> None:
    try:
        import numba  # noqa: F401 - whether it is there
    except ImportError:
        raise ConfigurationError("a sweep needs numba: install traderbot[research]") from None


def _search(
    kind: type[Strategy], grid: Sequence[str] | None, random: int | None, tpe: int | None, seed: int
) -> "Search":
    """The one search that was asked for. Errors: InvalidValue."""
    from traderbot.backtests.sweeping.search import Grid, Random, Tpe

    if sum(asked is not None for asked in (grid or None, random, tpe)) != 1:
        raise InvalidValue("search", "one of --grid, --random and --tpe", None)
    if random is not None:
        return Random(kind, random, seed)
    if tpe is not None:
        return Tpe(kind, tpe, seed)
    return Grid(kind, axes_of(kind, grid))


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
    from traderbot.backtests.sweeping.sweep import sweep

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
    for title in (
        *names,
        "Sharpe",
        "return",
        "CAGR",
        "drawdown",
        "in market",
        "turnover",
        "round trips",
        "costs",
    ):
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
    print_whole(table)
    failed = [one for one in result.figures if one.error]
    if failed:
        console.print(f"{len(failed)} sets failed, the first: {failed[0].error}")
    if result.skipped:
        console.print(f"{result.skipped} combinations that the strategy does not take were left out.")
    slow = next((one.engine for one in result.figures if one.engine), "")
    if slow:
        console.print(f"Played by the engine, not compiled: {slow}.")
    console.print(f"{len(result.tried)} x {bars:,} bars in {seconds:.2f} s. Results: {result.folder}")


def _tell_next(words: Sequence[str], result: "SweepResult", by: str, search: "Search") -> None:
    """The command that validates the best set; nothing where no set has a figure to choose it by."""
    best, count = result.best(1, by), len(result.tried)
    if not best:
        return
    values = best[0].values.items()
    chosen = [word for name, value in values for word in ("--param", f"{name}={value}")]
    line = ["traderbot", "backtest", "validate", *words, *chosen, *_tried(search, count)]
    typer.echo(f"The best of {count} looks better than it is: some of it is luck. Before you believe it:")
    typer.echo(shlex.join(line))


def _tried(search: "Search", count: int) -> list[str]:
    """What a validation is told of the sets that were tried: the grid, where it can play it whole."""
    from traderbot.backtests.sweeping.search import Grid

    axes = search.axes if isinstance(search, Grid) else {}
    size = prod(len(values) for values in axes.values())
    if not axes or size > VALIDATED_MAX:
        return ["--tried", str(count)]
    grid = [word for name, values in axes.items() for word in ("--grid", f"{name}={_listed(values)}")]
    return [*grid, "--trials", str(size)]


def _listed(values: Sequence[object]) -> str:
    return ",".join(map(str, values))
