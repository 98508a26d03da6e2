from decimal import Decimal
from uuid import UUID

import pytest

from engine.books import AAA, BBB, DAY, Desk
from traderbot.engine.decide import Decision, fifo
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Lot, Position
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def desk() -> Desk:
    return Desk("1000")


def reason(decision: Decision) -> Reason:
    assert decision.refusal is not None
    return decision.refusal.reason


def test_a_placed_order_cites_the_mark_the_rules_and_when_it_ends(desk: Desk) -> None:
    day, good = desk.place("buy", "1"), desk.place("buy", "1", tif="gtc")
    placed = desk.events[-2]
    assert isinstance(placed, e.OrderPlaced)
    assert (placed.mark, placed.mark_at, placed.rules_version) == (10, 100 * DAY, 1)
    assert (desk.order(day).expires_at, desk.order(good).expires_at) == (101 * DAY, None)


def test_a_refused_order_is_an_event_too(desk: Desk) -> None:
    decision = desk.do(c.PlaceOrder(desk.id(), AAA, c.Side.SELL, D(5)))
    assert reason(decision) is Reason.INSUFFICIENT_QUANTITY
    (refused,) = decision.events
    assert isinstance(refused, e.OrderRefused)
    assert refused.reason is Reason.INSUFFICIENT_QUANTITY


class TestExecutions:
    def test_a_buy_opens_a_lot_and_keeps_the_hold_of_the_rest(self, desk: Desk) -> None:
        order_id = desk.place("buy", "10", "10.00")
        assert desk.order(order_id).hold == D("100.010001")
        (fill,) = desk.fill(order_id, "4", "9.50", "0.0038").events
        assert (fill.notional, fill.lot, fill.status) == (38, 1, OrderStatus.PARTIALLY_FILLED)
        assert fill.hold == desk.account.held == D("60.006001")
        (fill,) = desk.fill(order_id, "6", "10", "0.006").events
        assert (fill.hold, fill.status, fill.filled_value) == (0, OrderStatus.FILLED, 98)
        assert desk.account.available == desk.account.cash == D("901.9902")
        desk.audit()

    def test_a_fill_above_the_price_it_held_for_takes_no_more_than_the_order_held(self, desk: Desk) -> None:
        order_id = desk.place("buy", "10")
        held = desk.order(order_id).hold
        (fill,) = desk.fill(order_id, "5", "15").events
        assert fill.hold == held - 75 + D("0.000001") < 55
        desk.audit()

    def test_rounding_does_not_starve_an_order_filled_in_many_parts(self, desk: Desk) -> None:
        order_id = desk.place("buy", "0.9", "10.00", tif="gtc")
        for _ in range(8):
            desk.fill(order_id, "0.10000005", "10")
        order = desk.order(order_id)
        assert order.hold >= order.remaining * 10 * (1 + order.fee_rate)
        desk.audit()

    def test_what_cash_cannot_carry_is_refused(self, desk: Desk) -> None:
        order_id = desk.place("buy", "80", "12")
        assert reason(desk.fill(order_id, "80", "12.6")) is Reason.EXECUTION_TOO_LARGE
        assert desk.fill(order_id, "80", "12.5").refusal is None
        assert desk.account.cash == 0
        desk.audit()

    def test_another_orders_hold_is_never_touched(self, desk: Desk) -> None:
        desk.place("buy", "50", "10.00")
        order_id = desk.place("buy", "10", "10.00")
        assert reason(desk.fill(order_id, "10", "50")) is Reason.EXECUTION_TOO_LARGE

    def test_more_than_was_ordered_is_refused(self, desk: Desk) -> None:
        order_id = desk.place("buy", "10")
        desk.fill(order_id, "9", "10")
        decision = desk.fill(order_id, "1.000000001", "10")
        assert reason(decision) is Reason.EXECUTION_TOO_LARGE
        assert "order has 1 left" in decision.refusal.detail

    def test_an_unknown_or_ended_order_is_not_filled(self, desk: Desk) -> None:
        assert reason(desk.fill(UUID(int=12345), "1", "10")) is Reason.ORDER_NOT_OPEN
        order_id = desk.place("buy", "10")
        desk.do(c.CancelOrder(order_id))
        assert reason(desk.fill(order_id, "1", "10")) is Reason.ORDER_NOT_OPEN

    def test_a_sales_fee_beyond_proceeds_and_cash_is_refused(self, desk: Desk) -> None:
        desk.own("10", "100")
        order_id = desk.place("sell", "1")
        assert desk.account.cash == 0
        assert reason(desk.fill(order_id, "1", "10", "10.01")) is Reason.EXECUTION_TOO_LARGE
        assert desk.fill(order_id, "1", "10", "10").refusal is None
        desk.audit()

    def test_halts_do_not_stop_an_execution_that_happened(self, desk: Desk) -> None:
        order_id = desk.place("buy", "1")
        desk.do(c.PauseTrading("lunch"))
        assert desk.fill(order_id, "1", "10").refusal is None


