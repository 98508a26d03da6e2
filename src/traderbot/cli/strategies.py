"""`traderbot strategy`: the strategies there are, and the beginning of one's own."""

import inspect
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from traderbot.cli.opened import told
from traderbot.model.errors import Conflict
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.loading import strategy_class
from traderbot.strategies.template import new_strategy

app = typer.Typer(help="Strategies: list, show, and begin one of your own.", no_args_is_help=True)


@app.command("list")
def list_strategies() -> None:
    """List the strategies that come with the platform."""
    table = Table("name", "what it does", box=None)
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
    table = Table("parameter", "first value", "takes", box=None, title=kind.name, title_justify="left")
    for name, parameter in kind.declared().items():
        table.add_row(name, str(parameter.initial), parameter.expected)
    Console().print(table if kind.declared() else f"{kind.name} has no parameters.")


@app.command("new")
def begin_strategy(
    name: Annotated[str, typer.Argument(help="Of the file, such as my_momentum.")],
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
    typer.echo(f"try: traderbot backtest run {folder / name}.py")


def _first_words(kind: type) -> str:
    """What the class's module says first of it."""
    said = (inspect.getdoc(inspect.getmodule(kind)) or "").partition("\n")[0]
    return said.partition(": ")[2] or said
