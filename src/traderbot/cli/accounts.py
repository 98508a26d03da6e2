"""`traderbot accounts`, `as-of` and `export`: accounts now, and as they were; work while traderbot runs."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import AccountOption, chosen_account, moment, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.model.errors import InvalidValue
from traderbot.trading import tables as t
from traderbot.trading.as_of import books_at, orders_at, state_at
from traderbot.trading.exports import realised_csv
from traderbot.trading.repository import OrderFilter
from traderbot.users.tables import users

export_app = typer.Typer(help="Files for spreadsheets.", no_args_is_help=True)

_OPEN_MAX = 500
AfterOption = Annotated[str | None, typer.Option("--after", help="Later than this, market time.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this, market time.")]


def list_accounts(home: HomeOption = None, config: FileOption = None) -> None:
    """List the accounts of this home and whose they are."""
    settings = settings_or_exit({"home": home}, config)
    a = t.accounts.c
    query = sa.select(
        a.id, users.c.email, a.name, a.kind, a.broker, a.cash, a.held, a.lot_method, a.halted
    ).select_from(t.accounts.outerjoin(users, users.c.id == a.user_id))
    with look_into(settings) as connection:
        rows = [tuple(row) for row in connection.execute(query.order_by(a.id))]
    print_table(("id", "user", "name", "kind", "broker", "cash", "held", "lots", "halted"), rows)


def as_of(
    account: AccountOption = None,
    position: Annotated[
        int | None, typer.Option("--position", help="Up to this position of the journal.", min=0)
    ] = None,
    recorded_at: Annotated[str | None, typer.Option("--recorded-at", help="As recorded by then.")] = None,
    market_time: Annotated[
        str | None, typer.Option("--market-time", help="By what had happened by then in the market.")
    ] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show an account as it was: on record up to a position or moment, or by what had happened by a market
    time.
    """
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        if position is not None and recorded_at is not None:
            raise InvalidValue("--recorded-at", "nothing beside --position")
        account_id = chosen_account(connection, account)
        known = moment(recorded_at, "--recorded-at")
        at = moment(market_time, "--market-time")
        if at is None:
            _print_state(connection, account_id, position, known)
        else:
            _print_books(connection, account_id, at, position, known)


@export_app.command("pnl")
def export_pnl(
    account: AccountOption = None,
    after: AfterOption = None,
    until: UntilOption = None,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; stdout without it.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Write realised gains as CSV, a line for each lot that an execution used."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        account_id = chosen_account(connection, account)
        span = {"after": moment(after, "--after"), "until": moment(until, "--until")}
        text = realised_csv(connection, account_id, **span)
        if output is None:
            sys.stdout.writelines(text)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                file.writelines(text)


def _print_state(connection: Connection, account_id: UUID, position: int | None, known: int | None) -> None:
    then = state_at(connection, account_id, position=position, recorded_at=known)
    wanted = OrderFilter(status="open", oldest_first=True)
    orders = orders_at(connection, account_id, position=then.position, wanted=wanted, limit=_OPEN_MAX)
    account = then.account
    print_facts(
        {
            "account": account.id,
            "position": then.position,
            "recorded": shown_time(then.recorded_at),
            "kind": account.kind.value,
            "cash": account.cash,
            "held": account.held,
            "available": account.available,
            "margin call": account.margin_call,
            "halted": account.halted,
        }
    )
    held = [(one.symbol, one.qty, one.cost, one.realised) for _, one in sorted(account.positions.items())]
    print_table(("symbol", "qty", "cost", "realised"), held, "positions")
    print_table(
        ("id", "symbol", "side", "type", "qty", "limit", "stop", "status", "filled"),
        [
            (o.id, o.symbol, o.side, o.type, o.qty, o.limit_price, o.stop_price, o.status, o.filled_qty)
            for o in orders
        ],
        "open orders",
    )


def _print_books(
    connection: Connection, account_id: UUID, at: int, position: int | None, known: int | None
) -> None:
    books = books_at(connection, account_id, at=at, position=position, recorded_at=known)
    print_facts(
        {"account": account_id, "market time": shown_time(books.at), "position": books.position}
        | dict(sorted(books.balances.items()))
    )
    held = [(one.symbol, one.qty, one.cost, one.realised) for one in books.positions]
    print_table(("symbol", "qty", "cost", "realised"), held, "positions")
