from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from engine.stand import AAA, Stand, kinds, reason
from traderbot.engine.decision import Decision
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.orders import Order, OrderStatus
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand()


def filled(decision: Decision) -> e.OrderFilled:
    event = decision.events[0]
    assert isinstance(event, e.OrderFilled)
    return event


class TestCash:
    def test_a_buy_opens_a_lot_and_keeps_the_hold_of_the_rest(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10", "10.00")
        assert stand.open(order_id).hold == D("100.010001")
        fill = filled(stand.fill(order_id, "4", "9.50", "0.0038"))
        assert (fill.notional, fill.lot, fill.status) == (38, 1, OrderStatus.PARTIALLY_FILLED)
        assert fill.hold == stand.account.held == D("60.006001")
        assert stand.open(order_id).fees == D("0.0038")
        fill = filled(stand.fill(order_id, "6", "10", "0.006"))
        assert (fill.hold, fill.status, fill.filled_value) == (0, OrderStatus.FILLED, 98)
        assert stand.account.available == stand.account.cash == D("901.9902")

    def test_a_fill_above_the_price_it_held_for_takes_no_more_than_the_order_held(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10")
        held = stand.open(order_id).hold
        assert filled(stand.fill(order_id, "5", "15")).hold == held - 75 + D("0.000001") < 55

    def test_rounding_does_not_starve_an_order_filled_in_many_parts(self, stand: Stand) -> None:
        order_id = stand.place("buy", "0.9", "10.00", tif="gtc")
        for _ in range(8):
            stand.fill(order_id, "0.10000005", "10")
        order = stand.open(order_id)
        assert order.hold >= order.remaining * 10 * (1 + order.fee_rate)

    def test_halts_do_not_stop_an_execution_that_happened(self, stand: Stand) -> None:
        order_id = stand.place("buy", "1")
        stand.do(c.PauseTrading("lunch"))
        assert stand.fill(order_id, "1", "10").refusal is None

    def test_an_unknown_or_ended_order_is_not_filled(self, stand: Stand) -> None:
        assert reason(stand.fill(UUID(int=12345), "1", "10")) is Reason.ORDER_NOT_OPEN
        order_id = stand.place("buy", "10")
        stand.do(c.CancelOrder(order_id))
        decision = stand.fill(order_id, "1", "10")
        assert (reason(decision), decision.events) == (Reason.ORDER_NOT_OPEN, ())


class TestImpossible:
    """What cannot be is refused, kept, and halts its symbol, while the order stays as it was."""

    def impossible(self, stand: Stand, decision: Decision, why: Reason = Reason.EXECUTION_TOO_LARGE) -> str:
        assert reason(decision) is why
        (event,) = decision.events
        assert isinstance(event, e.ReportQuarantined)
        assert event.report["kind"] == "RecordExecution"
        assert isinstance(event.report["qty"], str)  # as texts, so that nothing of it is lost
        assert AAA in stand.account.halted_symbols
        return event.detail

    def test_more_than_was_ordered(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10")
        stand.fill(order_id, "9", "10")
        decision = stand.fill(order_id, "1.000000001", "10")
        assert "order has 1 left" in self.impossible(stand, decision)
        assert stand.open(order_id).filled_qty == 9

    def test_more_than_its_cash_can_carry(self, stand: Stand) -> None:
        order_id = stand.place("buy", "80", "12")
        self.impossible(stand, stand.fill(order_id, "80", "12.6"))
        assert stand.fill(order_id, "80", "12.5").refusal is None
        assert stand.account.cash == 0

    def test_what_other_orders_hold(self, stand: Stand) -> None:
        stand.place("buy", "50", "10.00")
        order_id = stand.place("buy", "10", "10.00")
        self.impossible(stand, stand.fill(order_id, "10", "50.03"))

    def test_a_sales_fee_beyond_proceeds_and_cash(self, stand: Stand) -> None:
        stand.own("10", "100")
        order_id = stand.place("sell", "1")
        assert stand.account.cash == 0
        self.impossible(stand, stand.fill(order_id, "1", "10", "10.01"))
        assert stand.fill(order_id, "1", "10", "10").refusal is None

    def test_a_value_beyond_the_one_ordered(self, stand: Stand) -> None:
        order_id = stand.place("buy", None, notional="100")
        self.impossible(stand, stand.fill(order_id, "10.1", "10"))

    def test_an_exit_that_waits(self, stand: Stand) -> None:
        _, leg = stand.group("buy", "1", cls="oto", gain="12")
        self.impossible(stand, stand.fill(leg, "1", "12"), Reason.IMPOSSIBLE_REPORT)


class TestNotional:
    def test_it_ends_when_the_broker_says_so(self, stand: Stand) -> None:
        order_id = stand.place("buy", None, notional="100")
        fill = filled(stand.fill(order_id, "4", "10"))
        assert (fill.status, fill.hold > 60) == (OrderStatus.PARTIALLY_FILLED, True)
        fill = filled(stand.fill(order_id, "6.1", "9.8", completes=True))
        assert (fill.status, fill.filled_qty, fill.hold) == (OrderStatus.FILLED, D("10.1"), 0)
        assert (stand.account.held, stand.account.orders) == (0, {})

    def test_a_sale_gives_back_the_shares_it_did_not_need(self, stand: Stand) -> None:
        stand.own("20")
        order_id = stand.place("sell", None, notional="100")
        stand.fill(order_id, "10", "10", completes=True)
        assert (stand.account.reserved, stand.account.quantity(AAA)) == ({}, 10)

    def test_an_order_for_shares_ends_with_its_last_share_alone(self, stand: Stand) -> None:
        order_id = stand.place("buy", "2")
        assert filled(stand.fill(order_id, "1", "10", completes=True)).status == "partially_filled"


class TestMargin:
    def test_an_execution_may_borrow(self) -> None:
        stand = Stand(kind="margin")
        stand.fill(stand.place("buy", "150"), "150", "10")
        assert (stand.account.cash, stand.account.available) == (-500, -500)

    def test_a_sale_beyond_what_is_held_opens_a_short(self) -> None:
        stand = Stand(kind="margin")
        stand.own("5")
        order_id = stand.place("sell", "8")
        assert stand.open(order_id).hold > 0
        fill = filled(stand.fill(order_id, "8", "10"))
        assert (fill.position_qty, fill.lot_qty, stand.account.held) == (-3, -3, 0)


class TestGroups:
    def bracket(self, stand: Stand) -> list[UUID]:
        return stand.group("buy", "10", "10.00", cls="bracket", gain="12", loss="9")

    def test_the_exits_wait_until_the_entry_is_filled_in_full(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        assert kinds(stand.fill(entry, "9", "10")) == ["OrderFilled"]
        stand.market.time += 5
        decision = stand.fill(entry, "1", "10")
        assert kinds(decision) == ["OrderFilled", "LegActivated", "LegActivated"]
        for order_id in (gain, loss):
            order = stand.open(order_id)
            assert (order.status, order.qty, order.active_at) == (OrderStatus.NEW, 10, stand.market.time)
        assert stand.account.reserved == {AAA: 10}  # once for both

    def test_exits_are_for_no_more_shares_than_are_free(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        stand.fill(entry, "6", "10")
        stand.place("sell", "4", "11.00")
        stand.fill(entry, "4", "10")
        assert (stand.open(gain).qty, stand.open(loss).qty) == (6, 6)
        assert stand.account.reserved == {AAA: 10}

    def test_exits_without_shares_end(self, stand: Stand) -> None:
        stand.own("5")
        entry = stand.group("sell", "5", "10.00", cls="bracket", gain="9", loss="11")[0]
        decision = stand.fill(entry, "5", "10")
        assert [event.reason for event in decision.events[1:]] == [Reason.NO_SHARES_LEFT] * 2
        assert stand.account.orders == {}

    def test_an_exit_filled_in_part_leaves_the_other_the_rest(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        stand.fill(entry, "10", "10")
        assert kinds(stand.fill(gain, "4", "12")) == ["OrderFilled", "LegResized"]
        assert (stand.open(gain).remaining, stand.open(loss).remaining) == (6, 6)
        stand.fill(loss, "1", "9")
        assert (stand.open(gain).remaining, stand.open(loss).remaining) == (5, 5)
        assert stand.account.reserved == {AAA: 5}
        decision = stand.fill(loss, "5", "9")
        assert kinds(decision) == ["OrderFilled", "OrderCancelled"]
        assert (stand.account.orders, stand.account.reserved) == ({}, {})

    @pytest.mark.parametrize("which", [0, 1])
    def test_one_exit_filled_ends_the_other(self, stand: Stand, which: int) -> None:
        stand.own("10")
        ids = stand.group("sell", "10", "12", cls="oco", loss="9")
        decision = stand.fill(ids[which], "10", "10")
        ended = decision.events[1]
        assert isinstance(ended, e.OrderCancelled)
        assert (ended.order_id, ended.reason) == (ids[1 - which], Reason.SIBLING_FILLED)
        assert stand.account.reserved == {}

    def test_a_short_bracket_buys_back(self) -> None:
        stand = Stand(kind="margin")
        entry, gain, loss = stand.group("sell", "10", "10.00", cls="bracket", gain="8", loss="11")
        stand.fill(entry, "10", "10")
        assert (stand.open(gain).side, stand.open(gain).qty, stand.account.held) == ("buy", 10, 0)
        decision = stand.fill(loss, "10", "11")
        assert (filled(decision).position_qty, filled(decision).realised) == (0, -10)
        assert stand.account.orders == {}

    def test_exits_never_buy_back_what_another_order_already_does(self) -> None:
        stand = Stand(kind="margin")
        entry, gain, _ = stand.group("sell", "10", "10.00", cls="bracket", gain="8", loss="11")
        stand.fill(entry, "6", "10")
        stand.place("buy", "4", "7.00")
        stand.fill(entry, "4", "10")
        assert stand.open(gain).qty == 6

    def test_a_pair_of_exits_counts_once(self) -> None:
        stand = Stand(kind="margin")
        stand.fill(stand.place("sell", "10"), "10", "10")
        stand.group("buy", "10", "9.00", cls="oco", loss="11")
        entry, gain, _ = stand.group("sell", "5", "10.00", cls="bracket", gain="8", loss="12")
        stand.fill(entry, "5", "10")
        assert stand.open(gain).qty == 5

    def test_both_exits_use_the_lots_that_were_named(self, stand: Stand) -> None:
        stand.own("2")
        stand.own("2")
        _, loss = stand.group("sell", "2", "12", cls="oco", loss="9", lots=(2,))
        assert filled(stand.fill(loss, "2", "9")).relief[0].lot == 2


def closed(stand: Stand, order_id: UUID, status: OrderStatus = OrderStatus.CANCELED) -> Order:
    """Cancel an order and keep it as it was closed."""
    order = stand.open(order_id)
    stand.do(c.CancelOrder(order_id))
    assert order.status is status
    return order


class TestLate:
    def late(self, stand: Stand, order: Order, qty: str, price: str) -> Decision:
        return stand.do(c.RecordLateExecution(stand.report(order.id, qty, price), order, 77))

    def test_it_counts_at_its_own_time_and_leaves_the_order_closed(self, stand: Stand) -> None:
        order = closed(stand, stand.place("buy", "10"))
        (event,) = self.late(stand, order, "4", "10").events
        assert isinstance(event, e.OrderFilledLate)
        assert (event.at, event.status, event.filled_qty, event.overdraft) == (
            77,
            OrderStatus.CANCELED,
            4,
            None,
        )
        assert (stand.account.cash, stand.account.quantity(AAA), stand.account.halted) == (960, 4, None)
        assert order.id not in stand.account.orders

    def test_beyond_the_cash_it_overdraws_and_halts_the_account(self, stand: Stand) -> None:
        order = closed(stand, stand.place("buy", "50", "10.00"))
        waiting = stand.place("buy", "90", "10.00")
        decision = self.late(stand, order, "50", "10")
        assert kinds(decision) == ["OrderFilledLate", "TradingPaused"]
        owed = stand.open(waiting).hold - 500
        assert (stand.account.overdraft, stand.account.halted is not None) == (owed, True)
        stand.do(c.DepositCash(D(100)))
        assert stand.account.overdraft == owed - 100
        assert stand.fill(waiting, "90", "10").refusal is None  # what it held for is still its own
        stand.do(c.DepositCash(D(1000)))
        assert stand.account.overdraft == 0

    def test_a_sale_beyond_what_is_held_leaves_shares_owed(self, stand: Stand) -> None:
        stand.own("5")
        order = closed(stand, stand.place("sell", "5"))
        stand.fill(stand.place("sell", "5"), "5", "11")
        decision = self.late(stand, order, "5", "10")
        assert kinds(decision) == ["OrderFilledLate", "TradingPaused"]
        assert stand.account.quantity(AAA) == -5

    def test_exits_whose_shares_are_gone_end(self, stand: Stand) -> None:
        stand.own("10")
        order = closed(stand, stand.place("sell", "4"))
        first = stand.place("sell", "6", "11.00")
        second = stand.place("sell", "4", "12.00")
        decision = self.late(stand, order, "4", "10")
        assert kinds(decision) == ["OrderFilledLate", "OrderCancelled"]
        ended = decision.events[1]
        assert isinstance(ended, e.OrderCancelled)
        assert (ended.order_id, ended.reason) == (second, Reason.NO_SHARES_LEFT)
        assert list(stand.account.orders) == [first]

    def test_a_buy_whose_hold_is_used_up_is_no_exit(self, stand: Stand) -> None:
        sold = closed(stand, stand.place("buy", "1"))
        waiting = stand.place("buy", "80", "12")
        stand.fill(waiting, "40", "24.5")
        assert stand.open(waiting).hold == 0
        assert kinds(self.late(stand, sold, "1", "10")) == ["OrderFilledLate"]
        assert list(stand.account.orders) == [waiting]

    def test_beyond_the_value_ordered_is_impossible(self, stand: Stand) -> None:
        order = closed(stand, stand.place("buy", None, notional="100"))
        assert reason(self.late(stand, order, "10.1", "10")) is Reason.EXECUTION_TOO_LARGE
        assert self.late(stand, order, "10", "10").refusal is None

    def test_an_exit_that_the_broker_may_have_waits_for_its_word(self) -> None:
        stand = Stand(broker="elsewhere")
        stand.own("5")
        order = closed(stand, stand.place("sell", "5"))
        unknown = stand.place("sell", "5", "11.00")
        stand.do(c.LoseSightOfOrder(unknown))
        assert kinds(self.late(stand, order, "5", "10")) == ["OrderFilledLate"]
        assert stand.open(unknown).status is OrderStatus.UNKNOWN

    def test_more_than_was_left_is_impossible(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10")
        stand.fill(order_id, "7", "10")
        order = closed(stand, order_id)
        assert reason(self.late(stand, order, "4", "10")) is Reason.EXECUTION_TOO_LARGE
        assert AAA in stand.account.halted_symbols

    def test_of_an_open_order_it_is_an_ordinary_one(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", "10"))
        assert kinds(self.late(stand, order, "4", "10")) == ["OrderFilled"]


class TestBusts:
    def test_cash_fee_and_shares_go_back(self, stand: Stand) -> None:
        fill = filled(stand.fill(stand.place("buy", "10"), "10", "10", "0.5"))
        stand.market.time += 5
        (event,) = stand.do(c.BustExecution(fill)).events
        assert isinstance(event, e.ExecutionBusted)
        assert (event.at, event.filled_qty, event.filled_value) == (fill.at, 0, 0)
        assert (stand.account.cash, stand.account.balances["fees"]) == (1000, 0)
        assert (stand.account.quantity(AAA), stand.account.positions[AAA].cost) == (0, 0)

    def test_an_order_that_is_open_ends(self, stand: Stand) -> None:
        order_id = stand.place("buy", "90", "10.00")
        first = filled(stand.fill(order_id, "4", "10"))
        stand.fill(order_id, "3", "10")
        decision = stand.do(c.BustExecution(first))
        assert kinds(decision) == ["OrderCancelled", "ExecutionBusted"]
        ended, busted = decision.events
        assert isinstance(ended, e.OrderCancelled)
        assert isinstance(busted, e.ExecutionBusted)
        assert (ended.reason, busted.filled_qty, busted.filled_value) == (Reason.EXECUTION_BUSTED, 3, 30)
        assert (stand.account.held, stand.account.cash) == (0, 970)

    def test_of_a_closed_order_the_evidence_says_what_is_left(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10", "10.00")
        first = filled(stand.fill(order_id, "4", "10"))
        stand.fill(order_id, "3", "9")
        order = closed(stand, order_id)
        (event,) = stand.do(c.BustExecution(first, order)).events
        assert isinstance(event, e.ExecutionBusted)
        assert (event.filled_qty, event.filled_value) == (3, 27)

    def test_the_exits_of_an_entry_that_never_was_end(self, stand: Stand) -> None:
        entry, gain, loss = stand.group("buy", "10", "10.00", cls="bracket", gain="12", loss="9")
        fill = filled(stand.fill(entry, "10", "10"))
        decision = stand.do(c.BustExecution(fill))
        assert kinds(decision) == ["ExecutionBusted", "OrderCancelled", "OrderCancelled"]
        assert {event.order_id for event in decision.events[1:]} == {gain, loss}
        assert (stand.account.orders, stand.account.reserved) == ({}, {})

    def test_proceeds_that_were_spent_are_owed(self, stand: Stand) -> None:
        stand.own("10", "100")
        sale = filled(stand.fill(stand.place("sell", "10"), "10", "100"))
        stand.market.quote(AAA, "100")
        stand.own("9", "100")
        decision = stand.do(c.BustExecution(sale))
        assert kinds(decision) == ["ExecutionBusted", "TradingPaused"]
        assert (stand.account.cash, stand.account.overdraft) == (-900, 900)
        assert stand.account.quantity(AAA) == 19

    def test_shares_that_were_sold_on_are_owed(self, stand: Stand) -> None:
        buy = stand.own("10")
        stand.fill(stand.place("sell", "10"), "10", "12")
        decision = stand.do(c.BustExecution(buy))
        assert kinds(decision) == ["ExecutionBusted", "TradingPaused"]
        assert (stand.account.quantity(AAA), stand.account.cash) == (-10, 1120)
        assert stand.account.positions[AAA].realised == 20

    def test_a_margin_account_may_owe_both(self) -> None:
        stand = Stand(kind="margin")
        buy = stand.own("10")
        stand.fill(stand.place("sell", "10"), "10", "12")
        assert kinds(stand.do(c.BustExecution(buy))) == ["ExecutionBusted"]

    def test_a_bust_finds_its_lots_under_their_new_symbol(self, stand: Stand) -> None:
        fill = stand.own("10")
        stand.do(
            c.ApplyCorporateAction(
                CorporateAction(AAA, date(2020, 1, 1), ActionKind.SYMBOL_CHANGE, new_symbol=Symbol("NEW"))
            )
        )
        (event,) = stand.do(c.BustExecution(fill)).events
        assert isinstance(event, e.ExecutionBusted)
        assert (event.symbol, stand.account.quantity(Symbol("NEW")), stand.account.cash) == ("NEW", 0, 1000)

    def test_a_bust_of_what_left_no_trace_is_impossible(self, stand: Stand) -> None:
        other = Stand().own("10")
        decision = stand.do(c.BustExecution(other))
        assert reason(decision) is Reason.IMPOSSIBLE_REPORT
        assert kinds(decision) == ["ReportQuarantined"]
