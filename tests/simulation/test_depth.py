"""What a book of levels gives: walks and queues."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.floor import AAA, FREE, Floor, kinds
from simulation.test_book import levels
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.observations import DepthUpdate, Trade
from traderbot.model.orders import Side
from traderbot.simulation.book import Book
from traderbot.simulation.costs import Costs
from traderbot.simulation.sessions import Moment

pytestmark = pytest.mark.domain

D = Decimal
GTC = {"tif": "gtc"}


class Depth(Floor):
    """A floor with a book: 99x10 98x20 bid, 101x10 102x20 103x30 asked."""

    def __init__(self, costs: Costs = FREE, **terms: Any) -> None:
        super().__init__(costs, **terms)
        self.book, self.number = Book(AAA), 0
        self.book.move(DepthUpdate(AAA, self.time, 0, levels("99x10 98x20"), levels("101x10 102x20 103x30")))

    def change(self, bids: str = "", asks: str = "") -> list[c.Command]:
        self.number += 1
        self.book.move(DepthUpdate(AAA, self.time + 1, self.number, levels(bids), levels(asks)))
        return self.see(self.book, session=Moment())

    def print(self, price: str, qty: str, aggressor: str | None = None) -> list[c.Command]:
        self.number += 1
        side = None if aggressor is None else Side(aggressor)
        self.book.move(Trade(AAA, self.time + 1, self.number, D(price), D(qty), side))
        return self.see(self.book, session=Moment())


@pytest.fixture
def market() -> Depth:
    return Depth()


class TestWalks:
    def test_level_by_level(self, market: Depth) -> None:
        market.ask("buy", "25", **GTC)
        market.change()
        assert market.fills() == [("buy", "10", "101"), ("buy", "15", "102")]

    def test_what_was_taken_is_gone_until_the_level_is_new(self, market: Depth) -> None:
        market.ask("buy", "70", **GTC)
        market.change()
        assert [fill[1] for fill in market.fills()] == ["10", "20", "30"]
        assert market.change() == []
        market.change(asks="101x14")
        market.change(asks="101x0")
        market.change(asks="101x3")
        assert market.fills()[3:] == [("buy", "4", "101"), ("buy", "3", "101")]

    def test_a_limit_stops_the_walk_and_the_rest_joins_the_queue(self, market: Depth) -> None:
        asked = market.ask("buy", "25", "101", **GTC)
        market.change()
        assert market.fills() == [("buy", "10", "101")]
        assert market.memory.ahead == {asked: 0}

    def test_participation_is_of_every_level(self) -> None:
        market = Depth(Costs(D(0), D(0), D("0.5")))
        market.ask("buy", "12", **GTC)
        market.change()
        assert market.fills() == [("buy", "5", "101"), ("buy", "7", "102")]

    def test_fok_looks_at_all_levels_within_reach_first(self, market: Depth) -> None:
        market.ask("buy", "31", "102", tif="fok")
        assert kinds(market.change()) == ["CancelOrder"]
        market.ask("buy", "30", "102", tif="fok")
        assert kinds(market.change()) == ["RecordExecution"] * 2

    def test_ioc_cancels_the_rest(self, market: Depth) -> None:
        market.ask("buy", "31", "102", tif="ioc")
        assert kinds(market.change()) == ["RecordExecution", "RecordExecution", "CancelOrder"]
        assert not market.memory.ahead

    def test_what_the_hold_cannot_pay_is_cancelled(self) -> None:
        market = Depth(cash="1600")
        market.ask("buy", "10", **GTC)
        market.change(asks="101x0 102x0 103x0 170x6 200x50")
        assert market.fills() == [("buy", "6", "170"), ("buy", "2", "200")]
        assert not market.account.orders
        assert 0 <= market.account.cash < 200

    def test_a_notional_is_walked_too(self, market: Depth) -> None:
        market.ask("buy", None, notional="1112")
        reports = market.change()
        assert market.fills() == [("buy", "10", "101"), ("buy", "1", "102")]
        assert [report.completes for report in reports] == [False, True]


class TestQueues:
    def test_prints_at_the_price_use_up_what_stands_before(self, market: Depth) -> None:
        asked = market.ask("buy", "5", "99", **GTC)
        market.change()
        assert market.memory.ahead[asked] == 10
        assert market.print("99", "6", "sell") == []
        assert market.print("99", "50", "buy") == []  # not against our side
        assert market.print("99", "50") == []  # against a side nobody knows
        market.print("99", "6", "sell")
        assert market.fills() == [("buy", "2", "99")]
        market.print("99", "1", "sell")
        assert market.fills()[1:] == [("buy", "1", "99")]

    def test_cancels_before_it_do_not_help(self, market: Depth) -> None:
        market.ask("buy", "5", "99", **GTC)
        market.change()
        assert market.change(bids="99x1") == []
        assert market.print("99", "9", "sell") == []

    def test_a_print_through_the_price_fills(self, market: Depth) -> None:
        market.ask("buy", "5", "99", **GTC)
        market.change()
        market.print("98", "3", "sell")
        assert market.fills() == [("buy", "3", "99")]

    def test_levels_beyond_the_price_fill_at_the_limit_a_touch_does_not(self, market: Depth) -> None:
        market.ask("buy", "5", "99", **GTC)
        market.change()
        assert market.change(bids="99x0", asks="99x10") == []
        market.change(bids="98x0", asks="98.5x3")
        assert market.fills() == [("buy", "3", "99")]

    def test_two_orders_of_an_account_do_not_get_one_print_twice(self, market: Depth) -> None:
        market.ask("buy", "5", "99.5", **GTC)
        market.ask("buy", "5", "99.5", **GTC)
        market.change()
        market.print("99.5", "7", "sell")
        assert market.fills() == [("buy", "5", "99.5"), ("buy", "2", "99.5")]

    def test_ended_orders_are_forgotten(self, market: Depth) -> None:
        gone, kept = (market.ask("buy", "5", price, **GTC) for price in ("99", "98"))
        market.change()
        market.do(c.CancelOrder(gone))
        market.memory.keep_open(set(market.account.orders))
        assert set(market.memory.ahead) == {kept} == market.memory.resting


class TestStops:
    def test_a_print_wakes_it_and_it_walks(self, market: Depth) -> None:
        market.own()
        market.ask("sell", "15", stop_price="99", **GTC)
        assert market.change(bids="99x0") == []  # quotes do not wake it
        assert kinds(market.print("98.5", "1")) == ["TriggerOrder", "RecordExecution"]
        assert market.fills()[1:] == [("sell", "15", "98")]

    def test_a_trailing_stop_follows_prints(self, market: Depth) -> None:
        market.own()
        stop = market.ask("sell", "15", trail_price="2", **GTC)
        assert market.print("103", "1") == [c.MoveTrailingMark(stop, D(103))]


sizes = st.integers(1, 40).map(lambda tenths: D(tenths) / 10)
asks = st.lists(sizes, min_size=1, max_size=8)


@given(asks, st.integers(1, 400), st.sampled_from(["0.1", "0.5", "1"]), st.integers(0, 8))
@settings(max_examples=80, deadline=None)
def test_a_walk_never_takes_more_than_is_shown(
    shown: list[Decimal], wanted: int, share: str, reach: int
) -> None:
    market = Depth(Costs(D(0), D(0), D(share)))
    limit = 100 + reach
    market.ask("buy", str(D(wanted) / 10), str(limit), **GTC)
    text = " ".join(f"{101 + place}x{size}" for place, size in enumerate(shown))
    market.book.move(DepthUpdate(AAA, market.time, 0, levels("99x1"), levels(text), snapshot=True))
    market.see(market.book)
    first = filled(market)
    for fill in first:
        assert fill.price <= limit
        assert fill.qty <= shown[int(fill.price) - 101] * D(share)
    market.book.move(DepthUpdate(AAA, market.time, 1, levels("99x1"), levels(text), snapshot=True))
    market.see(market.book)
    fills = filled(market)
    assert len({fill.execution_id for fill in fills}) == len(fills)
    reachable = sum((size * D(share) for place, size in enumerate(shown) if 101 + place <= limit), D(0))
    assert sum(fill.qty for fill in fills) <= min(D(wanted) / 10, reachable)


def filled(market: Depth) -> list[e.OrderFilled]:
    return [event for event in market.events if isinstance(event, e.OrderFilled)]
