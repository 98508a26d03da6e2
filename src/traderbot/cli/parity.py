"""`traderbot parity`: a window of a paper session beside its backtest; works while traderbot runs."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from traderbot.backtests.material import strategy_of
from traderbot.backtests.parity.comparing import Wanted, parity
from traderbot.backtests.parity.page import page
from traderbot.backtests.parity.report import Difference, Parity, encoded
from traderbot.cli.backtest_window import parameters_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import chosen_account, moment, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.infra.settings import Settings
from traderbot.model.errors import InvalidValue
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.trading.assignments import Assigned
from traderbot.trading.terms import costs_of

SHOWN_MAX = 40
_DAY_US = 86_400_000_000


def show_parity(
    account: Annotated[
        str | None, typer.Argument(help="Its id; not needed where the home has one account only.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="From this day or time of the market; else from its start.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Up to this day, whole, or time; else up to now.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="Which, where several have traded the account.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="A name or file, in place of the one on record.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of --source, such as bars=90.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page as well.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Run a window of a session again as a backtest, from the account as it was and over the same bars, and
    attribute every difference: to signal, missed fill, timing, price, fee or what people did.

    Status 0 where the trades are the same, 3 where they are not.
    """
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        if param and source is None:
            raise InvalidValue("--param", "a --source that takes it")
        if html is not None and html.suffix != ".html":
            raise InvalidValue("--html", "a file that ends in .html", html.name)
        begins, ends = moment(first, "--from"), _end(last)
        found = _compared(connection, settings, account, strategy, source, param, (begins, ends))
        if html is not None:
            html.write_text(page(found), encoding="utf-8")
    _tell(found, as_json, html)


def _tell(found: Parity, as_json: bool, html: Path | None) -> None:
    """Errors: tells by the status that the trades are not the same."""
    if as_json:
        typer.echo(encoded(found).decode(), nl=False)
    else:
        _print(found)
    if html is not None and not as_json:
        typer.echo(f"page: {html}")
    if not found.same:
        raise typer.Exit(3)


def _compared(
    connection: Connection,
    settings: Settings,
    account: str | None,
    strategy: str | None,
    source: str | None,
    param: list[str] | None,
    window: tuple[int | None, int | None],
) -> Parity:
    def make(one: Assigned) -> Strategy:
        if one.source == AiForecast.name:
            return AiForecast(collar=settings.collar)
        return strategy_of(one.source, one.parameters)

    account_id = chosen_account(connection, account)
    wanted = Wanted(account_id, strategy, source, parameters_of(param), *window)
    return parity(connection, wanted, home=settings.home, costs=costs_of(settings), make=make)


def _end(text: str | None) -> int | None:
    """A moment; of a day its end."""
    found = moment(text, "--to")
    if found is None or text is None:
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return found
    return found + _DAY_US - 1


def _print(found: Parity) -> None:
    typer.echo(found.words)
    typer.echo("")
    print_facts(
        {
            "account": found.account,
            "strategy": " ".join((found.strategy, *(f"{k}={v}" for k, v in found.parameters.items()))),
            "window": f"{_day(found.first)} to {_day(found.last)}, {found.steps} steps of {found.data}",
            "equity at its start": f"{found.start_equity:,.2f}",
            "equity of the session": f"{found.session_equity:,.2f}",
            "equity of the re-run": f"{found.rerun_equity:,.2f}",
            "difference": f"{found.difference:,.2f}",
            "orders": f"{found.orders[0]}, in the re-run {found.orders[1]}; {found.paired} on both sides",
            "executions": f"{found.fills[0]}, in the re-run {found.fills[1]}",
        }
    )
    counts = {cause: sum(one.cause == cause for one in found.differences) for cause in found.causes}
    print_table(
        ("cause", "differences", "amount"),
        [(cause, counts[cause], f"{amount:,.2f}") for cause, amount in found.causes.items()],
        "session less re-run",
    )
    if found.differences:
        shown = sorted(found.differences, key=lambda one: one.at)[:SHOWN_MAX]
        title = f"differences, {len(shown)} of {len(found.differences)}; an early one may cause later ones"
        print_table(
            ("time", "cause", "symbol", "side", "amount", "what", "order", "in the re-run"),
            [_row(one) for one in shown],
            title,
        )
    if found.incidents:
        print_table(
            ("time", "what", "words", "order"),
            [(shown_time(one.at), one.what, one.words, one.order_id) for one in found.incidents],
            "what a backtest has not",
        )
    for note in found.notes:
        typer.echo(f"note: {note}")


def _row(one: Difference) -> tuple[object, ...]:
    return (
        shown_time(one.at) if one.at else None,
        one.cause,
        one.symbol,
        one.side,
        f"{one.amount:,.2f}",
        one.words,
        None if one.session is None else one.session.order_id,
        None if one.rerun is None else one.rerun.order_id,
    )


def _day(time: int) -> str:
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%d")
