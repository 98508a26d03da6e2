"""`traderbot backtest`: run a strategy over a data set, through the engine and broker of the demo; report on
results, and put them side by side.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from traderbot.backtests.confined import Outcome
from traderbot.backtests.reporting import documents, reports
from traderbot.backtests.reporting.documents import Document
from traderbot.cli.backtest_sweep import sweep_backtests
from traderbot.cli.backtest_terms import (
    AskedCosts,
    FeeMinimumOption,
    FeePerShareOption,
    FeeRateOption,
    ImpactOption,
    LatencyOption,
    Limits,
    MemoryLimitOption,
    ParticipationOption,
    SlippageOption,
    TimeLimitOption,
    outcome,
)
from traderbot.cli.backtest_validate import validate_strategy
from traderbot.cli.backtest_window import CashOption, EndOption, ParamOption, SymbolsOption, parameters_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_whole
from traderbot.cli.told import told
from traderbot.infra.events.texts import canonical
from traderbot.infra.settings import Settings
from traderbot.market.demo import NAME
from traderbot.model.errors import Conflict, InvalidValue
from traderbot.model.meant import meant
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.trading.terms import costs_of, rules_of

CONTENDERS_MAX = 12


class _Commands(TyperGroup):
    """The sub-commands; a strategy's name in place of one is run, as before there were any."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands, help="Run strategies over data, and compare and report results.", no_args_is_help=True
)
app.command("sweep")(sweep_backtests)
app.command("validate")(validate_strategy)

DataOption = Annotated[
    str, typer.Option("--data", help="A data set, see `traderbot data list`, or a CSV or Parquet file.")
]
StartOption = Annotated[
    datetime | None,
    typer.Option("--start", formats=["%Y-%m-%d"], help="First day to trade; bars before are history."),
]
AccountTypeOption = Annotated[
    Literal["cash", "margin"], typer.Option("--account-type", help="Of which a margin one may sell short.")
]
BenchmarkOption = Annotated[
    str | None, typer.Option("--benchmark", help="Symbol to compare with; else all in equal parts.")
]
CalendarOption = Annotated[str, typer.Option("--calendar", help="Exchange calendar of a file.")]


@app.command("run")
def run_backtest(
    strategy: Annotated[str, typer.Argument(help=f"A file, or one of: {', '.join(sorted(CATALOGUE))}.")],
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    cash: CashOption = "100000",
    param: ParamOption = None,
    account_type: AccountTypeOption = "cash",
    benchmark: BenchmarkOption = None,
    calendar: CalendarOption = "XNYS",
    fee_rate: FeeRateOption = None,
    fee_per_share: FeePerShareOption = None,
    fee_minimum: FeeMinimumOption = None,
    slippage: SlippageOption = None,
    participation: ParticipationOption = None,
    impact: ImpactOption = None,
    latency: LatencyOption = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder for report.html, result.json and CSV files.")
    ] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Run a strategy over data, with splits, dividends, fees and slippage, and print the result.

    A strategy of a file of one's own runs in a process of its own, within limits of time and memory.
    """
    settings = settings_or_exit({"home": home}, config)
    with told():
        _check_free(out)
        terms = _terms(settings, data, symbols, start, end, cash, account_type, benchmark, calendar)
        asked = AskedCosts(fee_rate, fee_per_share, fee_minimum, slippage, participation, impact, latency)
        terms["costs"], terms["rules"] = asked.over(terms["costs"], terms["rules"])
        limits = Limits.of(time_limit, memory_limit)
        _print(outcome(strategy, parameters_of(param), terms, out, limits))


@app.command("report")
def report_on(
    result: Annotated[Path, typer.Argument(help="result.json of a run, or the folder it is in.")],
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path(reports.FILE),
) -> None:
    """Write the report of a stored result as one page of HTML."""
    with told():
        if out.suffix != ".html":
            raise InvalidValue("--out", "a file that ends in .html", out.name)
        typer.echo(f"report: {reports.write_page(documents.read(result), out)}")


@app.command("compare")
def compare(
    contenders: Annotated[
        list[str],
        typer.Argument(help="Strategies, such as moving-average or moving-average:fast=10,slow=40; results."),
    ],
    data: DataOption = NAME,
    symbols: SymbolsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    cash: CashOption = "100000",
    account_type: AccountTypeOption = "cash",
    benchmark: BenchmarkOption = None,
    calendar: CalendarOption = "XNYS",
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Put strategies, which are run, and stored results side by side."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        if not 2 <= len(contenders) <= CONTENDERS_MAX:
            raise InvalidValue("contenders", f"2 to {CONTENDERS_MAX} strategies or results", len(contenders))
        terms = _terms(settings, data, symbols, start, end, cash, account_type, benchmark, calendar)
        found = [_document(one, terms) for one in contenders]
    _print_beside(found)


def _terms(
    settings: Settings,
    data: str,
    symbols: str | None,
    start: datetime | None,
    end: datetime | None,
    cash: str,
    account: str,
    benchmark: str | None,
    calendar: str,
) -> dict[str, Any]:
    """What every backtest of a command is run with."""
    return {
        "data": data,
        "symbols": symbols,
        "start": None if start is None else start.date(),
        "end": None if end is None else end.date(),
        "cash": cash,
        "account": account,
        "benchmark": benchmark,
        "calendar": calendar,
        "costs": costs_of(settings),
        "rules": rules_of(settings),
        "home": settings.home,
    }


def _document(contender: str, terms: Mapping[str, Any]) -> Document:
    """A stored result, or a strategy's that is run."""
    path = Path(contender)
    if contender not in CATALOGUE and (path.suffix == ".json" or path.is_dir()):
        return documents.read(path)
    name, _, values = contender.partition(":")
    if name not in CATALOGUE and not name.endswith(".py"):
        there = "a strategy, its file, or the folder that a run wrote with --out"
        raise InvalidValue("contenders", f"{there}{meant(name, CATALOGUE)}", contender)
    parameters = parameters_of(values.split(",") if values else None)
    return outcome(name, parameters, terms, None, Limits.of(None, None)).document


