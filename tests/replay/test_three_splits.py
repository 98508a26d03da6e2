"""Bought in March 2000 and held to 2005: three splits on the way, none of which makes or loses money."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from replay.floor import Books, closes_of, decoded, floor, play, stored
from traderbot.cli.serve import demo_login
from traderbot.model.bars import Bar
from traderbot.model.orders import TimeInForce
from traderbot.portfolios.valuation import portfolio_of
from traderbot.strategies.base import Context, Strategy
from traderbot.trading.why import explain_order

pytestmark = pytest.mark.integration

D = Decimal
STEPS = 1270  # to 2005-03-24, beyond the last of the splits
SPLITS = [("AAPL", "2000-06-21", 2), ("MSFT", "2003-02-18", 2), ("AAPL", "2005-02-28", 2)]


class BuyAndHold(Strategy):
    """Buys AAPL and MSFT once, and offers a few of MSFT at a price that never comes."""

    name = "buy-and-hold"

    def __init__(self) -> None:
        self.bought: set[str] = set()
        self.offer: UUID | None = None

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.symbol in ("AAPL", "MSFT") and bar.symbol not in self.bought:
            self.bought.add(bar.symbol)
            ctx.buy(bar.symbol, 101)
        elif bar.symbol == "MSFT" and self.offer is None:
            self.offer = ctx.sell("MSFT", 7, str(round(bar.close * 1.45, 2)), time_in_force=TimeInForce.GTC)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with floor(tmp_path_factory.mktemp("held"), replay_start="2000-03-02") as platform:
        _, account_id = demo_login(platform)
        strategy = BuyAndHold()
        platform.autopilot.assign(account_id, strategy)
        play(platform, STEPS)
        rows = stored(platform, account_id)
        yield SimpleNamespace(platform=platform, account_id=account_id, rows=rows, strategy=strategy)


def test_the_three_splits_came_and_kept_the_cost(held: Any) -> None:
    books, found = Books(closes_of(held.platform.dataset)), []
    for row in held.rows:
        data, cost = decoded(row), books.cost
        books.take(row.type, data)
        if row.type == "CorporateActionApplied" and data["kind"] == "split":
            found.append((data["symbol"], data["ex_date"], data["new"]))
            assert books.cost == cost
        assert books.equity(row.effective_at) == books.explained(row.effective_at)
    assert found == SPLITS
    assert books.positions["AAPL"][0] == 404
    assert books.positions["MSFT"][0] == 202
    assert books.dividends > 0


def test_equity_never_jumps_at_a_split(held: Any) -> None:
    values = [(decoded(row), row.effective_at) for row in held.rows if row.type == "PortfolioRevalued"]
    assert len(values) > 1200
    for (before, _), (after, at) in pairwise(values):
        was, now = D(before["equity"]), D(after["equity"])
        assert abs(now - was) < was * D("0.10"), at


def test_the_order_that_waited_is_in_new_shares_and_says_why(held: Any) -> None:
    with held.platform.database.read() as connection:
        found = explain_order(connection, held.account_id, held.strategy.offer)
    assert found.order.qty == 14
    assert found.order.status == "new"
    assert [link.title.partition(":")[0] for link in found.chain] == ["Approved", "Adjusted for a split"]


def test_day_change_is_in_todays_shares(held: Any) -> None:
    with held.platform.database.read() as connection:
        portfolio = portfolio_of(connection, held.account_id, held.platform.session.market)
    assert all(abs(held.day_change) < held.market_value * D("0.1") for held in portfolio.holdings)
