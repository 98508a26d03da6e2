from datetime import date

import pytest

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
