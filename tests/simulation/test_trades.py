"""What prints of other people's trades give."""

from decimal import Decimal

import pytest

from simulation.floor import AAA, Floor, kinds
from traderbot.model import commands as c
from traderbot.model.observations import Trade
from traderbot.simulation.costs import Costs
from traderbot.simulation.sessions import Moment

pytestmark = pytest.mark.domain

D = Decimal
GTC = {"tif": "gtc"}


class Prints(Floor):
    def print(self, price: str, qty: str) -> list[c.Command]:
        self.number = getattr(self, "number", 0) + 1
        return self.see(Trade(AAA, self.time + 1, self.number, D(price), D(qty)), session=Moment())


@pytest.fixture
def market() -> Prints:
    return Prints()


def test_a_limit_order_needs_a_print_through_it(market: Prints) -> None:
    market.ask("buy", "10", "100", **GTC)
    assert market.print("100", "50") == []
    assert market.print("100.5", "50") == []
    market.print("99.9", "4")
    market.print("99.9", "50")
    assert market.fills() == [("buy", "4", "100"), ("buy", "6", "100")]


def test_orders_of_an_account_share_a_print(market: Prints) -> None:
    market.ask("buy", "10", "100", **GTC)
    market.ask("buy", "10", "101", **GTC)
    market.print("99", "15")
    assert market.fills() == [("buy", "10", "100"), ("buy", "5", "101")]


def test_a_market_order_trades_like_the_print_with_slippage() -> None:
    market = Prints(Costs(D(0), D("0.01"), D("0.5")))
    market.ask("buy", "10", **GTC)
    market.print("100", "8")
    assert market.fills() == [("buy", "4", "101")]


def test_ioc_takes_a_print_within_its_limit(market: Prints) -> None:
    market.ask("buy", "10", "100", tif="ioc")
    market.print("99", "50")
    market.ask("buy", "10", "100", tif="ioc")
    assert kinds(market.print("100.1", "50")) == ["CancelOrder"]
    assert market.fills() == [("buy", "10", "99")]


def test_a_print_wakes_a_stop_that_trades_with_the_next(market: Prints) -> None:
    market.own()
    market.ask("sell", "10", stop_price="95", **GTC)
    assert market.print("95.1", "50") == []
    assert kinds(market.print("95", "50")) == ["TriggerOrder"]
    market.print("94", "50")
    assert market.fills()[1:] == [("sell", "10", "94")]


def test_fractions_trade_where_fractions_are_printed(market: Prints) -> None:
    market.ask("buy", "2", "100", **GTC)
    market.print("99", "0.25")
    assert market.fills() == [("buy", "0.25", "100")]
