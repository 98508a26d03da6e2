from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stand import AAA, BBB, Stand
from traderbot.engine import exposure
from traderbot.engine.exposure import Stake, Unmarked, Worth
from traderbot.model import commands as c
from traderbot.model.orders import Side
from traderbot.model.rules import Rules

pytestmark = pytest.mark.domain

D = Decimal
NONE = D(0)


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin", rules=Rules(fee_rate=D(0)))


def at_stake(stand: Stand) -> dict[str, Stake]:
    return dict(exposure.stakes(stand.account, stand.market, Side.BUY, AAA, NONE, NONE))


def test_what_an_account_is_worth(margin: Stand) -> None:
    margin.own("10")
    margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
    found = exposure.worth(margin.account, margin.market)
    assert found == Worth(D(1000), D(100), D(100))
    assert (found.equity, found.gross, found.net) == (1000, 200, 0)


def test_what_a_margin_account_must_keep(margin: Stand) -> None:
    margin.own("10")
    margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
    margin.place("buy", "10", "9")
    found = exposure.worth(margin.account, margin.market)
    assert exposure.maintenance(found, margin.rules) == 25 + 30
    assert exposure.excess(margin.account, found, margin.rules) == 1000 - 100 - D("45.000001")
    assert exposure.buying_power(margin.account, margin.market, margin.rules) == D("1709.999998")
    assert exposure.withdrawable(margin.account, margin.market, margin.rules) == D("854.999999")


def test_an_order_whose_shares_another_closed_counts_as_if_it_held(margin: Stand) -> None:
    margin.own("100")
    margin.place("sell", "100", "10")
    opening = margin.place("sell", "99", "10")
    margin.fill(opening, "99", "10")
    assert margin.account.held == 0
    assert exposure.unheld(margin.account, margin.rules) == 495
    assert exposure.buying_power(margin.account, margin.market, margin.rules) == 1000


steps = st.tuples(st.sampled_from(["buy", "sell", "fill", "cancel"]), st.integers(1, 120), st.integers(0, 9))


@given(st.lists(steps, max_size=25))
@settings(max_examples=80, deadline=None)
def test_whatever_fills_an_account_keeps_its_initial_margin(drawn: list[tuple[str, int, int]]) -> None:
    stand = Stand("1000", "margin", rules=Rules(fee_rate=D(0)))
    for step, qty, which in drawn:
        orders = list(stand.account.orders.values())
        if step in ("buy", "sell"):
            stand.do(stand.order(step, str(qty), "10"))
        elif orders and step == "fill":
            order = orders[which % len(orders)]
            stand.fill(order.id, str(min(order.remaining, D(qty))), "10")
        elif orders:
            stand.do(c.CancelOrder(orders[which % len(orders)].id))
        assert at_stake(stand).get(AAA, Stake(NONE, NONE, NONE, NONE)).value <= 2000


def test_of_a_cash_account_it_is_what_is_available() -> None:
    stand = Stand("1000")
    stand.place("buy", "10", "10")
    for ask in (exposure.buying_power, exposure.withdrawable):
        assert ask(stand.account, stand.market, stand.rules) == stand.account.available


def test_open_orders_count_at_their_worst(margin: Stand) -> None:
    margin.own("10")
    margin.place("buy", "3", "9")
    margin.place("sell", "15", "12")
    margin.place("buy", "1", type="stop", stop_price="11")
    assert at_stake(margin)[AAA] == Stake(D(14), D(-5), D(141), D(-80))
    assert at_stake(margin)[AAA].qty == 14
    assert at_stake(margin)[AAA].value == 141


def test_exits_count_once_and_not_while_they_wait(margin: Stand) -> None:
    entry, *_ = margin.group("buy", "4", "10", cls="bracket", gain="12", loss="9")
    assert at_stake(margin)[AAA].short_qty == 0
    margin.fill(entry, "4", "10")
    assert at_stake(margin)[AAA][:2] == (4, 0)


def test_an_order_of_another_broker_counts_while_it_is_under_way() -> None:
    stand = Stand("1000", broker="elsewhere")
    order = stand.place("buy", "4", "10")
    assert at_stake(stand)[AAA].long_qty == 4
    stand.do(c.LoseSightOfOrder(order))
    assert at_stake(stand)[AAA].long_qty == 4


def test_a_symbol_without_a_price_is_named(margin: Stand) -> None:
    margin.place("buy", "1", symbol=BBB)
    del margin.market.marks[BBB]
    with pytest.raises(Unmarked) as raised:
        at_stake(margin)
    assert raised.value.symbol == BBB


def test_shares_free_to_sell(margin: Stand) -> None:
    margin.own("5")
    margin.place("sell", "7", "12")
    assert exposure.free_quantity(margin.account, AAA) == 0
    margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
    assert exposure.free_quantity(margin.account, BBB) == 0
    assert exposure.uncovered_short(margin.account, BBB) == 2
    order = margin.place("buy", "3", "40", symbol=BBB)
    assert exposure.uncovered_short(margin.account, BBB) == 0
    assert exposure.uncovered_short(margin.account, BBB, order) == 2
