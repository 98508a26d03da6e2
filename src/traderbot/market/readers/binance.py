"""Klines of Binance's spot market; other exchanges by way of ccxt, whose rows have the same first columns."""

from collections.abc import Iterator

from traderbot.market.readers.wanted import Fetched, Row, Wanted, frame_of_rows
from traderbot.market.readers.web import Web
from traderbot.model.errors import Unavailable

URL = "https://api.binance.com"
_PAGE = 1000


def fetch(web: Web, wanted: Wanted) -> Fetched:
    """Bars of the days asked for. Errors: those of the web."""
    rows = (row for symbol in wanted.symbols for row in _rows(web, wanted, symbol))
    return Fetched(frame_of_rows(rows, wanted), (), "Binance spot klines")


def _rows(web: Web, wanted: Wanted, symbol: str) -> Iterator[Row]:
    """Page by page until there is nothing more: a page that is not full need not be the last."""
    start, end = wanted.first // 1000, wanted.last // 1000 - 1
    while start <= end:
        parameters = {
            "symbol": symbol,
            "interval": wanted.time_frame.value,
            "startTime": start,
            "endTime": end,
            "limit": _PAGE,
        }
        page = web.get("/api/v3/klines", parameters, list[list[str | int]])
        fresh = [kline for kline in page if _start(web, kline) >= start]
        for kline in fresh:
            yield symbol, _start(web, kline) * 1000, *(float(value) for value in kline[1:6])  # type: ignore[misc]
        if not fresh:
            return
        start = _start(web, fresh[-1]) + 1


def _start(web: Web, kline: list[str | int]) -> int:
    """When a kline starts, milliseconds. Errors: Unavailable for one in another form."""
    if len(kline) < 6 or not isinstance(kline[0], int):
        raise Unavailable(f"{web.host} answered in another form than expected: {kline[:6]}")
    return kline[0]