class TestFifo:
    def test_the_oldest_lots_go_first_and_the_rest_keeps_the_residue(self, desk: Desk) -> None:
        for price in ("10", "11", "12"):
            desk.own("3", price)
        (fill,) = desk.fill(desk.place("sell", "4"), "4", "20").events
        assert fill.relief == (e.Relief(1, D(3), D(30)), e.Relief(2, D(1), D(11)))
        assert fill.realised == 39
        assert [(lot.number, lot.qty, lot.cost) for lot in desk.account.positions[AAA].lots] == [
            (2, 2, 22),
            (3, 3, 36),
        ]
        desk.audit()

    def test_thirds_of_a_cost_sum_to_the_whole(self, desk: Desk) -> None:
        desk.own("3", "3.333333333")
        gains = []
        for _ in range(3):
            (fill,) = desk.fill(desk.place("sell", "1"), "1", "4").events
            gains.append(fill.realised)
        assert sum(gains) == 2
        assert (desk.account.positions[AAA].cost, desk.account.positions[AAA].realised) == (0, 2)
        desk.audit()

    def test_lots_without_shares_go_with_the_sale_that_reaches_them(self) -> None:
        lots = [Lot(1, D(5), D(50), 0), Lot(2, D(0), D("0.01"), 0), Lot(3, D(1), D(9), 0)]
        position = Position(AAA, D(6), D("59.01"), lots=lots)
        assert [part.lot for part in fifo(position, D(4))] == [1]
        assert [part.lot for part in fifo(position, D(5))] == [1, 2]
        assert [part.cost for part in fifo(position, D(6))] == [50, D("0.01"), 9]


class TestReplacement:
    def test_the_new_order_may_use_what_the_old_one_held(self, desk: Desk) -> None:
        old = desk.place("buy", "90", "10.00")
        decision = desk.do(c.ReplaceOrder(old, desk.id(), limit_price=D("11")))
        assert [type(event) for event in decision.events] == [e.OrderReplaced, e.OrderPlaced]
        assert decision.events[1].replaces == old
        assert list(desk.account.orders) == [decision.events[0].replaced_by]
        assert desk.account.held == D("990.099001")
        desk.audit()

    def test_a_sale_may_use_what_the_old_one_reserved(self, desk: Desk) -> None:
        desk.own("10")
        old = desk.place("sell", "10", "12")
        assert desk.do(c.ReplaceOrder(old, desk.id(), limit_price=D("11"))).refusal is None
        assert desk.account.reserved == {AAA: 10}
        desk.audit()

    def test_a_refused_replacement_leaves_the_old_order_as_it_was(self, desk: Desk) -> None:
        old = desk.place("buy", "90", "10.00")
        decision = desk.do(c.ReplaceOrder(old, desk.id(), qty=D(200)))
        assert reason(decision) is Reason.INSUFFICIENT_BUYING_POWER
        assert [type(event) for event in decision.events] == [e.OrderRefused]
        assert list(desk.account.orders) == [old]
        desk.audit()

    def test_the_quantity_is_the_total_with_what_was_filled(self, desk: Desk) -> None:
        old = desk.place("buy", "10", "10.00")
        desk.fill(old, "4", "10")
        assert reason(desk.do(c.ReplaceOrder(old, desk.id(), qty=D(4)))) is Reason.NOTHING_TO_CHANGE
        decision = desk.do(c.ReplaceOrder(old, desk.id(), qty=D(7)))
        assert decision.events[1].qty == 3
        desk.audit()

    @pytest.mark.parametrize("change", [{}, {"qty": D(10)}, {"limit_price": D("10.00")}])
    def test_no_change_is_refused(self, desk: Desk, change: dict[str, Decimal]) -> None:
        old = desk.place("buy", "10", "10.00")
        assert reason(desk.do(c.ReplaceOrder(old, desk.id(), **change))) is Reason.NOTHING_TO_CHANGE

    def test_a_market_order_cannot_be_given_a_limit(self, desk: Desk) -> None:
        old = desk.place("buy", "10")
        change = c.ReplaceOrder(old, desk.id(), limit_price=D("10"))
        assert reason(desk.do(change)) is Reason.NOTHING_TO_CHANGE
        assert desk.do(c.ReplaceOrder(old, desk.id(), qty=D(5))).refusal is None

    def test_an_ended_order_is_not_replaced(self, desk: Desk) -> None:
        assert reason(desk.do(c.ReplaceOrder(UUID(int=5), desk.id(), qty=D(5)))) is Reason.ORDER_NOT_OPEN

    @pytest.mark.parametrize("first", ["cancel", "replace", "fill"])
    @pytest.mark.parametrize("second", ["cancel", "replace", "fill"])
    def test_a_race_ends_in_a_legal_state(self, desk: Desk, first: str, second: str) -> None:
        order_id = desk.place("buy", "10", "10.00")
        race: dict[str, c.Command] = {
            "cancel": c.CancelOrder(order_id),
            "replace": c.ReplaceOrder(order_id, desk.id(), qty=D(5)),
            "fill": c.RecordExecution(order_id, desk.id(), D(10), D(10), D(0), 0),
        }
        assert desk.do(race[first]).refusal is None
        assert reason(desk.do(race[second])) is Reason.ORDER_NOT_OPEN
        desk.audit()


