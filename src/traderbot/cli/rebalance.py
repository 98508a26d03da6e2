"""`traderbot rebalance`: propose trades to target weights, look at them, approve or reject them, make a plan
of it.

Asked of the server that runs, as whoever's API key it is.
"""

from typing import Annotated, Any
from uuid import UUID

import typer

from traderbot.cli.asking import OwnKeyOption, Server, UrlOption, server_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_facts, print_table
from traderbot.cli.told import told
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.spans import Every
from traderbot.rebalancing.wanted import LOT_CHOICES, MODELS

app = typer.Typer(help="Rebalancing: proposals, their approval, the plan.", no_args_is_help=True)

_BASE = "/portfolio/rebalancing"
IdArgument = Annotated[UUID, typer.Argument(help="Id of the proposal, see `traderbot rebalance list`.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without being asked again.")]
SharesOption = Annotated[
    list[str] | None,
    typer.Option("--weight", help="Share of equity, such as AAPL=0.3; once for each symbol."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help=f"In place of weights: {', '.join(MODELS)}.")
]


@app.command("propose")
def propose(
    weight: SharesOption = None,
    model: ModelOption = None,
    symbols: Annotated[str, typer.Option("--symbols", help="Of the model, such as AAPL,MSFT.")] = "",
    days: Annotated[int | None, typer.Option("--days", help="Daily returns that a model goes by.")] = None,
    max_weight: Annotated[str | None, typer.Option("--max-weight", help="Of each symbol.")] = None,
    min_weight: Annotated[str | None, typer.Option("--min-weight", help="Of each symbol.")] = None,
    sector: Annotated[
        list[str] | None, typer.Option("--sector", help="Largest share of a sector, such as Technology=0.4.")
    ] = None,
    turnover: Annotated[
        str | None, typer.Option("--turnover", help="Most that half of what is traded may be.")
    ] = None,
    cash_buffer: Annotated[str | None, typer.Option("--cash-buffer", help="Kept as cash.")] = None,
    band: Annotated[str | None, typer.Option("--band", help="What is off by no more is left alone.")] = None,
    min_trade: Annotated[str | None, typer.Option("--min-trade", help="Smallest trade, USD.")] = None,
    lots: Annotated[str | None, typer.Option("--lots", help=f"{', '.join(LOT_CHOICES)}.")] = None,
    tax_short: Annotated[str | None, typer.Option("--tax-short", help="Rate on short-term gains.")] = None,
    tax_long: Annotated[str | None, typer.Option("--tax-long", help="Rate on long-term gains.")] = None,
    no_wash_sale: Annotated[bool, typer.Option("--no-wash-sale", help="Make none.")] = False,
    fractional: Annotated[bool, typer.Option("--fractional", help="Parts of shares too.")] = False,
    sell_others: Annotated[bool, typer.Option("--sell-others", help="Sell what is not named.")] = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Propose trades; nothing is traded until the proposal is approved."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        body = {
            "model": model, "days": days, "max_weight": max_weight, "min_weight": min_weight,
            "turnover": turnover, "cash_buffer": cash_buffer, "band": band, "min_trade": min_trade,
            "lots": lots, "tax_short": tax_short, "tax_long": tax_long, "no_wash_sale": no_wash_sale or None,
            "whole_shares": False if fractional else None, "others": "sell" if sell_others else None,
            "weights": _pairs(weight, "--weight") or None,
            "symbols": [one.strip() for one in symbols.split(",")] if symbols else None,
            "sectors": {name: {"high": high} for name, high in _pairs(sector, "--sector").items()} or None,
        }  # fmt: skip
        found = server_of(settings, url, api_key).post(f"{_BASE}/proposals", _given(body))
    _print_proposal(found)
    typer.echo(f"to trade it: traderbot rebalance approve {found['id']}")


