"""Alpaca market data, v2: bars of stocks as traded, and their splits and cash dividends."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec

from traderbot.infra.clock import rfc3339
from traderbot.market.bars import SECOND, TimeFrame
from traderbot.market.readers.wanted import Fetched, Row, Wanted, frame_of_rows
from traderbot.market.readers.web import Web
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvalidValue, Unavailable
from traderbot.model.symbols import Symbol

URL = "https://data.alpaca.markets"
KEY_HEADER, SECRET_HEADER = "APCA-API-KEY-ID", "APCA-API-SECRET-KEY"
_BARS_MAX, _ACTIONS_MAX = 10_000, 1000  # of one page
_FRAMES = {
    TimeFrame.MINUTE: "1Min",
    TimeFrame.FIVE_MINUTES: "5Min",
    TimeFrame.FIFTEEN_MINUTES: "15Min",
    TimeFrame.HALF_HOUR: "30Min",
    TimeFrame.DAY: "1Day",
}


class _Bar(msgspec.Struct):
    t: datetime
    o: float | None = None
    h: float | None = None
    l: float | None = None  # noqa: E741 - the vendor's word
    c: float | None = None
    v: float | None = None


class _Bars(msgspec.Struct):
    bars: dict[str, list[_Bar]] | None = None
    next_page_token: str | None = None


class _Split(msgspec.Struct):
    symbol: str
    ex_date: date
    new_rate: Decimal
    old_rate: Decimal


class _Dividend(msgspec.Struct):
    symbol: str
    ex_date: date
    rate: Decimal


class _Lists(msgspec.Struct):
    forward_splits: list[_Split] = []
    reverse_splits: list[_Split] = []
    cash_dividends: list[_Dividend] = []


class _Actions(msgspec.Struct):
    corporate_actions: _Lists = msgspec.field(default_factory=_Lists)
    next_page_token: str | None = None


def fetch(web: Web, wanted: Wanted, feed: str = "sip") -> Fetched:
    """Bars and actions of the days asked for. feed: sip, or iex for a plan without the whole tape.

    Errors: InvalidValue, and those of the web.
    """
    if wanted.time_frame not in _FRAMES:
        raise InvalidValue(
            "timeframe",
            "30m or finer, or 1d: an hour of Alpaca's starts on the clock and not at the open",
            wanted.time_frame,
        )
    rows = frame_of_rows(_rows(web, wanted, feed), wanted)
    return Fetched(rows, tuple(_actions(web, wanted)), f"Alpaca market data, {feed}")


def _rows(web: Web, wanted: Wanted, feed: str) -> Iterator[Row]:
    parameters: dict[str, str | int] = {
        "symbols": ",".join(wanted.symbols),
        "timeframe": _FRAMES[wanted.time_frame],
        "start": rfc3339(wanted.first),
        "end": rfc3339(wanted.last - SECOND),  # the vendor counts the end in
        "limit": _BARS_MAX,
        "adjustment": "raw",
        "sort": "asc",
        "feed": feed,
    }
    token: str | None = ""
    while token is not None:
        page = web.get("/v2/stocks/bars", parameters, _Bars)
        for symbol, bars in (page.bars or {}).items():
            for bar in bars:
                yield symbol, _micros(bar.t), bar.o, bar.h, bar.l, bar.c, bar.v
        token = _next(web, page.next_page_token, token)
        parameters["page_token"] = token or ""


def _actions(web: Web, wanted: Wanted) -> Iterator[CorporateAction]:
    parameters: dict[str, str | int] = {
        "symbols": ",".join(wanted.symbols),
        "types": "forward_split,reverse_split,cash_dividend",
        "start": wanted.start.isoformat(),
        "end": wanted.end.isoformat(),
        "limit": _ACTIONS_MAX,
    }
    token: str | None = ""
    while token is not None:
        page = web.get("/v1/corporate-actions", parameters, _Actions)
        found = page.corporate_actions
        for split in (*found.forward_splits, *found.reverse_splits):
            ratio = Fraction(split.new_rate) / Fraction(split.old_rate)
            yield CorporateAction(
                Symbol(split.symbol),
                split.ex_date,
                ActionKind.SPLIT,
                new=ratio.numerator,
                old=ratio.denominator,
            )
        for paid in found.cash_dividends:
            yield CorporateAction(Symbol(paid.symbol), paid.ex_date, ActionKind.DIVIDEND, paid.rate)
        token = _next(web, page.next_page_token, token)
        parameters["page_token"] = token or ""


def _next(web: Web, token: str | None, before: str | None) -> str | None:
    """The next page's token, None after the last. Errors: Unavailable for one that leads nowhere."""
    if token and token == before:
        raise Unavailable(f"{web.host} gives the same page again and again")
    return token or None


def _micros(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * SECOND
