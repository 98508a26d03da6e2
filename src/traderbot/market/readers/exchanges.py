"""Bars of any exchange that ccxt speaks to, from its object or another with the same `fetch_ohlcv`."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from traderbot.market.readers.wanted import Fetched, Row, Wanted, frame_of_rows
from traderbot.model.errors import ConfigurationError, InvalidValue, TraderbotError, Unavailable

_PAGE = 1000
_HOST = re.compile(r"^https?://[^/]+")


class Exchange(Protocol):
    """What is used of ccxt. Its rows: start in milliseconds UTC, open, high, low, close, volume."""

    id: str

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]: ...


def exchange_of(name: str, url: str | None = None) -> Exchange:
    """An exchange by its name in ccxt, which keeps to the exchange's rate limit by itself.

    url: of another server that speaks its format, in place of the scheme and host of its API.
    Errors: ConfigurationError without ccxt, InvalidValue for the name or the address.
    """
    try:
        ccxt = import_module("ccxt")
    except ImportError as error:
        raise ConfigurationError("ccxt is not installed: pip install ccxt") from error
    if name not in ccxt.exchanges:
        raise InvalidValue("exchange", "an exchange that ccxt knows, such as kraken", name)
    made = getattr(ccxt, name)({"enableRateLimit": True})
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InvalidValue("url", "an http or https address without a name and password in it")
        made.urls["api"] = _elsewhere(made.urls["api"], url.rstrip("/"))
    found: Exchange = made
    return found


def _elsewhere(addresses: Any, url: str) -> Any:
    """ccxt's addresses, nested as it has them, with another scheme and host."""
    if isinstance(addresses, dict):
        return {name: _elsewhere(each, url) for name, each in addresses.items()}
    return _HOST.sub(url, addresses) if isinstance(addresses, str) else addresses


def fetch(exchange: Exchange, wanted: Wanted) -> Fetched:
    """Bars of the days asked for; BTC-USDT is asked for as BTC/USDT. Errors: Unavailable, InvalidValue."""
    rows = (row for symbol in wanted.symbols for row in _rows(exchange, wanted, symbol))
    return Fetched(frame_of_rows(rows, wanted), (), f"{exchange.id}, by ccxt")


def _rows(exchange: Exchange, wanted: Wanted, symbol: str) -> Iterator[Row]:
    start, end = wanted.first // 1000, wanted.last // 1000
    while start < end:
        for moment, *values in (page := _page(exchange, wanted, symbol, start)):
            yield (symbol, int(moment) * 1000, *values[:5])  # type: ignore[misc]
        if not page:
            return
        start = int(page[-1][0]) + 1


def _page(exchange: Exchange, wanted: Wanted, symbol: str, start: int) -> list[list[float]]:
    """The rows from `start` on. Errors: Unavailable."""
    try:
        page = exchange.fetch_ohlcv(symbol.replace("-", "/"), wanted.time_frame.value, start, _PAGE)
    except TraderbotError:
        raise
    except Exception as error:  # the edge of other people's code: ccxt has a tree of errors of its own
        raise Unavailable(f"{exchange.id}: {type(error).__name__}: {str(error)[:200]}") from error
    return [row for row in page if row[0] >= start]
