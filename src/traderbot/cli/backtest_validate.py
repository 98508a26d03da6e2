"""`traderbot backtest validate`: try to break a strategy, print the verdict and keep it as a file."""

from collections.abc import Sequence
from datetime import UTC, datetime
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
from traderbot.backtests.validation.subject import Subject
from traderbot.backtests.validation.verdict import Outcome, Standing
from traderbot.bootstrap import costs_of, rules_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import told
from traderbot.infra.settings import Settings
from traderbot.market.bars import Bars
from traderbot.market.datasets import Dataset, dataset_name, load
from traderbot.market.demo import NAME, ensure_demo
from traderbot.market.resampling import coarser_of
from traderbot.model.amounts import money
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import symbol
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import strategy_class

PAGE = "validation.html"
_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.WATCH: "yellow",
    Outcome.REJECTED: "red",
    Outcome.UNMEASURED: "dim",
}
_STANDINGS = {Standing.PROMOTE: "green", Standing.WATCH: "yellow", Standing.REJECT: "red"}


DataOption = Annotated[str, typer.Option("--data", help="Name of a data set, see `traderbot data list`.")]
SymbolsOption = Annotated[str | None, typer.Option("--symbols", help="Only these, such as AAPL,IBM.")]
StartOption = Annotated[datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day.")]
EndOption = Annotated[datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter in question, such as fast=20.")
]
VaryOption = Annotated[
    list[str] | None, typer.Option("--vary", help="Values it was chosen from, such as fast=10,20,30.")
]
TriedOption = Annotated[int, typer.Option("--tried", help="Parameter sets tried before, not among these.")]
TrialsOption = Annotated[int | None, typer.Option("--trials", help="At most so many parameter sets.")]
TrainOption = Annotated[int | None, typer.Option("--train", help="Rows of the first training window.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides all that is left to chance.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="The same checks with fewer runs.")]
CashOption = Annotated[str, typer.Option("--cash", help="Cash to begin with.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for validation.json and validation.html.")
]


def validate_strategy(
    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or its file.")],
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    values: SetOption = None,
    vary: VaryOption = None,
    tried: TriedOption = 0,
    trials: TrialsOption = None,
    train: TrainOption = None,
    seed: SeedOption = 0,
    quick: QuickOption = False,
    cash: CashOption = "100000",
    out: OutOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Check a strategy for looking ahead, luck, overfitting and fragility, and give a verdict.

    Exits with 1 where it is rejected.
    """
    settings = settings_or_exit({"home": home}, config)
    with told():
        found = data_of(settings, data)
        subject = subject_of(
            strategy_class(strategy),
            found,
            settings,
            values or [],
            vary or [],
            bars_of(found, symbols, start, end),
        )
        subject = _with_cash(subject, cash)
        work = _work(QUICK if quick else Work(), trials, tried, train, seed)
        made = subject.make(subject.chosen)
        told_of = about(made, made.values(), found.name, found.sha256)
        with Progress(console=Console(stderr=True), transient=True) as shown:
            record = validate(subject, told_of, work, progress=_Shown(shown))
        written = _write(record, out)
    print_record(record)
    for path in written:
        typer.echo(f"written: {path}")
    raise typer.Exit(1 if record.verdict.standing is Standing.REJECT else 0)


def data_of(settings: Settings, name: str) -> Dataset:
    """The data set of that name. Errors: NotFound, InvalidValue."""
    if name == NAME:
        return ensure_demo(settings.home)
    return load(settings.home / "data" / dataset_name(name))


def bars_of(
    dataset: Dataset, symbols: str | None, start: datetime | None, end: datetime | None
) -> list[Bars]:
    """The bars asked for. Errors: InvalidValue, NotFound."""
    names = (
        [symbol(name.strip(), "symbols") for name in symbols.split(",")] if symbols else list(dataset.bars)
    )
    first = _midnight(start) if start else 0
    last = _midnight(end) + 86_400_000_000 - 1 if end else dataset.last_time
    found = [part for name in names if len(part := dataset.bars_of(name).window(first, last))]
    if not found:
        raise InvalidValue("start, end", "a window with at least one bar")
    return found


def subject_of(
    kind: type[Strategy],
    dataset: Dataset,
    settings: Settings,
    values: Sequence[str],
    vary: Sequence[str],
    bars: Sequence[Bars],
) -> Subject:
    """What is validated, with a grid of each parameter's range where none is given. Errors: InvalidValue."""
    chosen = {name: parsed(kind, name, text) for name, text in map(_pair, values)}
    grid = {name: [parsed(kind, name, part) for part in text.split(",")] for name, text in map(_pair, vary)}
    one = kind(**chosen)
    return Subject(
        name=kind.name,
        make=lambda given: kind(**given),
        bars=bars,
        chosen=one.values(),
        grid=grid or grid_around(one),
        rules=rules_of(settings),
        costs=costs_of(settings),
        actions=dataset.actions,
        warm_up=one.warm_up,
        coarser=coarser_of(dataset),
        membership=dataset.membership,
    )


def parsed(kind: type[Strategy], name: str, text: str) -> object:
    """A value as its parameter reads it. Errors: InvalidValue."""
    known = kind.declared()
    if name not in known:
        raise InvalidValue(name, f"one of {', '.join(known) or 'no parameters'}")
    value: object = known[name].parse(text.strip())
    return value


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
        table.add_column(heading, overflow="fold")
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


def _with_cash(subject: Subject, cash: str) -> Subject:
    return msgspec.structs.replace(subject, cash=money(cash, "cash"))


def _pair(text: str) -> tuple[str, str]:
    """name=value. Errors: InvalidValue."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise InvalidValue("--set, --vary", "name=value", text)
    return name.strip(), value


def _midnight(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * 1_000_000
