"""What quotes give: sizes shown, touches and crossings."""

from decimal import Decimal

import pytest

from simulation.floor import AAA, FREE, Floor, kinds
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.observations import Quote
from traderbot.model.orders import Stop
from traderbot.model.reasons import Reason
from traderbot.simulation.costs import Costs
from traderbot.simulation.sessions import Moment
from traderbot.simulation.slippage import VolumeShareImpact

pytestmark = pytest.mark.domain

D = Decimal
MIDDAY = Moment()
GTC = {"tif": "gtc"}


class Quotes(Floor):
    """A floor whose market sends quotes: bid, its size, ask, its size."""

    def quote(self, text: str, session: Moment = MIDDAY) -> list[c.Command]:
        bid, bid_size, ask, ask_size = map(D, text.split())
        self.number = getattr(self, "number", 0) + 1
        quote = Quote(AAA, self.time + 1, self.number, bid, bid_size, ask, ask_size)
        return self.see(quote, session=session)


@pytest.fixture
def market() -> Quotes:
    return Quotes()


def test_a_market_order_takes_the_size_shown_and_then_the_next(market: Quotes) -> None:
    market.ask("buy", "100", **GTC)
    assert kinds(market.quote("99 50 101 60")) == ["RecordExecution"]
    assert market.quote("99 50 101 60") == []  # the same sixty are gone
    market.quote("99 50 102 60")
    assert market.fills() == [("buy", "60", "101"), ("buy", "40", "102")]


def test_what_is_added_to_a_size_is_new(market: Quotes) -> None:
    market.ask("buy", "100", **GTC)
    market.quote("99 50 101 60")
    market.quote("99 50 101 20")  # forty went without us: the twenty left count as ours
    market.quote("99 50 101 50")
    assert market.fills() == [("buy", "60", "101"), ("buy", "30", "101")]


def test_participation_and_slippage_apply() -> None:
    market = Quotes(Costs(D(0), D("0.001"), D("0.5")))
    market.ask("buy", "100", **GTC)
    market.quote("99 50 100 60")
    assert market.fills() == [("buy", "30", "100.1")]


def test_impact_is_of_the_size_shown() -> None:
    market = Quotes(Costs(D(0), D(0), D(1), impact=VolumeShareImpact(D("0.1"), D("0.5"))))
    market.ask("buy", "30", **GTC)
    market.quote("99 50 100 60")
    assert market.fills() == [("buy", "30", "102.5")]


class TestLimits:
    def test_marketable_at_the_first_look_takes_the_other_side(self, market: Quotes) -> None:
        market.ask("buy", "10", "102", **GTC)
        market.quote("99 50 101 60")
        assert market.fills() == [("buy", "10", "101")]

    def test_resting_it_needs_to_be_crossed_and_gives_its_own_price(self, market: Quotes) -> None:
        market.ask("buy", "10", "100", **GTC)
        assert market.quote("99 50 101 60") == []
        assert market.quote("99 50 100 60") == []  # a touch
        market.quote("98 50 99.5 60")
        assert market.fills() == [("buy", "10", "100")]

    def test_a_sale_mirrors_it(self, market: Quotes) -> None:
        market.own()
        market.ask("sell", "10", "105", **GTC)
        assert market.quote("104 50 106 60") == []
        assert market.quote("105 50 106 60") == []
        market.quote("105.5 5 106 60")
        assert market.fills()[1:] == [("sell", "5", "105")]

    def test_ioc_does_not_rest(self, market: Quotes) -> None:
        order_id = market.ask("buy", "10", "101", tif="ioc")
        fill, cancel = market.quote("99 50 101 4")
        assert (fill.qty, cancel) == (4, c.CancelOrder(order_id, Reason.NOT_FILLED_AT_ONCE))

    def test_fok_is_all_or_nothing(self, market: Quotes) -> None:
        market.ask("buy", "10", "101", tif="fok")
        assert kinds(market.quote("99 50 101 9")) == ["CancelOrder"]


class TestStops:
    def test_it_wakes_on_the_price_it_would_get_and_takes_it(self, market: Quotes) -> None:
        market.own()
        market.ask("sell", "10", stop_price="95", **GTC)
        assert market.quote("95.1 50 95.2 50") == []
        assert kinds(market.quote("94.8 50 95.2 50")) == ["TriggerOrder", "RecordExecution"]
        assert market.fills()[1:] == [("sell", "10", "94.8")]

    def test_a_stop_limit_rests_when_the_price_is_beyond_it(self, market: Quotes) -> None:
        market.ask("buy", "10", "106", stop_price="105", **GTC)
        assert kinds(market.quote("106 50 107 50")) == ["TriggerOrder"]
        assert market.quote("105 50 106 50") == []
        market.quote("105 50 105.9 50")
        assert market.fills() == [("buy", "10", "106")]

    def test_a_trailing_stop_follows_the_bid(self, market: Quotes) -> None:
        market.own()
        stop = market.ask("sell", "10", trail_price="5", **GTC)
        assert market.quote("110 50 111 50") == [c.MoveTrailingMark(stop, D(110))]
        assert market.account.orders[stop].stop == Stop(D(105), trail_price=D(5), hwm=D(110))
        market.quote("104.9 50 105 50")
        assert market.fills()[1:] == [("sell", "10", "104.9")]


def test_outside_regular_hours_only_extended_limit_orders(market: Quotes) -> None:
    market.ask("buy", "10", **GTC)
    market.ask("buy", "20", "101", extended_hours=True)
    market.quote("99 50 101 60", session=Moment(regular=False))
    assert market.fills() == [("buy", "20", "101")]


def test_a_day_order_expires_with_the_last_quote_of_its_day(market: Quotes) -> None:
    order_id = market.ask("buy", "10", "90")
    quote = Quote(AAA, market.day_end, 1, D(99), D(1), D(100), D(1))
    assert market.see(quote, session=MIDDAY) == [c.ExpireOrder(order_id)]


def test_an_order_on_its_way_is_not_seen() -> None:
    market = Quotes(Costs(D(0), D(0), D(1), latency=2))
    market.ask("buy", "10", **GTC)
    assert market.quote("99 50 101 60") == []
    assert kinds(market.quote("99 50 101 60")) == ["RecordExecution"]


def test_ids_differ_within_one_microsecond_and_repeat_with_the_same_input() -> None:
    def play() -> list[c.Command]:
        market = Quotes(FREE, kind=AccountKind.MARGIN)
        market.ask("buy", "100", **GTC)
        quotes = [Quote(AAA, market.time, number, D(99), D(1), D(100 + number), D(7)) for number in (1, 2)]
        return [report for quote in quotes for report in market.see(quote)]

    first, second = play()
    assert first.execution_id != second.execution_id
    assert play() == [first, second]