def _check_free(out: Path | None) -> None:
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"{out} is there already: name a new or an empty folder for the report")


def _print(outcome: Outcome) -> None:
    document = outcome.document
    title = f"{document.strategy} on {document.data.name}, {reports.window(document)}"
    table = Table(box=None, title=escape(title), title_justify="left", header_style="bold")
    for column, justify in (("", "left"), ("strategy", "right"), (f"held: {document.benchmark}", "right")):
        table.add_column(escape(column), justify=justify)  # type: ignore[arg-type]
    table.add_row("equity", f"{document.amounts['equity']:,.2f}", f"{outcome.held:,.2f}")
    for label, own, held in reports.beside(document):
        table.add_row(label, own, "" if held == reports.NOTHING else held)
    for label, own in reports.trading(document):
        table.add_row(label, own, "")
    amounts = document.amounts
    for name in ("realised", "dividends", "fees", "interest", "borrow"):
        if amounts[name]:
            table.add_row(name, f"{amounts[name]:,.2f}", "")
    refused = ", ".join(f"{count} {reason}" for reason, count in document.refused.items())
    table.add_row("orders refused", refused or "0", "")
    table.add_row("fills", f"{outcome.executions:,}", "")
    table.add_row("bars", f"{document.data.bars:,} in {outcome.seconds:.2f} s", "")
    console = Console()
    console.print(table)
    for symbol, qty, cost in outcome.holdings:
        console.print(f"holds {canonical(qty)} {symbol} at a cost of {cost:,.2f}")
    for line in document.data.said:
        console.print(escape(line), highlight=False)
    if outcome.report is not None:
        typer.echo(f"report: {outcome.report}")


def _print_beside(found: list[Document]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("")
    for document in found:
        values = ", ".join(f"{name}={value}" for name, value in document.parameters.items())
        table.add_column(escape(f"{document.strategy}\n{values}"), justify="right", overflow="fold")
    table.add_row("data", *(escape(one.data.name) for one in found))
    table.add_row("from", *(reports.day(one.first) for one in found))
    table.add_row("to", *(reports.day(one.last) for one in found))
    table.add_row("equity", *(f"{one.amounts['equity']:,.2f}" for one in found))
    for name, label, kind in (*reports.FIGURES, *reports.TRADING):
        table.add_row(label, *(reports.shown(one.metrics.get(name), kind) for one in found))
    held = (reports.shown(one.benchmark_metrics.get("cagr"), reports.PERCENT) for one in found)
    table.add_row("Benchmark a year (CAGR)", *held)
    print_whole(table)
    if len({_ground(one) for one in found}) > 1:
        typer.echo("these are not of the same data, window and cash: compare them with care")


def _ground(document: Document) -> tuple[object, ...]:
    """What results that can be compared have in common."""
    data = document.data
    deposits, account = document.amounts["deposits"], document.account
    return data.sha256, tuple(data.symbols), document.first, document.last, deposits, account
