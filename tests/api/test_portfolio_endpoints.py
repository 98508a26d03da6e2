"""Equity history, performance, contribution and allocation over a real port."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.live import BuyOnce, Live, Person, opened

pytestmark = pytest.mark.integration

D = Decimal
PATHS = ("history", "performance", "contribution", "allocation", "factors", "attribution")


@pytest.fixture(scope="module")
def trader(live: Live) -> Iterator[Person]:
    """Somebody who bought two symbols, paid in, sold some; a strategy traded too."""
    with live.person(name="cleo") as person:
        live.platform.autopilot.assign(person.user.account_id, BuyOnce())
        person.order(qty="40")
        person.order(symbol="IBM", qty="12.5")
        live.step(4)
        person.post(f"/accounts/{person.user.account_id}/deposits", {"amount": "25000"})
        live.step(3)
        person.order(symbol="IBM", side="sell", qty="5")
        live.step(6)
        yield person


def total(items: list[Any], name: str) -> Decimal:
    return sum((D(one[name]) for one in items), D(0))


def test_the_performance_adds_up_with_the_portfolio(trader: Person) -> None:
    portfolio = trader.get("/portfolio")
    found = trader.get("/portfolio/performance", every="day", benchmark="IBM")
    assert found["end_equity"] == portfolio["equity"]
    assert D(found["flows"]) == D(portfolio["starting_cash"])
    assert D(found["gain"]) == D(portfolio["equity"]) - D(portfolio["starting_cash"])
    for name, same in (("realised", "realised_pnl"), ("unrealised", "unrealised_pnl"), ("fees", "fees")):
        assert found[name] == portfolio[same]
    periods = found["periods"]
    assert (total(periods, "gain"), total(periods, "flows")) == (D(found["gain"]), D(found["flows"]))
    grown = 1.0
    for period in periods:
        grown *= 1.0 + period["time_weighted"]
    assert grown - 1.0 == pytest.approx(found["time_weighted"])
    assert found["excess"] == pytest.approx(found["time_weighted"] - found["benchmark"])
    assert found["statistics"]["days"] == found["closes"] == len(periods)
    assert found["reasons"]["time_weighted_annual"].endswith("less than a year is not annualised")
    later = trader.get("/portfolio/performance", **{"from": periods[5]["ends"], "to": periods[8]["ends"]})
    assert (later["start_equity"], later["end_equity"]) == (
        periods[4]["end_equity"], periods[8]["end_equity"],
    )  # fmt: skip


@pytest.mark.parametrize("by", ["position", "sector", "strategy", "trade"])
def test_contributions_sum_to_the_whole(trader: Person, by: str) -> None:
    found = trader.get("/portfolio/contribution", by=by)
    assert total(found["parts"], "gain") == D(found["gain"])
    assert found["gain"] == trader.get("/portfolio/performance")["gain"]
    if by != "trade":
        assert total(found["parts"], "contribution") == D(found["time_weighted"])
    names = {part["name"] for part in found["parts"]}
    expected = {
        "position": {"MSFT", "IBM"},
        "sector": {"unknown"},
        "strategy": {"manual", "buy_once"},
        "trade": {"lot 1", "lot 2", "lot 3"},
    }
    assert names == expected[by]


def test_sectors_are_those_of_the_platform(trader: Person, limits: Any) -> None:
    limits(sectors={"MSFT": "Information Technology"})
    shares = trader.get("/portfolio/allocation", by="sector")["shares"]
    assert {one["name"] for one in shares} == {"cash", "Information Technology", "unknown"}


def test_the_allocation_is_the_portfolio_now_and_the_books_then(trader: Person) -> None:
    portfolio, now = trader.get("/portfolio"), trader.get("/portfolio/allocation")
    assert (now["equity"], now["cash"], now["at"]) == (
        portfolio["equity"], portfolio["cash"], portfolio["as_of"],
    )  # fmt: skip
    assert total(now["shares"], "market_value") == D(now["equity"])
    values = {one["name"]: one["market_value"] for one in now["shares"]}
    assert values == {"cash": portfolio["cash"]} | {
        one["symbol"]: one["market_value"] for one in portfolio["holdings"]
    }
    for point in trader.get("/portfolio/history")["items"][::3]:
        then = trader.get("/portfolio/allocation", at=point["time"], by="strategy")
        books = trader.account("/books", market_time=point["time"])
        assert (then["equity"], then["cash"]) == (books["equity"], books["cash"])
        assert D(then["equity"]) - D(point["equity"]) in (0, 25000)  # paid in at a close, behind it


def test_the_attribution_sums_to_the_excess(trader: Person) -> None:
    found = trader.get("/portfolio/attribution")
    assert (found["instruments"], found["left_out"]) == (4, ["FB"])  # listed in 2012
    effects = total(found["sectors"], "allocation") + total(found["sectors"], "selection")
    assert effects == D(found["excess"])
    assert found["time_weighted"] == pytest.approx(trader.get("/portfolio/performance")["time_weighted"])


def test_accounts_together(trader: Person) -> None:
    other = trader.post("/accounts", {"name": "second"})["id"]
    trader.post(f"/accounts/{other}/deposits", {"amount": "777"})
    one, both = trader.get("/portfolio/allocation"), trader.get("/portfolio/allocation", together=True)
    assert both["accounts"] == [*one["accounts"], other]
    assert D(both["equity"]) == D(one["equity"]) + 777


def test_history_has_a_span_and_pages(trader: Person) -> None:
    whole = trader.get("/portfolio/history")
    assert whole["next_cursor"] is None
    items, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        given = {} if cursor is None else {"cursor": cursor}
        page = trader.get("/portfolio/history", limit=4, **given)
        items, cursor, pages = [*page["items"], *items], page["next_cursor"], pages + 1
    assert items == whole["items"]
    assert pages == -(-len(items) // 4)
    span = {"from": items[2]["time"], "to": items[5]["time"]}
    assert trader.get("/portfolio/history", **span)["items"] == items[2:6]
    first = trader.get("/portfolio/history", limit=2, **span)
    assert (
        trader.get("/portfolio/history", limit=2, cursor=first["next_cursor"], **span)["items"] == items[2:4]
    )
    assert trader.get("/portfolio/history", 422, cursor=first["next_cursor"])["code"] == "invalid_value"


def test_nobody_elses_account_and_no_account_of_a_bound_key(live: Live, trader: Person, bob: Person) -> None:
    account = str(trader.user.account_id)
    for path in PATHS:
        assert bob.get(f"/portfolio/{path}", 404, account_id=account)["code"] == "not_found"
        assert bob.client.get(f"/api/v1/portfolio/{path}", headers={"Authorization": ""}).status_code == 401
    key = trader.post("/users/me/api-keys", {"name": "one", "account_id": account})["key"]
    url = f"{live.url}/api/v1/portfolio/allocation?together=true"
    found = httpx2.get(url, headers={"X-API-Key": key})
    assert found.json()["accounts"] == [account]


def test_what_cannot_be_asked_is_told(ada: Person) -> None:
    for path, asked, told in (
        ("performance", {"benchmark": "NONE"}, "an instrument of the data set demo"),
        ("performance", {"every": "hour"}, "day"),
        ("performance", {"from": "soon"}, "RFC 3339"),
        ("contribution", {"by": "currency"}, "one currency, USD"),
        ("allocation", {"by": "trade"}, "one of position, sector, strategy"),
    ):
        problem = ada.get(f"/portfolio/{path}", 422, **asked)
        assert told in json.dumps(problem)


def test_an_account_without_history_or_money_is_an_answer(ada: Person) -> None:
    found = ada.get("/portfolio/performance", every="month", benchmark="FB")
    assert (found["closes"], found["time_weighted"], found["periods"]) == (0, None, [])
    assert found["reasons"]["time_weighted"] == "no close of the account lies in this span"
    assert ada.get("/portfolio/contribution")["parts"] == []
    assert ada.get("/portfolio/factors")["reason"] == "no close of the account lies in this span"
    (cash,) = ada.get("/portfolio/allocation")["shares"]
    assert (cash["name"], cash["market_value"], cash["weight"]) == ("cash", "100000", "1")
    empty = ada.post("/accounts", {"name": "empty"})["id"]
    nothing = ada.get("/portfolio/allocation", account_id=empty)
    assert (nothing["equity"], nothing["shares"][0]["weight"]) == ("0", None)
    assert ada.get("/portfolio/performance", account_id=empty)["money_weighted"] is None


def test_a_benchmark_without_prices_yet_is_told(trader: Person) -> None:
    found = trader.get("/portfolio/performance", benchmark="FB")  # listed in 2012
    assert (found["benchmark"], found["excess"]) == (None, None)
    assert found["reasons"]["benchmark"].startswith("its prices run from 2012-05-18")


def test_a_track_survives_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as live, live.person() as ada:
        ada.order()
        live.step(3)
        user, found = ada.user, ada.get("/portfolio/performance")
    with opened(tmp_path) as live, live.person() as visitor:
        visitor.client.headers["Authorization"] = f"Bearer {live.token(user)}"
        assert visitor.get("/portfolio/performance") == found
