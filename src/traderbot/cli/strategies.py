"""`traderbot strategy`: those there are, the beginning of one's own, and what trades which account."""

import inspect
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from traderbot.backtests.material import strategy_of
from traderbot.backtests.validation.record import about, load, require
from traderbot.backtests.validation.verdict import Standing
from traderbot.cli.backtest_window import ParamOption, parameters_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_whole
from traderbot.cli.opened import open_platform
from traderbot.cli.told import told
from traderbot.model.errors import Conflict, InvalidValue
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.loading import strategy_class
from traderbot.strategies.template import new_strategy
from traderbot.trading.assignments import Assigned

app = typer.Typer(help="Strategies: list, show, and begin one of your own.", no_args_is_help=True)


@app.command("list")
def list_strategies() -> None:
    """List the strategies that come with the platform."""
    table = Table(Column("name", no_wrap=True), "what it does", box=None)
    for name, kind in sorted(CATALOGUE.items()):
        table.add_row(name, _first_words(kind))
    Console().print(table)


@app.command("show")
def show_strategy(
    strategy: Annotated[str, typer.Argument(help="A name, or a file such as my_momentum.py.")],
) -> None:
    """Show a strategy's parameters with their first values and ranges."""
    with told():
        kind = strategy_class(strategy)
    table = Table(
        Column("parameter", no_wrap=True),
        "first value",
        "takes",
        box=None,
        title=kind.name,
        title_justify="left",
    )
    for name, parameter in kind.declared().items():
        table.add_row(name, str(parameter.initial), parameter.expected)
    Console().print(table if kind.declared() else f"{kind.name} has no parameters.")


@app.command("new")
def begin_strategy(
    name: Annotated[str, typer.Argument(help="Such as my-momentum; its file is my_momentum.py.")],
    folder: Annotated[Path, typer.Option("--in", help="Where to write it.")] = Path(),
) -> None:
    """Write NAME.py, a strategy that runs as it is, and test_NAME.py, its test."""
    with told():
        files = new_strategy(name)
        present = [file for file in files if (folder / file).exists()]
        if present:
            raise Conflict(f"{folder / present[0]} is there already; it is left as it is")
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
            typer.echo(f"written: {folder / file}")
    typer.echo(f"try: traderbot backtest run {folder / next(iter(files))}")


AccountArgument = Annotated[UUID, typer.Option("--account", help="Its id, see `traderbot accounts`.")]


@app.command("assign")
def assign_strategy(
    strategy: Annotated[str, typer.Argument(help="A name, or a file such as my_momentum.py.")],
    account: AccountArgument,
    param: ParamOption = None,
    validation: Annotated[
        Path | None, typer.Option("--validation", help="validation.json of `traderbot backtest validate`.")
    ] = None,
    unvalidated: Annotated[
        bool, typer.Option("--unvalidated", help="Go without one; it is put on record.")
    ] = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Let a strategy trade a paper account. It asks for a validation of the same file and parameters, with a
    verdict other than reject. On SQLite no traderbot may be running in the home.
    """
    settings = settings_or_exit({"home": home}, config)
    with told():
        if (validation is None) is not unvalidated:
            raise InvalidValue("validation", "--validation FILE, or --unvalidated to go without one")
        texts = parameters_of(param)
        source = (
            str(Path(strategy).resolve()) if Path(strategy.partition(":")[0]).suffix == ".py" else strategy
        )
        made = strategy_of(source, texts)
        why = {"validation": "none"}
        if validation is not None:
            record = load(validation)
            require(record, about(made, made.values()), Standing.WATCH)
            why = {"validation": f"{record.verdict.standing}: {record.verdict.words}"}
    with open_platform(settings, quiet=True) as platform, told():
        warnings = platform.trade_by(Assigned(account, made.name, source, texts), why)
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    typer.echo(f"{made.name} trades {account} from the next step on")


@app.command("unassign")
def unassign_strategy(
    strategy: Annotated[str, typer.Argument(help="Its name, as `traderbot strategy assigned` lists it.")],
    account: AccountArgument,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Let a strategy trade an account no longer. Its orders and positions stay as they are."""
    settings = settings_or_exit({"home": home}, config)
    with open_platform(settings, quiet=True) as platform, told():
        platform.assigning.take(account, strategy)
    typer.echo(f"{strategy} trades {account} no longer")


@app.command("assigned")
def list_assigned(home: HomeOption = None, config: FileOption = None) -> None:
    """List which strategy trades which account, and why one that is stopped is."""
    settings = settings_or_exit({"home": home}, config)
    table = Table("account", "strategy", "from", "parameters", "status", box=None)
    with open_platform(settings, quiet=True) as platform, told():
        for one in platform.assigning.all():
            values = " ".join(f"{name}={value}" for name, value in one.parameters.items())
            table.add_row(
                str(one.account_id),
                one.strategy,
                one.source,
                values,
                platform.assigning.stopped(one) or "trades",
            )
    print_whole(table)


def _first_words(kind: type) -> str:
    """What the class's module says first of it."""
    said = (inspect.getdoc(inspect.getmodule(kind)) or "").partition("\n")[0]
    return said.partition(": ")[2] or said
