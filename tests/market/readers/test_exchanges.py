from datetime import date

import pytest

from market.readers.vendors import Asked, Said, serving
from traderbot.market.bars import TimeFrame
from traderbot.market.readers.exchanges import exchange_of, fetch
from traderbot.market.readers.wanted import Wanted
from traderbot.model.errors import ConfigurationError, InvalidValue, Unavailable
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit
DAY = 86_400_000
WANTED = Wanted((Symbol("BTC-USDT"),), date(2024, 8, 1), date(2024, 8, 10), TimeFrame.DAY, "UTC")


class Exchange:
    """Gives three rows at a time, the first of them known already."""

    id = "somewhere"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[str] = []

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        if self.error is not None:
            raise self.error
        self.asked.append(f"{symbol} {timeframe}")
        first = since // DAY * DAY
        end = WANTED.last // 1000 + 5 * DAY
        return [[at, 1.0, 2.0, 1.0, 1.5, 7.0] for at in range(first, min(first + 3 * DAY, end), DAY)]


def test_rows_are_followed_and_none_comes_twice() -> None:
    exchange = Exchange()
    rows = fetch(exchange, WANTED).rows
    assert rows["moment"].to_list() == [WANTED.first + day * DAY * 1000 for day in range(10)]
    assert set(exchange.asked) == {"BTC/USDT 1d"}


def test_what_the_exchange_raises_is_told() -> None:
    with pytest.raises(Unavailable, match="somewhere: ValueError: no such market"):
        fetch(Exchange(ValueError("no such market")), WANTED)


def test_an_exchange_that_cannot_be_had_is_told() -> None:
    with pytest.raises((ConfigurationError, InvalidValue), match="ccxt"):
        exchange_of("no-such-exchange")


HOUR = 3_600
MARKET = {
    "market_symbol": "btcusd",
    "base_currency": "BTC",
    "counter_currency": "USD",
    "market_type": "SPOT",
    "trading": "Enabled",
    "base_decimals": 8,
    "counter_decimals": 0,
    "minimum_order_value": "10",
    "description": "Bitcoin / U.S. dollar",
}


def bitstamp(asked: Asked) -> Said:
    """Speaks as Bitstamp does: the pairs, and bars as texts, at most a hundred at a time."""
    if "ohlc" not in asked.path:
        return Said([MARKET])
    if not asked.path.rstrip("/").endswith("/ohlc/btcusd"):
        return Said({"code": "404.002", "reason": "Currency pair not found"}, 404)
    step, start, end = (int(asked.query[name]) for name in ("step", "start", "end"))
    moments = list(range(-(-start // step) * step, end + 1, step))[:100]
    prices = {"open": "100.5", "high": "102", "low": "99.25", "close": "101", "volume": "0.125"}
    return Said({"data": {"pair": "BTC/USD", "ohlc": [{"timestamp": str(at), **prices} for at in moments]}})


def wanted_of(pair: str) -> Wanted:
    return Wanted((Symbol(pair),), date(2024, 8, 1), date(2024, 8, 10), TimeFrame.HOUR, "UTC")


def test_ccxt_itself_reads_a_server_that_speaks_the_format_of_an_exchange() -> None:
    pytest.importorskip("ccxt")
    wanted = wanted_of("BTC-USD")
    with serving(bitstamp) as vendor:
        found = fetch(exchange_of("bitstamp", f"{vendor.url}/"), wanted)
        asked = [one for one in vendor.asked if "ohlc" in one.path]
    assert found.source == "bitstamp, by ccxt"
    assert found.rows["moment"].to_list() == [wanted.first + hour * HOUR * 1_000_000 for hour in range(240)]
    assert found.rows.row(0)[2:] == (100.5, 102.0, 99.25, 101.0, 0.125)
    assert len(asked) >= 3
    assert {one.query["step"] for one in asked} == {"3600"}


def test_faults_of_a_server_behind_ccxt_are_told() -> None:
    pytest.importorskip("ccxt")
    with serving(bitstamp) as vendor:
        exchange = exchange_of("bitstamp", vendor.url)
        with pytest.raises(Unavailable, match="bitstamp: BadSymbol"):
            fetch(exchange, wanted_of("ETH-USD"))
        vendor.faults += [Said({"reason": "busy"}, 503)] * 10
        with pytest.raises(Unavailable, match=r"bitstamp: .*503"):
            fetch(exchange, wanted_of("BTC-USD"))
    with pytest.raises(InvalidValue, match="url"):
        exchange_of("bitstamp", "ftp://somewhere")
