"""`traderbot data fetch`: bring in bars from a vendor's API."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.told import told
from traderbot.infra.clock import WallClock
from traderbot.market.bars import TimeFrame
from traderbot.market.calendars import zone_of
from traderbot.market.datasets import dataset_name
from traderbot.market.fetching import import_fetched
from traderbot.market.importer import store_import
from traderbot.market.quality import QualityReport
from traderbot.market.readers.wanted import Fetched, Wanted
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import symbol

SHOWN_EACH = 5  # findings of a kind that are printed
EveryOption = Annotated[bool, typer.Option("--all", help="List every finding, not a few of each kind.")]


class Vendor(StrEnum):
    """Whose API is asked."""

    ALPACA = "alpaca"
    YAHOO = "yahoo"
    BINANCE = "binance"
    CCXT = "ccxt"


_CALENDARS = {Vendor.BINANCE: "24/7", Vendor.CCXT: "24/7"}


def fetch_data(
    vendor: Annotated[Vendor, typer.Argument(help="Whose API to ask.")],
    symbols: Annotated[str, typer.Argument(help="Symbols, such as AAPL,MSFT or BTCUSDT.")],
    start: Annotated[datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="First day.")],
    end: Annotated[
        datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day; today without it.")
    ] = None,
    time_frame: Annotated[TimeFrame, typer.Option("--timeframe", help="Of the bars.")] = TimeFrame.DAY,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the data set; vendor and time frame without it.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option("--calendar", help="Exchange calendar; XNYS, or 24/7 for crypto currencies.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Of the API, for another than the vendor's.")
    ] = None,
    feed: Annotated[str, typer.Option("--feed", help="Of Alpaca: sip or iex.")] = "sip",
    exchange: Annotated[str | None, typer.Option("--exchange", help="For ccxt, such as kraken.")] = None,
    key: Annotated[str, typer.Option(envvar="APCA_API_KEY_ID", hidden=True)] = "",
    secret: Annotated[str, typer.Option(envvar="APCA_API_SECRET_KEY", hidden=True)] = "",
    every: EveryOption = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Ask a vendor for bars and check them. Alpaca's keys: APCA_API_KEY_ID and APCA_API_SECRET_KEY."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        chosen = dataset_name(name or f"{vendor}-{time_frame}")
        folder = settings.home / "data" / chosen
        if folder.exists():
            raise InvalidValue("name", "one that no data set has yet, see --name", chosen)
        now = WallClock().now()
        place = calendar or _CALENDARS.get(vendor, "XNYS")
        names = tuple(symbol(each.strip(), "symbols") for each in symbols.split(","))
        last = (end or datetime.fromtimestamp(now / 1e6, UTC)).date()
        wanted = Wanted(names, start.date(), last, time_frame, zone_of(place))
        ask = _Ask(url, feed, exchange or "", (key, secret))
        result = import_fetched(_asked(vendor, wanted, ask), wanted, name=chosen, calendar=place, now=now)
        tell_report(result.report, every)
        if result.dataset is None:
            raise typer.Exit(1)
        store_import(result, folder)
    typer.echo(f"stored as {chosen} in {folder}")


def tell_report(report: QualityReport, every: bool) -> None:
    """Print what became of a file: of each kind of fault a few, or all."""
    for line in report.lines(None if every else SHOWN_EACH):
        typer.echo(line)
    if not every and any(count > SHOWN_EACH for count in report.counts().values()):
        typer.echo("--all lists every one of them")


class _Ask(NamedTuple):
    url: str | None
    feed: str
    exchange: str
    keys: tuple[str, str]


def _asked(vendor: Vendor, wanted: Wanted, ask: _Ask) -> Fetched:
    """What the vendor gives. Errors: those of the readers."""
    from traderbot.market.readers import alpaca, binance, exchanges, yahoo  # an HTTP client is slow to import
    from traderbot.market.readers.web import Web

    if vendor is Vendor.CCXT:
        return exchanges.fetch(exchanges.exchange_of(ask.exchange, ask.url), wanted)
    if vendor is Vendor.ALPACA:
        if not all(ask.keys):
            raise InvalidValue("keys", "APCA_API_KEY_ID and APCA_API_SECRET_KEY in the environment")
        keys = dict(zip((alpaca.KEY_HEADER, alpaca.SECRET_HEADER), ask.keys, strict=True))
        with Web(ask.url or alpaca.URL, keys=keys) as web:
            return alpaca.fetch(web, wanted, ask.feed)
    if vendor is Vendor.YAHOO:
        with Web(ask.url or yahoo.URL) as web:
            return yahoo.fetch(web, wanted)
    with Web(ask.url or binance.URL) as web:
        return binance.fetch(web, wanted)
