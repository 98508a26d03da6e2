from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from market.readers.vendors import Asked, Said, Vendor, serving
from traderbot.market.bars import TimeFrame
from traderbot.market.readers.alpaca import fetch
from traderbot.market.readers.wanted import Wanted
from traderbot.market.readers.web import Web
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvalidValue, Unavailable
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.integration
AAPL, MSFT = Symbol("AAPL"), Symbol("MSFT")
WANTED = Wanted((AAPL, MSFT), date(2024, 1, 2), date(2024, 1, 4), TimeFrame.DAY, "America/New_York")


def bar(day: str, close: float) -> dict[str, object]:
    return {"t": f"{day}T05:00:00Z", "o": 1, "h": 9.5, "l": 1, "c": close, "v": 100, "n": 3, "vw": 2.2}


BARS = {
    "": ({"AAPL": [bar("2024-01-02", 2), bar("2024-01-03", 3)]}, "p2"),
    "p2": ({"AAPL": [bar("2024-01-04", 4)], "MSFT": [bar("2024-01-02", 5)]}, "p3"),
    "p3": (None, None),
}
ACTIONS = {
    "": (
        {
            "forward_splits": [
                {"symbol": "AAPL", "ex_date": "2024-01-03", "new_rate": 1.5, "old_rate": 1, "cusip": "x"}
            ],
            "cash_dividends": [{"symbol": "MSFT", "ex_date": "2024-01-04", "rate": 0.24, "special": False}],
        },
        "more",
    ),
    "more": (
        {
            "reverse_splits": [
                {"symbol": "MSFT", "ex_date": "2024-01-02", "new_rate": 1, "old_rate": 10, "new_cusip": "y"}
            ]
        },
        None,
    ),
}


def answer(asked: Asked) -> Said:
    token = asked.query.get("page_token", "")
    if asked.path == "/v2/stocks/bars":
        bars, following = BARS[token]
        return Said({"bars": bars, "next_page_token": following})
    actions, after = ACTIONS[token]
    return Said({"corporate_actions": actions, "next_page_token": after})


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(answer) as vendor:
        yield vendor


def test_every_page_is_read_and_actions_are_exact(vendor: Vendor) -> None:
    with Web(vendor.url) as web:
        found = fetch(web, WANTED)
    assert found.rows["symbol"].to_list() == ["AAPL"] * 3 + ["MSFT"]
    assert found.rows["close"].to_list() == [2, 3, 4, 5]
    assert found.actions == (
        CorporateAction(AAPL, date(2024, 1, 3), ActionKind.SPLIT, new=3, old=2),
        CorporateAction(MSFT, date(2024, 1, 4), ActionKind.DIVIDEND, Decimal("0.24")),
        CorporateAction(MSFT, date(2024, 1, 2), ActionKind.SPLIT, new=1, old=10),
    )
    first = vendor.asked[0].query
    assert (first["start"], first["end"]) == ("2024-01-02T05:00:00Z", "2024-01-05T04:59:59Z")
    assert (first["symbols"], first["timeframe"], first["adjustment"]) == ("AAPL,MSFT", "1Day", "raw")


def test_a_rate_limit_in_the_middle_loses_no_page(vendor: Vendor) -> None:
    waits: list[float] = []
    vendor.faults += [answer(Asked("/v2/stocks/bars", {}, {})), Said("", 429, {"retry-after": "3"})]
    with Web(vendor.url, sleep=waits.append) as web:
        assert len(fetch(web, WANTED).rows) == 4
    assert waits == [3]


def test_a_page_that_leads_to_itself_is_told(vendor: Vendor) -> None:
    vendor.faults += [Said({"bars": {}, "next_page_token": "x"})] * 2
    with Web(vendor.url) as web, pytest.raises(Unavailable, match="same page"):
        fetch(web, WANTED)


def test_its_hours_are_refused(vendor: Vendor) -> None:
    hours = Wanted((AAPL,), date(2024, 1, 2), date(2024, 1, 4), TimeFrame.HOUR, "America/New_York")
    with Web(vendor.url) as web, pytest.raises(InvalidValue, match="starts on the clock"):
        fetch(web, hours)
