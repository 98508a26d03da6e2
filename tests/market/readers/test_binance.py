from collections.abc import Iterator
from datetime import date

import pytest

from market.readers.vendors import Asked, Said, Vendor, serving
from traderbot.market.bars import TimeFrame
from traderbot.market.readers.binance import fetch
from traderbot.market.readers.wanted import Wanted
from traderbot.market.readers.web import Web
from traderbot.model.errors import InvalidValue, Unavailable
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
HOUR = 3_600_000  # milliseconds
WANTED = Wanted((Symbol("BTCUSDT"),), date(2024, 8, 8), date(2024, 8, 9), TimeFrame.HOUR, "UTC")


def kline(start: int) -> list[object]:
    price = str(50_000 + start // HOUR % 48) + ".10000000"
    return [start, price, price, price, price, "0.5", start + HOUR - 1, "1.0", 9, "0.1", "2.0", "0"]


def answer(asked: Asked) -> Said:
    """Pages of 17 at most, however many are asked for."""
    if asked.query["symbol"] != "BTCUSDT":
        return Said({"code": -1121, "msg": "Invalid symbol."}, 400)
    start, end = int(asked.query["startTime"]), int(asked.query["endTime"])
    return Said([kline(moment) for moment in range(-(-start // HOUR) * HOUR, end + 1, HOUR)][:17])


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(answer) as vendor:
        yield vendor


def test_pages_that_are_not_full_are_followed_to_the_end(vendor: Vendor) -> None:
    with Web(vendor.url) as web:
        rows = fetch(web, WANTED).rows
    assert rows["moment"].to_list() == [WANTED.first + hour * HOUR * 1000 for hour in range(48)]
    assert rows["open"][0] == 50_000.1 + WANTED.first // 1000 // HOUR % 48
    assert set(rows["volume"]) == {0.5}
    assert vendor.asked[0].query["interval"] == "1h"


def test_a_symbol_it_does_not_know_is_told(vendor: Vendor) -> None:
    other = Wanted((Symbol("NOPE"),), WANTED.start, WANTED.end, TimeFrame.HOUR, "UTC")
    with Web(vendor.url) as web, pytest.raises(InvalidValue, match="Invalid symbol"):
        fetch(web, other)


@pytest.mark.parametrize("wrong", [[[1, "2"]], [["x", "1", "1", "1", "1", "1"]], {"code": 1}])
def test_rows_in_another_form_are_told(vendor: Vendor, wrong: object) -> None:
    vendor.faults.append(Said(wrong))
    with Web(vendor.url) as web, pytest.raises(Unavailable, match="another form"):
        fetch(web, WANTED)
