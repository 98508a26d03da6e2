"""`traderbot risk ACCOUNT`: what an account may lose, its factors, past falls, own scenarios, use of limits.

Works while traderbot runs in the home, at the market time that its session has reached.
"""

from collections.abc import Mapping
from typing import Annotated

import typer

from traderbot.analytics.risk.rolling import METHODS
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import chosen_account, print_facts, print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.market.demo import ensure_demo
from traderbot.market.sessions import NOT_STARTED, Timeline
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.valuation import portfolio_of
from traderbot.risk.analysis import analyse
from traderbot.risk.book import Book, book_of
from traderbot.risk.factors import FactorExposure, exposure_of
from traderbot.risk.figures import STANDARD, Backtest, Loss, RiskAnalysis, Wanted
from traderbot.risk.history import Reason
from traderbot.risk.saved import saved_of
from traderbot.risk.scenarios import Scenarios, Shocks, historical, shocked
from traderbot.risk.status import RiskStatus, status_of
from traderbot.trading.halts import rules_in_force
from traderbot.trading.session_market import SessionMarket

_ACCOUNT = "Id of the account; not needed where the home has one only."


def show_risk(
    account: Annotated[str | None, typer.Argument(help=_ACCOUNT)] = None,
    method: Annotated[str, typer.Option("--method", help=f"{', '.join(METHODS)}.")] = STANDARD,
    level: Annotated[float, typer.Option("--level", help="Confidence, such as 0.95.")] = 0.95,
    horizon: Annotated[int, typer.Option("--horizon", help="Trading days.")] = 1,
    lose: Annotated[float, typer.Option("--lose", help="Share of equity for the reverse stress.")] = 0.2,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show what an account may lose, its scenarios and how much of its limits is used."""
    settings = settings_or_exit({"home": home}, config)
    with look_into(settings) as connection:
        wanted = Wanted(method, level, horizon)  # type: ignore[arg-type]  # it refuses what is none
        account_id = chosen_account(connection, account)
        dataset = ensure_demo(settings.home)
        market = SessionMarket(dataset, Timeline(dataset), NOT_STARTED)
        book = book_of(portfolio_of(connection, account_id, market), dataset)
        found, events = analyse(book, wanted), historical(book, lose)
        sectors, own = rules_in_force(connection).sectors, saved_of(connection, account_id)
        exposure = exposure_of(book)
        _print_analysis(found)
        _print_factors(exposure)
        _print_scenarios(events)
        _print_own(book, [one.shocks for one in own], sectors)
        _print_status(status_of(connection, account_id, market))
        _print_reasons(list(dict.fromkeys([*found.reasons, *events.reasons, *exposure.reasons])))


def _print_analysis(found: RiskAnalysis) -> None:
    print_facts(
        {
            "market time": shown_time(found.as_of),
            "equity": found.equity,
            "holdings": found.value,
            "method": f"{found.method}, {found.level:.2%}",
            "days ahead": found.horizon,
            "days of history": found.days,
            "value at risk": _loss(found.var),
            "expected shortfall": _loss(found.shortfall),
            "VaR if all moved as one": _loss(found.undiversified),
            "backtest": _backtest(found.backtest),
            "volatility a year": None
            if found.volatility is None
            else _percent(found.volatility.next_year_rate),
            "deepest fall of these": found.drawdown and _percent(found.drawdown.deepest),
            "beta": None if found.beta is None else f"{found.beta:.2f} against {found.benchmark}",
            "effective positions": None
            if found.concentration is None
            else f"{found.concentration.effective:.1f}",
        }
    )
    rows = [
        (one.symbol, one.value, _percent(one.weight), one.var, one.shortfall, _percent(one.shortfall_part),
         one.without_shortfall, "-" if one.days_to_sell is None else f"{one.days_to_sell:.2f}")
        for one in found.positions
    ]  # fmt: skip
    headings = ("symbol", "value", "weight", "VaR", "shortfall", "part", "less without it", "days to sell")
    print_table(headings, rows, "positions")


def _print_scenarios(found: Scenarios) -> None:
    rows = [
        (one.title, one.first, one.last, _percent(one.market), one.profit, _percent(one.share))
        for one in found.scenarios
    ]
    print_table(("fall", "from", "to", "S&P 500", "profit", "of equity"), rows, "scenarios")
    if found.reverse is not None:
        move = "no fall of the index" if found.reverse.market is None else _percent(found.reverse.market)
        typer.echo(f"{found.reverse.loss} would be lost by: {move} of {found.benchmark}")


def _print_factors(found: FactorExposure) -> None:
    rows = [
        (
            one.name,
            f"{one.value:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
            "-" if one.p is None else f"{one.p:.3f}",
        )
        for one in found.coefficients
    ]
    if rows:
        title = f"factors, {found.first} to {found.last}"
        print_table(("factor", "of equity", "95% interval", "p"), rows, title)


def _print_own(book: Book, saved: list[Shocks], sectors: Mapping[Symbol, str]) -> None:
    """The scenarios that the account has saved; one that its holdings cannot be put to says so."""
    rows: list[tuple[object, ...]] = []
    for shocks in saved:
        try:
            made = shocked(book, shocks, sectors)
            rows.append((shocks.name, made.profit, _percent(made.share), None))
        except InvalidValue as error:
            rows.append((shocks.name, None, None, error.detail))
    if rows:
        print_table(("scenario", "profit", "of equity", ""), rows, "scenarios of your own")


def _print_status(found: RiskStatus) -> None:
    rows = [
        (one.name, one.unit, one.limit, one.used, one.room, one.colour, one.of or one.reason)
        for one in found.limits
    ]
    title = f"limits: {found.colour}" + (f", halted: {found.halted}" if found.halted else "")
    print_table(("limit", "unit", "set to", "used", "left", "", "by"), rows, title)


def _print_reasons(reasons: list[Reason]) -> None:
    for one in reasons:
        where = f"{one.symbol}: " if one.symbol else ""
        typer.echo(f"{one.figure}: {where}{one.detail} ({one.code})")


def _loss(loss: Loss | None) -> str | None:
    if loss is None:
        return None
    between = "" if loss.low is None else f", between {loss.low} and {loss.high}"
    return f"{loss.amount} ({_percent(loss.share)} of equity{between})"


def _backtest(found: Backtest | None) -> str | None:
    if found is None:
        return None
    return f"{found.exceeded} of {found.days} days beyond it, {found.expected:g} expected: {found.light}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
