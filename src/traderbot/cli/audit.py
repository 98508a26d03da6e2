"""`traderbot audit`: check the journal, and rebuild the tables from it."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import open_database, told
from traderbot.infra import journal
from traderbot.trading import audit

app = typer.Typer(help="The journal of this home.", no_args_is_help=True)


@app.command("verify")
def verify(home: HomeOption = None, config: FileOption = None) -> None:
    """Check every event's place and hash; names the first bad one. Works offline, while no traderbot runs
    in the home.
    """
    settings = settings_or_exit({"home": home}, config)
    with open_database(settings) as database, told(), database.read() as connection:
        damage = database.damage(connection)
        if damage is not None:
            typer.echo(f"the database file is damaged: {damage}", err=True)
            raise typer.Exit(1)
        found = journal.verify(connection)
    if found.fault is not None:
        typer.echo(f"the journal is damaged at {found.fault}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{found.events:,} events in {found.streams:,} streams: every chain holds")


@app.command("rebuild")
def rebuild(
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the rebuilt rows in place of tables that differ.")
    ] = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Fold the whole journal into fresh tables and compare them with those in use."""
    settings = settings_or_exit({"home": home}, config)
    with open_database(settings) as database, told():
        with database.read() as connection:
            fault = journal.verify(connection).fault
        if fault is not None:
            typer.echo(f"the journal is damaged at {fault}; nothing was rebuilt", err=True)
            raise typer.Exit(1)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as bar:
            task = bar.add_task("folding")
            result = audit.rebuild(
                database,
                replace=replace,
                progress=lambda events: bar.update(task, description=f"{events:,} events folded"),
            )
    typer.echo(f"{result.events:,} events folded into {result.rows:,} rows")
    for found in result.differences:
        typer.echo(f"{found.table}: {found.missing} rows missing, {found.extra} too many", err=True)
    if not result.differences:
        typer.echo("the tables in use are identical")
    elif replace:
        typer.echo("the tables that differed were replaced")
    else:
        typer.echo("run again with --replace to put the rebuilt rows in place", err=True)
        raise typer.Exit(1)
