from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from market.readers.vendors import Asked, Said, Vendor, serving
from traderbot.market.bars import TimeFrame
from traderbot.market.readers.wanted import Wanted
from traderbot.market.readers.web import Web
from traderbot.market.readers.yahoo import fetch
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import NotFound, Unavailable
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
AAPL = Symbol("AAPL")
WANTED = Wanted((AAPL,), date(2014, 6, 5), date(2014, 6, 10), TimeFrame.DAY, "America/New_York")


def at(day: int, month: int = 6, year: int = 2014) -> int:
    """When New York opens, seconds."""
    return int(datetime(year, month, day, 13, 30, tzinfo=UTC).timestamp())


def chart(asked: Asked) -> Said:
    """AAPL around its split of 7 for 1, as it is told after the one of 4 for 1 in 2020."""
    if not asked.path.endswith("/AAPL"):
        fault = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return Said({"chart": {"result": None, "error": fault}})
    days = [at(5), at(6), at(9), at(10)]
    closes = [23.119642257690430, 23.056072235107422, 23.424999237060547, None]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes)
    result = {
        "meta": {"symbol": "AAPL", "exchangeTimezoneName": "America/New_York"},
        "timestamp": days,
        "indicators": {"quote": [{**quote, "volume": [303_805_600, 349_938_400, 301_660_000, None]}]},
        "events": {
            "dividends": {"1": {"date": at(6), "amount": 0.1175}, "2": {"date": at(8, 5), "amount": 9}},
            "splits": {
                "3": {"date": at(9), "numerator": 7, "denominator": 1, "splitRatio": "7:1"},
                "4": {"date": at(31, 8, 2020), "numerator": 4, "denominator": 1, "splitRatio": "4:1"},
            },
        },
    }
    return Said({"chart": {"result": [result], "error": None}})


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(chart) as vendor:
        yield vendor


def test_prices_and_dividends_are_those_of_their_day(vendor: Vendor) -> None:
    with Web(vendor.url) as web:
        found = fetch(web, WANTED)
    assert found.rows["close"].to_list() == [647.35, 645.57, 93.7], "the tenth has no price"
    assert found.rows["volume"].to_list() == [10_850_200, 12_497_800, 75_415_000]
    assert found.actions == (
        CorporateAction(AAPL, date(2014, 6, 9), ActionKind.SPLIT, new=7, old=1),
        CorporateAction(AAPL, date(2014, 6, 6), ActionKind.DIVIDEND, Decimal("3.29"), estimated=True),
    )
    assert {asked.query["events"] for asked in vendor.asked} == {"div,split"}
    assert int(vendor.asked[0].query["period2"]) > at(31, 8, 2020), "splits are asked for up to now"


def test_a_symbol_it_does_not_know_is_told(vendor: Vendor) -> None:
    other = Wanted((Symbol("NOPE"),), WANTED.start, WANTED.end, TimeFrame.DAY, "America/New_York")
    with Web(vendor.url) as web, pytest.raises(NotFound, match="may be delisted"):
        fetch(web, other)


def test_columns_that_were_cut_are_told(vendor: Vendor) -> None:
    whole = chart(Asked("/AAPL", {}, {}))
    short = {"timestamp": [at(5), at(6)], "indicators": {"quote": [{"open": [1.0]}]}}
    vendor.faults += [whole, Said({"chart": {"result": [short], "error": None}})]
    with Web(vendor.url) as web, pytest.raises(Unavailable, match="was cut"):
        fetch(web, WANTED)
