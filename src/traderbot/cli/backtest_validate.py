"""`traderbot backtest validate`: try to break a strategy, print the verdict and keep it as a file."""

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from traderbot.backtests.validation.grids import grid_around
from traderbot.backtests.validation.page import page
from traderbot.backtests.validation.procedure import QUICK, Work, validate
from traderbot.backtests.validation.record import Record, about, save
from traderbot.backtests.validation.subject import Maker, Subject
from traderbot.backtests.validation.verdict import Outcome, Standing
from traderbot.cli.backtest_apart import within_limits
from traderbot.cli.backtest_terms import MemoryLimitOption, TimeLimitOption
from traderbot.cli.backtest_window import (
    CashOption,
    DataOption,
    EndOption,
    GridOption,
    ParamOption,
    StartOption,
    SymbolsOption,
    axes_of,
    bars_of,
    chosen_of,
    data_of,
)
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.told import told
from traderbot.infra.settings import Settings
from traderbot.market.bars import Bars
from traderbot.market.datasets import Dataset
from traderbot.market.demo import NAME
from traderbot.market.resampling import coarser_of
from traderbot.model.amounts import money
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import strategy_class
from traderbot.trading.terms import costs_of, rules_of

PAGE = "validation.html"
_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.WATCH: "yellow",
    Outcome.REJECTED: "red",
    Outcome.UNMEASURED: "dim",
}
_STANDINGS = {Standing.PROMOTE: "green", Standing.WATCH: "yellow", Standing.REJECT: "red"}


TriedOption = Annotated[int, typer.Option("--tried", help="Parameter sets tried before, not among these.")]
TrialsOption = Annotated[int | None, typer.Option("--trials", help="At most so many parameter sets.")]
TrainOption = Annotated[int | None, typer.Option("--train", help="Rows of the first training window.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides all that is left to chance.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="The same checks with fewer runs.")]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", help="Processes for what takes long; by default one for each core.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for validation.json and validation.html.")
]


@within_limits
def validate_strategy(
    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or its file.")],
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    param: ParamOption = None,
    grid: GridOption = None,
    tried: TriedOption = 0,
    trials: TrialsOption = None,
    train: TrainOption = None,
    seed: SeedOption = 0,
    quick: QuickOption = False,
    cash: CashOption = "100000",
    jobs: JobsOption = None,
    out: OutOption = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Check a strategy for looking ahead, luck, overfitting and fragility, and give a verdict.

    Exits with 1 where it is rejected.
    """
    settings = settings_or_exit({"home": home}, config)
    with told():
        found = data_of(settings, data)
        bars = bars_of(found, symbols, start, end)
        subject = subject_of(strategy_class(strategy), found, settings, param or [], grid or [], bars)
        subject = _with_cash(subject, cash)
        work = _work(QUICK if quick else Work(), trials, tried, train, seed)
        _tell_of_sets(prod(len(values) for values in subject.grid.values()), work)
        made = subject.make(subject.chosen)
        told_of = about(made, made.values(), found.name, found.sha256)
        with Progress(console=Console(stderr=True), transient=True) as shown:
            record = validate(subject, told_of, work, progress=_Shown(shown), jobs=_jobs(jobs))
        written = _write(record, out)
    print_record(record)
    for path in written:
        typer.echo(f"written: {path}")
    raise typer.Exit(1 if record.verdict.standing is Standing.REJECT else 0)


def subject_of(
    kind: type[Strategy],
    dataset: Dataset,
    settings: Settings,
    param: Sequence[str],
    grid: Sequence[str],
    bars: Sequence[Bars],
) -> Subject:
    """What is validated, with a grid of each parameter's range where none is given. Errors: InvalidValue."""
    one = kind(**chosen_of(kind, param))
    return Subject(
        name=kind.name,
        make=Maker(kind),
        bars=bars,
        chosen=one.values(),
        grid=axes_of(kind, grid) or grid_around(one),
        rules=rules_of(settings),
        costs=costs_of(settings),
        actions=dataset.actions,
        warm_up=one.warm_up,
        coarser=coarser_of(dataset),
        membership=dataset.membership,
    )


def _tell_of_sets(combinations: int, work: Work) -> None:
    """Say where fewer sets are played than there are."""
    if combinations > work.trials:
        typer.echo(
            f"{combinations:,} parameter sets, {work.trials:,} of them drawn;"
            f" --trials {combinations} plays them all",
            err=True,
        )


class _Shown:
    """Progress bars, one for each kind of work."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._tasks = bars, dict[str, Any]()

    def __call__(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=of)
        self._bars.update(self._tasks[what], completed=done)


def print_record(record: Record) -> None:
    """The table and the verdict."""
    table = Table(box=None, header_style="bold", title_justify="left")
    for heading in ("check", "measured", "asked for", "outcome"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "check")
    for check in record.verdict.checks:
        colour = _COLOURS[check.outcome]
        table.add_row(check.name, check.value, check.threshold, f"[{colour}]{check.outcome}[/]")
    console = Console()
    console.print(table)
    for check in record.verdict.checks:
        if check.outcome in (Outcome.WATCH, Outcome.REJECTED):
            console.print(f"{check.name}: {check.why}", highlight=False)
    console.print(record.verdict.words, style=f"bold {_STANDINGS[record.verdict.standing]}", highlight=False)


def _write(record: Record, out: Path | None) -> list[Path]:
    if out is None:
        return []
    path = save(record, out)
    html = out / PAGE
    html.write_text(page(record), encoding="utf-8")
    return [path, html]


def _work(work: Work, trials: int | None, tried: int, train: int | None, seed: int) -> Work:
    """The work with what was asked for. Errors: InvalidValue."""
    return msgspec.structs.replace(
        work, trials=work.trials if trials is None else trials, tried=tried, train=train, seed=seed
    )


def _jobs(asked: int | None) -> int:
    return len(os.sched_getaffinity(0)) if asked is None else asked


def _with_cash(subject: Subject, cash: str) -> Subject:
    return msgspec.structs.replace(subject, cash=money(cash, "cash"))
