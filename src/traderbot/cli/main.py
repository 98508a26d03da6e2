"""`traderbot`: the command and its subcommands."""

from typing import Annotated, ClassVar

import typer

import traderbot
from traderbot.cli.later import Later, Place


class Commands(Later):
    """All of them, in the order in which they are shown."""

    places: ClassVar = {
        "demo": Place("serve", "demo", "Start everything on real prices, with the AI strategy."),
        "serve": Place("serve", "serve", "Run the API and the page for the users of this home."),
        "worker": Place("serve", "worker", "Play the session beside processes that serve the API."),
        "relay": Place("relay", "run_relay", "Publish committed events to NATS until told to stop."),
        "backtest": Place("backtest", "app", "Run, sweep, validate and compare strategies."),
        "strategy": Place("strategies", "app", "Strategies: list, show, begin one, assign one."),
        "data": Place("data", "app", "Data sets of this home: import, fetch, list."),
        "parity": Place("parity", "show_parity", "Run a session as a backtest, and say what differed."),
        "depth": Place("depth", "play_depth", "Place one order on a recorded order book."),
        "accounts": Place("accounts", "list_accounts", "List the accounts and whose they are."),
        "portfolio": Place("portfolio", "show_portfolio", "What an account is worth, and how it did."),
        "statement": Place("statements", "show_statement", "What an account was worth and what moved."),
        "tax": Place("statements", "show_tax", "An account's gains and losses of a year, by term."),
        "orders": Place("orders", "app", "The orders of this home, and why each was placed."),
        "as-of": Place("accounts", "as_of", "Show an account as it was at a moment."),
        "export": Place("accounts", "export_app", "Files for spreadsheets."),
        "halt": Place("halts", "halt", "Stop new orders; cancels still work."),
        "resume": Place("halts", "resume", "Let trading go on, in two steps: ask, then confirm."),
        "kill": Place("halts", "kill_account", "Stop an account, cancel its orders, close its positions."),
        "risk": Place("risk", "show_risk", "What an account may lose, scenarios, use of its limits."),
        "rebalance": Place("rebalance", "app", "Rebalancing: proposals, their approval, the plan."),
        "alerts": Place("alerts", "app", "Alerts, their rules, what was sent of them."),
        "limits": Place("limits", "app", "Looser limits that wait for a second person."),
        "user": Place("users", "app", "Users of this home. No traderbot may be running in it."),
        "audit": Place("audit", "app", "The journal of this home: verify, export, rebuild, why."),
        "db": Place("database", "app", "The database: check it, look at it, keep it in shape."),
        "doctor": Place("doctor", "run_doctor", "Look at the machine, and say what to mend."),
        "config": Place("config", "show_config", "Show every setting and where it came from."),
    }  # fmt: skip


app = typer.Typer(
    name="traderbot",
    cls=Commands,
    help="Self-hosted AI trading: one engine for backtest, paper and live, and a journal that answers why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
