from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stand import AAA, Stand
from engine.verdicts import passes, reason, verdict
from traderbot.engine.gate import Approval, review
from traderbot.model.reasons import Reason, Refusal

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


class TestSelfTrade:
    def test_limits_that_cross(self, stand: Stand) -> None:
        stand.own("5")
        order = stand.place("sell", "1", "11")
        refusal = verdict(stand, "buy", "1", "11")
        assert refusal.reason is Reason.SELF_TRADE
        assert str(order) in refusal.detail
        assert passes(stand, "buy", "1", "10.99")
        stand.place("buy", "1", "9")
        assert reason(stand, "sell", "1", "9") is Reason.SELF_TRADE
        assert passes(stand, "sell", "1", "9.01")

    def test_an_order_at_the_market_reaches_as_far_as_the_collar(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("sell", "1", "11.01")
        assert passes(stand, "buy", "1")
        stand.place("sell", "1", "11")
        assert reason(stand, "buy", "1") is Reason.SELF_TRADE
        stand.place("buy", "1", "8.99")
        assert passes(stand, "sell", "1")
        stand.place("buy", "1", "9")
        assert reason(stand, "sell", "1") is Reason.SELF_TRADE

    def test_two_orders_at_the_market(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("buy", "1")
        assert reason(stand, "sell", "1") is Reason.SELF_TRADE

    def test_a_stop_that_waits_counts_at_its_price(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("sell", "5", type="stop", stop_price="9")
        assert passes(stand, "buy", "1")  # filled before the market falls to the stop
        assert passes(stand, "buy", "1", "9.50")
        assert reason(stand, "buy", "1", "9") is Reason.SELF_TRADE
        assert passes(stand, "buy", "1", "8.99")

    def test_a_stop_that_is_reached_counts_as_the_order_it_becomes(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("sell", "5", type="stop", stop_price="9")
        stand.market.quote(AAA, "9")
        assert reason(stand, "buy", "1", "9.50") is Reason.SELF_TRADE

    def test_exits_that_wait_for_their_entry_count(self, stand: Stand) -> None:
        stand.group("buy", "1", "10", cls="bracket", gain="12", loss="9")
        assert reason(stand, "buy", "1", "12") is Reason.SELF_TRADE
        assert passes(stand, "buy", "1", "11.99")

    def test_the_exits_of_a_new_order_count(self, stand: Stand) -> None:
        stand.place("buy", "1", "12")
        assert passes(stand, "buy", "1", "10", cls="oto", gain="12.01")
        assert reason(stand, "buy", "1", "10", cls="oto", gain="12") is Reason.SELF_TRADE
        assert passes(stand, "buy", "1", "10", cls="oto", loss="9.99")

    @given(
        st.lists(
            st.tuples(st.sampled_from(["buy", "sell"]), st.integers(700, 1400), st.booleans()), max_size=12
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_resting_orders_never_cross(self, drawn: list[tuple[str, int, bool]]) -> None:
        stand = Stand("1000", "margin")
        for side, cents, bracket in drawn:
            at = D(cents) / 100
            up, down = str(at + D("0.05")), str(at - D("0.05"))
            gain, loss = (up, down) if side == "buy" else (down, up)
            terms = {"cls": "bracket", "gain": gain, "loss": loss} if bracket else {}
            stand.do(stand.order(side, "1", str(at), **terms))
        limits: dict[str, list[Decimal]] = {"buy": [], "sell": []}
        for order in stand.account.orders.values():
            if order.limit_price is not None and order.member is None:
                limits[order.side].append(order.limit_price)
        assert max(limits["buy"], default=D(0)) < min(limits["sell"], default=D(99))

    def test_members_of_one_group_may_meet(self, stand: Stand) -> None:
        parent, *_ = stand.group("buy", "1", "10", cls="oto", gain="10.50")
        order = stand.order("buy", "1", "10.60")
        assert isinstance(review(stand.account, order, stand.market, stand.rules, parent), Approval)
        assert isinstance(review(stand.account, order, stand.market, stand.rules, UUID(int=77)), Refusal)
