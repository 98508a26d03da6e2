"""`traderbot`: the command and its subcommands."""

from typing import Annotated

import typer

import traderbot
from traderbot.cli import (
    accounts,
    audit,
    backtest,
    data,
    database,
    halts,
    journal,
    orders,
    serve,
    strategies,
    users,
)
from traderbot.cli.backtest_sweep import sweep_backtests
from traderbot.cli.backtest_validate import validate_strategy
from traderbot.cli.config import show_config
from traderbot.cli.depth import play_depth
from traderbot.cli.doctor import run_doctor
from traderbot.cli.relay import run_relay

app = typer.Typer(
    name="traderbot",
    help="Self-hosted AI trading: one engine for backtest, paper and live, and a journal that answers why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(serve.demo)
app.command("serve")(serve.serve)
app.command("relay")(run_relay)
app.command("worker")(serve.worker)
backtest.app.command("sweep")(sweep_backtests)
backtest.app.command("validate")(validate_strategy)
app.add_typer(backtest.app, name="backtest")
app.add_typer(strategies.app, name="strategy")
app.command("depth")(play_depth)
app.add_typer(users.app, name="user")
app.command("accounts")(accounts.list_accounts)
app.add_typer(orders.app, name="orders")
app.command("as-of")(accounts.as_of)
app.add_typer(accounts.export_app, name="export")
app.command("halt")(halts.halt)
app.command("resume")(halts.resume)
app.add_typer(data.app, name="data")
journal.install(audit.app)
app.add_typer(audit.app, name="audit")
app.add_typer(database.app, name="db")
app.command("doctor")(run_doctor)
app.command("config")(show_config)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"traderbot {traderbot.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass
