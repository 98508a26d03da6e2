from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stand import AAA, Stand
from traderbot.engine.holds import hold_left, opening, worst_fee
from traderbot.model.amounts import Money
from traderbot.model.orders import Side
from traderbot.model.rules import Rules

pytestmark = pytest.mark.domain

D = Decimal
STEP = D("0.000001")
FREE = Rules(fee_rate=D(0))


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin", rules=FREE)


def short(stand: Stand, qty: str) -> None:
    stand.fill(stand.place("sell", qty), qty, "10")


class TestFees:
    def test_a_rate_and_so_much_a_share(self) -> None:
        assert worst_fee(D(1000), D(10), D("0.001"), D("0.02"), None) == D("1.2")

    def test_a_least_fee_is_for_the_whole_order(self) -> None:
        assert worst_fee(D(100), D(1), D("0.001"), None, D(1)) == 1
        assert worst_fee(D(100), D(1), D("0.001"), None, D(1), charged=D("0.7")) == D("0.3")
        assert worst_fee(D(100), D(1), D("0.001"), None, D(1), charged=D(2)) == D("0.1")


class TestOpening:
    def test_a_sale_closes_what_no_other_sale_reserves(self, margin: Stand) -> None:
        margin.own("5")
        assert opening(margin.account, AAA, Side.SELL, D(5)) == 0
        margin.place("sell", "2", "12")
        assert opening(margin.account, AAA, Side.SELL, D(5)) == 2
        assert opening(margin.account, AAA, Side.BUY, D(5)) == 5

    def test_a_buy_covers_what_no_other_buy_covers(self, margin: Stand) -> None:
        short(margin, "5")
        assert opening(margin.account, AAA, Side.BUY, D(5)) == 0
        margin.place("buy", "2", "9")
        assert opening(margin.account, AAA, Side.BUY, D(5)) == 2
        assert opening(margin.account, AAA, Side.SELL, D(5)) == 5

    def test_two_exits_cover_the_same_shares(self, margin: Stand) -> None:
        short(margin, "5")
        margin.group("buy", "3", "9", cls="oco", loss="12")
        assert opening(margin.account, AAA, Side.BUY, D(2)) == 0
        assert opening(margin.account, AAA, Side.BUY, D(3)) == 1


class TestLeft:
    def test_of_a_buy_the_worst_cost_of_the_rest(self, stand: Stand) -> None:
        order = stand.place("buy", "10", "10.00")
        stand.fill(order, "4", "9.50", "0.0038")
        assert stand.open(order).hold == D("60.006001")

    def test_never_more_than_the_execution_left(self, stand: Stand) -> None:
        order = stand.place("buy", "10")
        held = stand.open(order).hold
        stand.fill(order, "5", "15")
        assert stand.open(order).hold == held - 75 + STEP < 55

    def test_a_least_fee_is_set_aside_until_it_is_charged(self, stand: Stand) -> None:
        stand.rules = Rules(fee_minimum=D(1))
        order = stand.place("buy", "10", "10")
        stand.fill(order, "4", "10", "0.4")
        assert stand.open(order).hold == D("60.600001")
        stand.fill(order, "4", "10", "0.6")
        assert stand.open(order).hold == D("20.000002")  # the least fee is paid

    def test_of_an_order_for_a_value_what_is_left_of_it(self, stand: Stand) -> None:
        order = stand.place("buy", None, notional="100")
        stand.fill(order, "4", "10", "0.004")
        assert stand.open(order).hold == D("60.006001")

    def test_on_margin_that_of_the_part_that_still_opens(self, margin: Stand) -> None:
        margin.own("4")
        order = margin.place("sell", "10", "10")
        assert margin.open(order).hold == D("30.000001")
        margin.fill(order, "3", "10")
        assert margin.open(order).hold == D("30.000001")
        margin.fill(order, "3", "10")
        assert margin.open(order).hold == D("20.000001")

    def test_so_it_is_for_what_is_bought_back(self, margin: Stand) -> None:
        short(margin, "4")
        order = margin.place("buy", "10", "10")
        assert margin.open(order).hold == D("30.000001")
        margin.fill(order, "7", "10")
        assert margin.open(order).hold == D("15.000001")

    def test_nothing_once_nothing_more_opens(self, margin: Stand) -> None:
        order = margin.place("sell", "6", "10")
        margin.fill(margin.place("buy", "6", "9"), "6", "9")
        assert margin.open(order).hold > 0
        found = margin.open(order)
        left = hold_left(margin.account, found, D(2), D(20), Money(D(0)), D(0), FREE)
        assert left == 0


amounts = st.decimals("0.001", 5000, places=3)


@given(owned=st.integers(-50, 50), qty=amounts, limit=st.decimals("6", "14", places=2), selling=st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_margin_hold_covers_the_initial_margin_of_what_opens(
    owned: int, qty: Decimal, limit: Decimal, selling: bool
) -> None:
    stand = Stand("1000000", "margin", rules=Rules(fee_rate=D("0.001")))
    if owned:
        stand.fill(stand.place("buy" if owned > 0 else "sell", str(abs(owned))), str(abs(owned)), "10")
    order = stand.open(stand.place("sell" if selling else "buy", str(qty), str(limit)))
    after = owned - qty if selling else owned + qty
    opens = max(D(0), min(qty, -after if selling else after))
    margin = Fraction(opens) * Fraction(limit) / 2
    assert order.hold >= margin
    assert (order.hold == 0) is (opens == 0)
    if opens and not selling:
        assert Fraction(order.hold) - margin - Fraction(qty * limit) / 1000 <= Fraction(2, 10**6)


@given(
    parts=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    prices=st.lists(st.decimals("8", "10", places=4), min_size=6, max_size=6),
    kind=st.sampled_from(["cash", "margin"]),
)
@settings(max_examples=60, deadline=None)
def test_a_hold_only_shrinks_and_ends_at_nothing(parts: list[int], prices: list[Decimal], kind: str) -> None:
    stand = Stand("100000", kind)
    order = stand.place("buy", str(sum(parts)), "10")
    for part, price in zip(parts, prices, strict=False):
        before = stand.open(order).hold
        stand.fill(order, str(part), str(price))
        if order in stand.account.orders:
            found = stand.open(order)
            assert found.hold <= before
            share = D("0.5") if kind == "margin" else D(1)
            assert found.hold >= found.remaining * 10 * share
    assert stand.account.held == 0
