"""`traderbot portfolio`: what an account was worth at its last close, where the money is, and how it did."""

from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.engine import Connection

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import chosen_account, moment, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.model.symbols import Symbol
from traderbot.portfolios.allocation import allocation_of
from traderbot.portfolios.contribution import contribution_of
from traderbot.portfolios.dimensions import By, dimension
from traderbot.portfolios.performance import Performance, performance_of
from traderbot.portfolios.spans import Every
from traderbot.portfolios.tracks import Book, Tracks
from traderbot.trading.halts import rules_in_force

_OFFERED = (By.POSITION, By.SECTOR, By.STRATEGY)
_FIGURES = (
    "start_equity", "flows", "gain", "end_equity", "realised", "unrealised", "dividends", "fees", "borrow",
    "interest", "costs", "costs_of_capital", "costs_of_gain",
)  # fmt: skip
_RETURNS = ("time_weighted", "time_weighted_annual", "money_weighted", "money_weighted_annual")


def show_portfolio(
    account: Annotated[
        str | None, typer.Argument(help="Id of the account; not needed where the home has one only.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Group by position, sector or strategy.")] = "position",
    performance: Annotated[
        bool, typer.Option("--performance", help="What it gained and returned, month by month.")
    ] = False,
    begin: Annotated[
        str | None, typer.Option("--from", help="With --performance: from this market time on.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="With --performance: up to this market time.")
    ] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show what an account was worth at its last close, by position, sector or strategy."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        group, span = dimension(by, _OFFERED), (moment(begin, "--from"), moment(end, "--to"))
        book = Tracks().book_of(connection, chosen_account(connection, account))
        sectors = rules_in_force(connection).sectors
        if performance:
            _print_performance(book, group, sectors, *span)
        else:
            _print_allocation(connection, book, group, sectors)


def _print_allocation(connection: Connection, book: Book, by: By, sectors: dict[Symbol, str]) -> None:
    at = int(book.times[-1]) if len(book.times) else book.opened_at
    found = allocation_of([book], by, sectors, book.marks.get, at)
    account: UUID = book.account_id
    print_facts(
        {
            "account": account,
            "close": shown_time(at) if len(book.times) else None,
            "cash": found.cash,
            "market value": found.market_value,
            "equity": found.equity,
        }
    )
    print_table(
        (by.value, "value", "weight", "cost", "unrealised", "realised", "dividends", "fees", "accrued"),
        [
            (one.name, one.market_value, _percent(one.weight), one.cost, one.unrealised, one.realised,
             one.dividends, one.fees, one.borrow + one.interest)
            for one in found.shares
        ],
    )  # fmt: skip


def _print_performance(
    book: Book, by: By, sectors: dict[Symbol, str], begin: int | None, end: int | None
) -> None:
    found = performance_of(book, begin=begin, end=end, every=Every.MONTH)
    print_facts(
        {"account": book.account_id, "from": shown_time(found.starts), "to": shown_time(found.ends)}
        | {name.replace("_", " "): getattr(found, name) for name in _FIGURES}
        | {name.replace("_", "-", 1).replace("_", " "): _told(found, name) for name in _RETURNS}
    )
    print_table(
        ("month", "equity", "flows", "gain", "return"),
        [
            (one.label, one.end_equity, one.flows, one.gain, one.reason or _percent(one.time_weighted))
            for one in found.periods
        ],
    )
    parts = contribution_of(book, by, sectors, begin=begin, end=end)
    print_table(
        (by.value, "gain", "realised", "unrealised", "dividends", "fees", "contribution"),
        [
            (one.name, one.gain, one.realised, one.unrealised, one.dividends, one.fees,
             _percent(one.contribution))
            for one in parts.parts
        ],
    )  # fmt: skip


def _told(found: Performance, name: str) -> str:
    """A return, or why there is none."""
    value = getattr(found, name)
    if value is not None:
        return str(_percent(value))
    return found.reasons.get(name) or found.reasons.get(name.removesuffix("_annual"), "")


def _percent(value: object) -> str | None:
    return None if value is None else f"{value:.2%}"