class TestEnds:
    def test_cancels_work_while_trading_is_paused(self, desk: Desk) -> None:
        order_id = desk.place("buy", "10")
        desk.do(c.PauseTrading("lunch"))
        assert desk.do(c.CancelOrder(order_id)).events[0].reason is Reason.CANCELED_BY_USER
        assert desk.account.available == 1000

    def test_what_ended_stays_ended(self, desk: Desk) -> None:
        order_id = desk.place("buy", "10")
        desk.do(c.ExpireOrder(order_id))
        assert reason(desk.do(c.ExpireOrder(order_id))) is Reason.ORDER_NOT_OPEN
        assert reason(desk.do(c.CancelOrder(order_id))) is Reason.ORDER_NOT_OPEN

    def test_pausing_twice_and_resuming_what_runs(self, desk: Desk) -> None:
        assert reason(desk.do(c.ResumeTrading())) is Reason.NOT_HALTED
        desk.do(c.PauseTrading("lunch"))
        assert reason(desk.do(c.PauseTrading("tea"))) is Reason.ALREADY_HALTED


class TestCorporateActions:
    def test_a_dividend_pays_the_shares_held_at_the_open_of_its_ex_date(self, desk: Desk) -> None:
        assert desk.dividend("0.18").events == ()
        desk.own("33")
        desk.place("buy", "10")
        (paid,) = desk.dividend("0.18").events
        assert (paid.cash, paid.position_qty) == (D("5.94"), 33)
        desk.audit()

    def test_a_forward_split_rescales_lots_and_orders(self, desk: Desk) -> None:
        desk.own("10")
        buy = desk.place("buy", "11", "10.01", tif="gtc")
        desk.fill(buy, "1", "10.01")
        sell = desk.place("sell", "5", "12.01")
        before = desk.account.cash, desk.account.held
        desk.split(3, 1)
        assert (desk.account.cash, desk.account.held) == before
        assert desk.account.quantity(AAA) == 33
        assert (desk.order(buy).qty, desk.order(buy).filled_qty) == (33, 3)
        assert (desk.order(buy).limit_price, desk.order(sell).limit_price) == (D("3.33"), D("4.01"))
        assert desk.account.reserved == {AAA: 15}
        desk.audit()

    def test_a_reverse_split_cancels_the_orders_first(self, desk: Desk) -> None:
        desk.own("10")
        desk.place("buy", "10", "10.00")
        decision = desk.split(1, 3)
        assert [type(event) for event in decision.events] == [e.OrderCancelled, e.CorporateActionApplied]
        assert decision.events[0].reason is Reason.CORPORATE_ACTION
        assert desk.account.quantity(AAA) == D("3.333333333")
        assert desk.account.positions[AAA].cost == 100
        desk.audit()

    def test_the_total_is_rounded_once_and_sells_never_exceed_it(self, desk: Desk) -> None:
        for _ in range(4):
            desk.own("0.333333333")
            desk.place("sell", "0.333333333", "12")
        desk.split(3, 2)
        assert desk.account.quantity(AAA) == D("1.999999998")
        desk.audit()

    def test_a_split_leaves_something_of_the_smallest_holding(self, desk: Desk) -> None:
        for _ in range(2):
            desk.own("0.000000001", "900")
        desk.split(1, 1000)
        assert [lot.qty for lot in desk.account.positions[AAA].lots] == [D("1e-9"), 0]
        desk.fill(desk.place("sell", "0.000000001"), "0.000000001", "900")
        assert (desk.account.positions[AAA].cost, desk.account.quantity(AAA)) == (0, 0)
        desk.audit()

    def test_what_is_not_held_or_ordered_is_not_touched(self, desk: Desk) -> None:
        desk.own("1")
        desk.fill(desk.place("sell", "1"), "1", "10")
        desk.place("buy", "1", symbol=BBB)
        assert desk.split(2, 1).events == ()


def test_a_portfolio_is_valued_at_its_marks(desk: Desk) -> None:
    desk.own("3", "10")
    desk.market.quote(AAA, "12.3456789")
    (valued,) = desk.do(c.RevaluePortfolio(4)).events
    assert (valued.step, valued.cash, valued.market_value) == (4, 970, D("37.037037"))
    assert valued.equity == D("1007.037037")
    assert valued.marks == {AAA: D("12.3456789")}
    del desk.market.marks[AAA]
    assert reason(desk.do(c.RevaluePortfolio(5))) is Reason.UNKNOWN_SYMBOL
