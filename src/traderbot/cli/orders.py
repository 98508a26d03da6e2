"""`traderbot orders`: the orders on record; works while traderbot runs in the home."""

from typing import Annotated

import typer

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import AccountOption, chosen_account, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.model.errors import NotFound
from traderbot.model.symbols import symbol as symbol_from
from traderbot.trading import repository
from traderbot.trading.accounts import uuid_of
from traderbot.trading.repository import OrderFilter
from traderbot.trading.views import OrderView
from traderbot.trading.why import explain_order

app = typer.Typer(help="The orders of this home.", no_args_is_help=True)

_LIMIT_MAX = 500
_HEADINGS = (
    "placed",
    "id",
    "symbol",
    "side",
    "type",
    "qty",
    "limit",
    "stop",
    "tif",
    "status",
    "filled",
    "at",
)


@app.command("list")
def list_orders(
    account: AccountOption = None,
    status: Annotated[str, typer.Option("--status", help="open, closed, all, or one status.")] = "all",
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=_LIMIT_MAX)] = 50,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List orders, newest first."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        symbols = () if symbol is None else (symbol_from(symbol, "--symbol"),)
        account_id = chosen_account(connection, account)
        wanted = OrderFilter(status=status, symbols=symbols)
        found = repository.orders_page(connection, [account_id], wanted, limit=limit)
    print_table(_HEADINGS, [_cells(order) for order in found.orders])


@app.command("show")
def show_order(
    order_id: Annotated[str, typer.Argument(help="Id of the order, or your own client_order_id.")],
    account: AccountOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show one order with its legs, and every event that concerns it."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        account_id = chosen_account(connection, account)
        order = repository.find_order_by_client_id(connection, account_id, order_id, nested=True)
        if order is None and (known := uuid_of(order_id)) is not None:
            order = repository.find_order(connection, account_id, known, nested=True)
        if order is None:
            raise NotFound("No such order.")
        chain = explain_order(connection, account_id, order.id).chain
    print_facts(_facts(order))
    if order.legs:
        print_table(_HEADINGS, [_cells(leg) for leg in order.legs], "legs")
    print_table(
        ("time", "event", "what", "actor"),
        [(shown_time(link.time), link.type, f"{link.title}. {link.detail}", link.actor) for link in chain],
    )


def _cells(order: OrderView) -> tuple[object, ...]:
    return (
        shown_time(order.placed_at),
        order.id,
        order.symbol,
        order.side,
        order.type,
        order.qty if order.notional is None else order.notional,
        order.limit_price,
        order.stop_price,
        order.time_in_force,
        order.status,
        order.filled_qty,
        order.filled_avg_price,
    )


def _facts(order: OrderView) -> dict[str, object]:
    hidden = ("version", "legs", "lots", "account_id")
    times = ("placed_at", "updated_at", "expires_at", "triggered_at")
    names = [name for name in OrderView.__struct_fields__ if name not in hidden]
    return {
        name: shown_time(value) if name in times else value
        for name in names
        if (value := getattr(order, name)) is not None
    }
