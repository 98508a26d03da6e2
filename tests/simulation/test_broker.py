from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.books import AAA, BBB, DAY, Desk, one_bar
from traderbot.model import commands as c
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import Reason
from traderbot.simulation.broker import execution_id
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.domain

D = Decimal
FLAT = ("10", "10", "10", "10")


@pytest.fixture
def desk() -> Desk:
    return Desk(costs=Costs(slippage=D(0), participation=D("0.1")))


def executed(reports: list[c.Command]) -> list[Decimal]:
    return [report.qty for report in reports if isinstance(report, c.RecordExecution)]


def test_an_order_fills_at_the_next_open_with_its_fee(desk: Desk) -> None:
    order_id = desk.place("buy", "100")
    (report,) = desk.bar(AAA, ("10.5", "11", "9", "10"))
    assert report == c.RecordExecution(
        order_id, execution_id(order_id, desk.market.time), D(100), D("10.5"), D("0.105"), desk.market.time
    )
    desk.audit()


class TestParticipation:
    def test_a_bar_gives_a_tenth_of_its_volume_in_whole_shares(self, desk: Desk) -> None:
        desk.place("buy", "100", tif="gtc")
        assert executed(desk.bar(AAA, FLAT, 555)) == [55]
        assert executed(desk.bar(AAA, FLAT, 9)) == []
        assert executed(desk.bar(AAA, FLAT, 1e6)) == [45]
        desk.audit()

    def test_all_orders_of_an_account_share_it_and_the_older_come_first(self, desk: Desk) -> None:
        desk.own("50")
        for side, qty in (("buy", "30"), ("sell", "30"), ("buy", "60")):
            desk.place(side, qty, tif="gtc")
        assert executed(desk.bar(AAA, FLAT, 1000)) == [30, 30, 40]
        desk.audit()

    def test_every_symbol_has_its_own(self, desk: Desk) -> None:
        desk.place("buy", "30", symbol=AAA)
        desk.place("buy", "30", symbol=BBB)
        time = desk.market.time + DAY
        bars = {AAA: one_bar(AAA, FLAT, 200, time), BBB: one_bar(BBB, ("50",) * 4, 100, time)}
        assert executed(desk.broker.reports(desk.account.orders.values(), bars, time)) == [20, 10]

    def test_a_fraction_takes_fractions(self, desk: Desk) -> None:
        desk.place("buy", "100.5", tif="gtc")
        assert executed(desk.bar(AAA, FLAT, 555)) == [D("55.5")]

    def test_a_bar_without_volume_fills_nothing(self, desk: Desk) -> None:
        order_id = desk.place("buy", "1", tif="gtc")
        assert desk.bar(AAA, FLAT, 0) == []
        assert desk.order(order_id).status is OrderStatus.ACCEPTED


class TestGaps:
    def test_what_the_hold_cannot_pay_is_cancelled(self, desk: Desk) -> None:
        order_id = desk.place("buy", "100")
        held, before = desk.order(order_id).hold, desk.account.cash
        fill, cancel = desk.bar(AAA, ("20", "21", "19", "20"))
        assert (fill.qty, cancel) == (55, c.CancelOrder(order_id, Reason.GAP_BEYOND_COLLAR))
        assert before - desk.account.cash <= held
        assert desk.account.available == desk.account.cash
        desk.audit()

    def test_a_gap_beyond_everything_cancels_it_whole(self, desk: Desk) -> None:
        order_id = desk.place("buy", "1")
        assert desk.bar(AAA, ("50", "51", "49", "50")) == [c.CancelOrder(order_id, Reason.GAP_BEYOND_COLLAR)]
        desk.audit()

    def test_an_open_within_the_collar_fills_it_whole(self, desk: Desk) -> None:
        desk.place("buy", "100")
        assert executed(desk.bar(AAA, ("11", "11.5", "10", "11"))) == [100]
        desk.audit()

    def test_all_the_cash_there_is_can_be_spent_and_not_a_millionth_more(self) -> None:
        desk = Desk("1100.110001", costs=Costs(slippage=D(0)))
        desk.place("buy", "100")
        assert desk.account.available == 0
        desk.bar(AAA, ("11", "11", "11", "11"))
        assert desk.account.quantity(AAA) == 100
        assert 0 <= desk.account.cash < D("0.00001")
        desk.audit()

    def test_a_sale_has_no_collar(self, desk: Desk) -> None:
        desk.own("10")
        desk.place("sell", "10")
        assert executed(desk.bar(AAA, ("0.01", "1", "0.01", "1"))) == [10]
        desk.audit()


class TestDays:
    def test_a_day_order_sees_one_session_and_expires_at_its_close(self, desk: Desk) -> None:
        order_id = desk.place("buy", "100", "9.00")
        assert desk.bar(AAA, FLAT) == [c.ExpireOrder(order_id)]
        assert not desk.account.orders
        desk.audit()

    def test_what_is_left_of_a_partial_fill_expires(self, desk: Desk) -> None:
        order_id = desk.place("buy", "100")
        fill, expiry = desk.bar(AAA, FLAT, 300)
        assert (fill.qty, expiry) == (30, c.ExpireOrder(order_id))
        assert desk.account.held == 0
        desk.audit()

    def test_a_bar_after_the_close_of_its_day_does_not_fill_it(self, desk: Desk) -> None:
        order_id = desk.place("buy", "100")
        desk.market.time += DAY
        assert desk.bar(AAA, FLAT) == [c.ExpireOrder(order_id)]

    def test_a_day_without_a_bar_of_the_symbol_ends_it_as_well(self, desk: Desk) -> None:
        order_id = desk.place("buy", "1", symbol=BBB)
        assert desk.bar(AAA, FLAT) == [c.ExpireOrder(order_id)]

    def test_good_till_cancelled_lives_on(self, desk: Desk) -> None:
        order_id = desk.place("buy", "100", "9.00", tif="gtc")
        for _ in range(5):
            assert desk.bar(AAA, FLAT) == []
        assert executed(desk.bar(AAA, ("9.5", "10", "8.9", "9"))) == [100]
        assert order_id not in desk.account.orders
        desk.audit()


def test_the_same_orders_and_bars_give_the_same_reports(desk: Desk) -> None:
    desk.place("buy", "100")
    bars = {AAA: one_bar(AAA, FLAT, 1e6, DAY)}
    first, second = (desk.broker.reports(desk.account.orders.values(), bars, 0) for _ in range(2))
    assert first == second


@given(
    st.lists(
        st.tuples(st.uuids(version=4), st.integers(-(2**50), 2**52)), min_size=2, max_size=30, unique=True
    )
)
def test_execution_ids_differ_by_order_and_time(executions: list[tuple[UUID, int]]) -> None:
    assert len({execution_id(*execution) for execution in executions}) == len(executions)
