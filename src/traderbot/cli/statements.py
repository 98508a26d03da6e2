"""`traderbot statement` and `tax`: an account's periods and tax years, read or written to files.

Both work while traderbot runs; `statement --every month --output FOLDER` is made to be called by cron.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import AccountOption, chosen_account, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.cli.told import told
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import Every, Span, stretch_of
from traderbot.portfolios.statements.owners import owner_of
from traderbot.portfolios.statements.pages import statement_page, tax_page
from traderbot.portfolios.statements.statement import Statement, statement_csv, statement_of
from traderbot.portfolios.statements.tax import TaxYear, tax_csv, tax_year
from traderbot.portfolios.tracks import Book, Tracks
from traderbot.trading.halts import rules_in_force

_KINDS = ("html", "csv")
_FILE = "A file to write, .html or .csv by its name"
_SUMS = ("start_equity", "flows", "realised", "unrealised", "dividends", "costs", "end_equity", "gain")


def show_statement(
    period: Annotated[
        str | None, typer.Argument(help="Such as 2005-01-03, 2005-W01, 2005-01, 2005-Q1 or 2005.")
    ] = None,
    account: AccountOption = None,
    every: Annotated[
        Every | None, typer.Option("--every", help="Write each period that has ended and is not there yet.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help=f"{_FILE}; with --every a folder for pages.")
    ] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show an account's statement of a period, or write it as a page or its movements as CSV."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        if (period is None) is (every is None):
            raise InvalidValue("PERIOD", "a period, or --every with a folder in --output")
        if every is not None and (output is None or output.is_file()):
            raise InvalidValue("--output", "a folder, with --every")
        kind = "html" if output is None or every is not None else _kind(output)
        with look_into(settings) as connection:
            book, owner = _book_and_owner(connection, account)
            sectors = rules_in_force(connection).sectors
        if every is not None and output is not None:
            _write_all(book, sectors, owner, every, output)
            return
        found = statement_of(book, str(period), sectors)
        if output is None:
            _print_statement(found)
        else:
            _write(output, statement_page(found, owner) if kind == "html" else statement_csv(found))


def show_tax(
    year: Annotated[int, typer.Argument(help="Such as 2005.", min=1970, max=9998)],
    account: AccountOption = None,
    wash_sales: Annotated[
        bool, typer.Option("--wash-sales/--no-wash-sales", help="Put off losses of what was bought again.")
    ] = True,
    output: Annotated[Path | None, typer.Option("--output", help=f"{_FILE}.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show an account's gains and losses of a year by term, or write every disposal to a file."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        kind = "html" if output is None else _kind(output)
        with look_into(settings) as connection:
            book, owner = _book_and_owner(connection, account)
        found = tax_year(book, year, wash_sales=wash_sales)
        if output is None:
            _print_tax(found)
        else:
            _write(output, tax_page(found, owner) if kind == "html" else tax_csv(found))


def _book_and_owner(connection: Connection, account: str | None) -> tuple[Book, str]:
    account_id = chosen_account(connection, account)
    return Tracks().book_of(connection, account_id), owner_of(connection, account_id)


def _kind(output: Path) -> str:
    kind = output.suffix.lower().removeprefix(".")
    if kind not in _KINDS or output.is_dir():
        raise InvalidValue("--output", "a file that ends in .html or .csv", str(output))
    return kind


def _write(output: Path, text: str) -> None:
    """All of it or nothing: a file is never there half."""
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f".{output.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    part.replace(output)
    typer.echo(f"{output} written")


def _write_all(book: Book, sectors: Mapping[Symbol, str], owner: str, every: Every, folder: Path) -> None:
    labels = [label for label, _, _ in Span.between(book).parts(every)]
    ended = [label for label in labels if len(book.times) and int(book.times[-1]) >= stretch_of(label)[1]]
    missing = [label for label in ended if not _file_of(folder, book, label).exists()]
    for label in missing:
        _write(_file_of(folder, book, label), statement_page(statement_of(book, label, sectors), owner))
    if not missing:
        typer.echo(f"no {every.value} has ended that is not in {folder} yet")


def _file_of(folder: Path, book: Book, label: str) -> Path:
    return folder / f"{book.account_id}-{label}.html"


def _print_statement(found: Statement) -> None:
    performance = found.performance
    span = {"from": shown_time(performance.starts), "to": shown_time(performance.ends)}
    returned = performance.time_weighted
    why = performance.reasons.get("time_weighted")
    print_facts(
        {"account": found.account_id, "period": found.period}
        | span
        | {name.replace("_", " "): getattr(performance, name) for name in _SUMS}
        | {"time-weighted return": why if returned is None else f"{returned:.2%}"}
    )
    print_table(
        ("held", "shares", "price", "value", "cost", "unrealised", "weight"),
        [
            (one.symbol, one.qty, one.price, one.market_value, one.cost, one.unrealised, one.weight)
            for one in found.holdings
        ],
    )
    print_table(
        ("time", "what", "symbol", "shares", "price", "fee", "amount"),
        [
            ("", "cash at the start", "", "", "", "", found.cash_start),
            *(
                (shown_time(one.at), one.kind.value, one.symbol, one.qty, one.price, one.fee, one.amount)
                for one in found.movements
            ),
            ("", "cash at the end", "", "", "", "", found.cash_end),
        ],
    )


def _print_tax(found: TaxYear) -> None:
    print_facts(
        {
            "account": found.account_id,
            "year": found.year,
            "wash sales": "matched" if found.wash_sales else "not matched",
            "not settled": found.open_reason,
            "dividends": found.dividends,
            "interest": found.interest,
            "borrow": found.borrow,
        }
    )
    print_table(
        ("term", "disposals", "proceeds", "cost", "disallowed", "gain"),
        [
            (term, one.disposals, one.proceeds, one.cost, one.disallowed, one.gain)
            for term, one in (("short", found.short_term), ("long", found.long_term))
        ],
    )
    print_table(
        ("symbol", "shares", "acquired", "disposed", "term", "proceeds", "cost", "disallowed", "gain"),
        [
            (one.symbol, one.qty, one.acquired, one.disposed, one.term, one.proceeds, one.cost,
             one.disallowed, one.gain)
            for one in found.sold
        ],
    )  # fmt: skip