@app.command("list")
def list_proposals(
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List the proposals, newest first."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        items = server_of(settings, url, api_key).get(f"{_BASE}/proposals")["items"]
    rows = [
        (one["id"], one["made_at"][:19], one["status"], "plan" if one["plan"] else "", one["why"])
        for one in items
    ]
    print_table(("id", "made at", "status", "by", "why"), rows)


@app.command("show")
def show(
    proposal: IdArgument,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Show a proposal whole."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        found = server_of(settings, url, api_key).get(f"{_BASE}/proposals/{proposal}")
    _print_proposal(found)


@app.command("approve")
def approve(
    proposal: IdArgument,
    yes: YesOption = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Trade it: sales first, buys as soon as these are through."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _decide(server_of(settings, url, api_key), proposal, "approve", yes)


@app.command("reject")
def reject(
    proposal: IdArgument,
    yes: YesOption = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Reject it, or stop it under way."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        _decide(server_of(settings, url, api_key), proposal, "reject", yes)


@app.command("plan")
def plan(
    proposal: Annotated[
        UUID | None, typer.Argument(help="The proposal that is to be made again; none to see the plan.")
    ] = None,
    every: Annotated[Every | None, typer.Option("--every", help="At the start of each.")] = None,
    drift: Annotated[str | None, typer.Option("--drift", help="As soon as a weight is off by more.")] = None,
    automatic: Annotated[bool, typer.Option("--automatic", help="Approve each at once.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Drop the plan.")] = False,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Make a plan of a proposal, show the plan, or drop it."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        server = server_of(settings, url, api_key)
        if off:
            server.ask("DELETE", f"{_BASE}/plan")
            typer.echo("the account has no plan any more")
            return
        if proposal is None:
            found = server.get(f"{_BASE}/plan")["plan"]
        else:
            target = server.get(f"{_BASE}/proposals/{proposal}")["wanted"]
            when = {"every": every and every.value, "drift": drift, "automatic": automatic}
            found = server.ask("PUT", f"{_BASE}/plan", _given({"target": _given(target), **when}))
    if found is None:
        typer.echo("the account has no plan")
    else:
        _print_plan(found)


def _decide(server: Server, proposal: UUID, decision: str, yes: bool) -> None:
    found = server.get(f"{_BASE}/proposals/{proposal}")
    _print_proposal(found)
    if not yes and not typer.confirm(f"{decision.capitalize()} this?"):
        typer.echo("nothing was decided")
        raise typer.Exit(1)
    after = server.post(f"{_BASE}/proposals/{proposal}/{decision}", {})
    typer.echo(f"{after['status']}; follow it by: traderbot rebalance show {proposal}")


def _print_proposal(found: dict[str, Any]) -> None:
    draft = found["draft"]
    before, after = draft["risk_before"], draft["risk_after"]
    print_facts(
        {
            "proposal": found["id"],
            "status": found["status"] + (f", {found['why']}" if found["why"] else ""),
            "market time": draft["as_of"],
            "equity": draft["equity"],
            "cash": f"{draft['cash']} before, {draft['cash_after']} after",
            "turnover": draft["turnover"],
            "fees, slippage": f"{draft['fees']}, {draft['slippage']}",
            "gains": f"{draft['gains']['short']} short-term, {draft['gains']['long']} long-term",
            "tax, estimated": draft["tax"],
            "value at risk": f"{_share(before, 'var')} before, {_share(after, 'var')} after",
            "expected shortfall": f"{_share(before, 'shortfall')} before, {_share(after, 'shortfall')} after",
        }
    )
    rows = [
        (one["symbol"], one["qty_before"], one["weight_before"], one["target"], one["qty_after"],
         one["weight_after"])
        for one in draft["lines"]
    ]  # fmt: skip
    print_table(("symbol", "shares", "weight", "target", "shares after", "weight after"), rows, "weights")
    trades = [
        (one["side"], one["qty"], one["symbol"], one["mark"], one["value"], one["limit"],
         one["gains"]["short"], one["gains"]["long"])
        for one in draft["trades"]
    ]  # fmt: skip
    headings = ("side", "shares", "symbol", "mark", "value", "limit", "short-term", "long-term")
    print_table(headings, trades, "orders")
    for one in [*draft["left"], *draft["notes"]]:
        where = f"{one['symbol']}: " if one["symbol"] else ""
        typer.echo(f"{where}{one['detail']} ({one['code']})")


def _print_plan(found: dict[str, Any]) -> None:
    wanted = found["wanted"]
    weights = ", ".join(f"{name} {weight}" for name, weight in wanted["weights"].items())
    print_facts(
        {
            "account": found["account_id"],
            "target": wanted["model"] or weights,
            "every": found["every"],
            "drift": found["drift"],
            "approved": "at once" if found["automatic"] else "by somebody",
            "last proposal": found["looked_at"],
        }
    )


def _share(figures: dict[str, Any], name: str) -> str:
    loss = figures[name]
    return "-" if loss is None or loss["share"] is None else f"{loss['share']:.2%} of equity"


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _pairs(words: list[str] | None, option: str) -> dict[str, str]:
    """NAME=SHARE, each name once. Errors: InvalidValue."""
    found: dict[str, str] = {}
    for word in words or []:
        name, equals, share = word.partition("=")
        if not equals or not name or name in found:
            raise InvalidValue(option, "NAME=SHARE, each name once", word)
        found[name] = share
    return found
