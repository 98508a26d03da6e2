from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.stand import AAA, DAY, Stand, kinds, reason
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.errors import IllegalTransition, InvalidValue
from traderbot.model.orders import Leg, OrderStatus, OrderType, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand()


def placed(stand: Stand) -> e.OrderPlaced:
    event = stand.events[-1]
    assert isinstance(event, e.OrderPlaced)
    return event


class TestPlacing:
    def test_an_order_cites_the_mark_the_rules_and_its_end(self, stand: Stand) -> None:
        stand.place("buy", "1")
        event = placed(stand)
        assert (event.mark, event.mark_at, event.rules_version) == (10, 100 * DAY, 1)
        assert (event.status, event.expires_at) == (OrderStatus.NEW, 101 * DAY)

    @pytest.mark.parametrize("tif", ["day", "ioc", "fok", "opg", "cls"])
    def test_all_but_a_lasting_order_end_with_the_day(self, stand: Stand, tif: str) -> None:
        assert stand.open(stand.place("buy", "1", tif=tif)).expires_at == 101 * DAY
        stand.market.day_end = None
        assert stand.open(stand.place("buy", "1", tif=tif)).expires_at is None

    def test_a_lasting_order_has_no_end(self, stand: Stand) -> None:
        assert stand.open(stand.place("buy", "1", tif="gtc")).expires_at is None

    def test_at_another_broker_an_order_waits_for_its_answer(self) -> None:
        stand = Stand(broker="elsewhere")
        assert stand.open(stand.place("buy", "1")).status is OrderStatus.PENDING_NEW

    def test_a_refused_order_is_an_event_too(self, stand: Stand) -> None:
        command = stand.order("sell", "5", stop_price="9", type="stop", client_order_id="mine")
        decision = stand.do(command)
        (event,) = decision.events
        assert isinstance(event, e.OrderRefused)
        assert (event.reason, event.stop_price, event.client_order_id) == (
            Reason.INSUFFICIENT_QUANTITY,
            9,
            "mine",
        )
        assert reason(decision) is event.reason

    def test_a_value_is_an_order_for_at_most_so_many_shares(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", None, notional="100"))
        assert (order.notional, order.qty) == (100, 11)  # 100 x 1.1 / 10

    def test_a_sale_for_a_value_keeps_its_shares_while_it_is_open(self, stand: Stand) -> None:
        stand.own("20")
        order_id = stand.place("sell", None, notional="100")
        assert stand.account.reserved == {AAA: 11}
        stand.do(c.CancelOrder(order_id))
        assert stand.account.reserved == {}

    def test_the_fees_a_hold_covers_stay_with_the_order(self) -> None:
        stand = Stand(rules=Rules(fee_per_share=D("0.01"), fee_minimum=D(1)))
        order = stand.open(stand.place("buy", "1"))
        assert (order.fee_per_share, order.fee_minimum) == (D("0.01"), 1)
        assert order.hold >= 12

    def test_orders_are_counted_by_the_day_and_by_the_second(self, stand: Stand) -> None:
        for _ in range(2):
            stand.place("buy", "1", "9.00")
        account = stand.account
        assert (account.second, account.orders_that_second, account.orders_that_day) == (100 * 86_400, 2, 2)
        stand.market.time += 1_000_000
        stand.group("buy", "1", "9.00", cls="bracket", gain="12", loss="8")
        assert (account.orders_that_second, account.orders_that_day) == (1, 3)  # exits are not asked for
        stand.market.time += DAY
        stand.place("buy", "1", "9.00")
        assert (account.orders_that_second, account.orders_that_day) == (1, 1)


class TestStops:
    def test_a_stop_waits(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", "1", type="stop", stop_price="11"))
        assert order.stop is not None
        assert (order.stop.price, order.stop.triggered_at, order.limit_price) == (11, None, None)
        assert order.price_max == D("12.1")

    def test_a_stop_limit_has_both(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", "1", "11.50", type="stop_limit", stop_price="11"))
        assert order.stop is not None
        assert (order.stop.price, order.limit_price, order.price_max) == (11, D("11.5"), D("11.5"))

    @pytest.mark.parametrize(
        ("side", "trail", "stop"),
        [
            ("buy", {"trail_price": "0.5"}, "10.5"),
            ("sell", {"trail_price": "0.5"}, "9.5"),
            ("buy", {"trail_percent": "5"}, "10.5"),
            ("sell", {"trail_percent": "3.33"}, "9.66"),  # 9.667 down
            ("buy", {"trail_percent": "3.33"}, "10.34"),  # 10.333 up
        ],
    )
    def test_a_trailing_stop_starts_from_the_mark(
        self, stand: Stand, side: str, trail: dict[str, str], stop: str
    ) -> None:
        stand.own("10")
        order = stand.open(stand.place(side, "1", type="trailing_stop", **trail))
        assert order.stop is not None
        assert (order.stop.hwm, order.stop.price) == (10, D(stop))


class TestGroups:
    def test_a_bracket_brings_two_exits_that_wait(self, stand: Stand) -> None:
        entry, gain, loss = (
            stand.open(i)
            for i in stand.group("buy", "10", "10.00", cls="bracket", gain="12", loss="9", loss_limit="8.90")
        )
        assert (entry.status, gain.status, loss.status) == (
            OrderStatus.NEW,
            OrderStatus.HELD,
            OrderStatus.HELD,
        )
        assert [o.member.leg for o in (entry, gain, loss) if o.member] == [
            Leg.ENTRY,
            Leg.TAKE_PROFIT,
            Leg.STOP_LOSS,
        ]
        assert {o.member.group for o in (entry, gain, loss) if o.member} == {entry.id}
        assert (gain.side, gain.type, gain.limit_price) == (c.Side.SELL, OrderType.LIMIT, 12)
        assert loss.stop is not None
        assert (loss.type, loss.stop.price, loss.limit_price) == (OrderType.STOP_LIMIT, 9, D("8.9"))
        assert (gain.hold, loss.hold, stand.account.reserved) == (0, 0, {})
        assert (gain.reserves, loss.reserves) == (True, False)

    @pytest.mark.parametrize(("exit_", "kind"), [("gain", "limit"), ("loss", "stop")])
    def test_an_oto_order_brings_one(self, stand: Stand, exit_: str, kind: str) -> None:
        price = {"gain": "12", "loss": "9"}[exit_]
        _, leg = stand.group("buy", "10", cls="oto", **{exit_: price})
        assert (stand.open(leg).type, stand.open(leg).reserves) == (kind, True)

    def test_an_oco_order_is_two_exits_that_work_and_share_their_shares(self, stand: Stand) -> None:
        stand.own("10")
        gain, loss = (stand.open(i) for i in stand.group("sell", "10", "12", cls="oco", loss="9"))
        assert (gain.status, loss.status) == (OrderStatus.NEW, OrderStatus.NEW)
        assert gain.member is not None
        assert gain.member.leg is Leg.TAKE_PROFIT
        assert (gain.side, loss.side) == (c.Side.SELL, c.Side.SELL)
        assert stand.account.reserved == {AAA: 10}

    @pytest.mark.parametrize(
        ("side", "limit", "terms"),
        [
            ("buy", "10.00", {"cls": "bracket", "gain": "10.00", "loss": "9"}),
            ("buy", "10.00", {"cls": "bracket", "gain": "12", "loss": "10.00"}),
            ("buy", None, {"cls": "oto", "gain": "9"}),
            ("buy", None, {"cls": "oto", "loss": "11"}),
            ("sell", "10.00", {"cls": "bracket", "gain": "12", "loss": "9"}),
            ("sell", "9.50", {"cls": "oco", "loss": "9"}),
            ("sell", "12", {"cls": "oco", "loss": "10.50"}),
        ],
    )
    def test_exits_lie_on_their_own_side(
        self, stand: Stand, side: str, limit: str | None, terms: dict[str, Any]
    ) -> None:
        stand.own("10")
        assert stand.refused(side, "5", limit, **terms) is Reason.GROUP_PRICES
        assert stand.account.orders == {}

    def test_exits_are_on_their_tick(self, stand: Stand) -> None:
        assert stand.refused("buy", "1", cls="bracket", gain="12.001", loss="9") is Reason.OFF_TICK
        assert stand.refused("buy", "1", cls="bracket", gain="12", loss="9.001") is Reason.OFF_TICK

    def test_an_oco_order_ends_something_that_is_held(self, stand: Stand) -> None:
        assert stand.refused("sell", "1", "12", cls="oco", loss="9") is Reason.INSUFFICIENT_QUANTITY
        assert stand.refused("buy", "1", "9", cls="oco", loss="12") is Reason.INSUFFICIENT_QUANTITY

    def test_only_the_parent_has_the_callers_name_for_it(self, stand: Stand) -> None:
        ids = stand.group("buy", "1", cls="bracket", gain="12", loss="9", client_order_id="mine")
        assert [stand.open(order_id).client_order_id for order_id in ids] == ["mine", "", ""]

    def test_exits_end_when_their_entry_would(self, stand: Stand) -> None:
        for tif, end in (("day", 101 * DAY), ("gtc", None)):
            ids = stand.group("buy", "1", cls="bracket", gain="12", loss="9", tif=tif)
            assert {stand.open(order_id).expires_at for order_id in ids} == {end}
            stand.do(c.CancelOrder(ids[0]))

    def test_all_or_none_of_a_group_is_placed(self, stand: Stand) -> None:
        decision = stand.do(stand.order("buy", "1000", cls="bracket", gain="12", loss="9"))
        assert kinds(decision) == ["OrderRefused"]


class TestReplacing:
    def replace(self, stand: Stand, order_id: UUID, **changes: Any) -> UUID:
        new = stand.id()
        decision = stand.do(c.ReplaceOrder(order_id, new, **changes))
        assert decision.refusal is None, decision.refusal
        return new

    def test_the_new_order_may_use_what_the_old_one_held(self, stand: Stand) -> None:
        old = stand.place("buy", "90", "10.00")
        decision = stand.do(c.ReplaceOrder(old, stand.id(), limit_price=D("11")))
        assert kinds(decision) == ["OrderReplaced", "OrderPlaced"]
        assert placed(stand).replaces == old
        assert stand.account.held == D("990.099001")

    def test_a_sale_may_use_what_the_old_one_reserved(self, stand: Stand) -> None:
        stand.own("10")
        old = stand.place("sell", "10", "12")
        self.replace(stand, old, limit_price=D("11"))
        assert stand.account.reserved == {AAA: 10}

    def test_other_orders_keep_what_they_hold(self, stand: Stand) -> None:
        stand.place("buy", "50", "10.00")
        old = stand.place("buy", "40", "10.00")
        decision = stand.do(c.ReplaceOrder(old, stand.id(), qty=D(60)))
        assert reason(decision) is Reason.INSUFFICIENT_BUYING_POWER
        stand.own("1")
        stand.place("sell", "1", "12")
        sale = stand.place("buy", "1", "9.00")
        assert reason(stand.do(c.ReplaceOrder(sale, stand.id(), qty=D(90)))) is (
            Reason.INSUFFICIENT_BUYING_POWER
        )

    def test_a_refused_replacement_leaves_the_old_order_as_it_was(self, stand: Stand) -> None:
        old = stand.place("buy", "90", "10.00")
        decision = stand.do(c.ReplaceOrder(old, stand.id(), qty=D(200)))
        assert kinds(decision) == ["OrderRefused"]
        assert list(stand.account.orders) == [old]

    def test_the_quantity_is_the_total_with_what_was_filled(self, stand: Stand) -> None:
        old = stand.place("buy", "10", "10.00")
        stand.fill(old, "4", "10")
        assert reason(stand.do(c.ReplaceOrder(old, stand.id(), qty=D(4)))) is Reason.NOTHING_TO_CHANGE
        assert stand.open(self.replace(stand, old, qty=D(7))).qty == 3

    @pytest.mark.parametrize(
        "change",
        [{}, {"qty": D(10)}, {"limit_price": D("10.00")}, {"time_in_force": TimeInForce.DAY}],
    )
    def test_no_change_is_refused(self, stand: Stand, change: dict[str, Any]) -> None:
        old = stand.place("buy", "10", "10.00")
        assert reason(stand.do(c.ReplaceOrder(old, stand.id(), **change))) is Reason.NOTHING_TO_CHANGE

    @pytest.mark.parametrize("change", ["limit_price", "stop_price", "trail"])
    def test_an_order_gets_no_price_that_its_type_has_not(self, stand: Stand, change: str) -> None:
        old = stand.place("buy", "10")
        decision = stand.do(c.ReplaceOrder(old, stand.id(), qty=D(5), **{change: D(10)}))
        assert reason(decision) is Reason.NOTHING_TO_CHANGE
        assert stand.open(self.replace(stand, old, qty=D(5))).qty == 5

    def test_the_time_in_force_may_change(self, stand: Stand) -> None:
        new = stand.open(self.replace(stand, stand.place("buy", "1", "9.00"), time_in_force=TimeInForce.GTC))
        assert (new.time_in_force, new.expires_at) == (TimeInForce.GTC, None)

    def test_a_change_nobody_could_order_is_refused(self, stand: Stand) -> None:
        old = stand.place("buy", "1", type="stop", stop_price="11")
        decision = stand.do(c.ReplaceOrder(old, stand.id(), time_in_force=TimeInForce.IOC))
        assert reason(decision) is Reason.NOT_REPLACEABLE

    def test_an_order_for_a_value_is_not_replaced(self, stand: Stand) -> None:
        old = stand.place("buy", None, notional="100")
        assert reason(stand.do(c.ReplaceOrder(old, stand.id(), qty=D(5)))) is Reason.NOT_REPLACEABLE

    def test_an_order_the_broker_has_not_answered_for_is_not_replaced(self) -> None:
        stand = Stand(broker="elsewhere")
        old = stand.place("buy", "1", "9.00")
        change = c.ReplaceOrder(old, stand.id(), qty=D(5))
        assert reason(stand.do(change)) is Reason.NOT_REPLACEABLE
        stand.do(c.LoseSightOfOrder(old))
        assert reason(stand.do(change)) is Reason.NOT_REPLACEABLE
        stand.do(c.AcceptOrder(old))
        assert stand.do(change).refusal is None
        assert stand.open(change.new_order_id).status is OrderStatus.PENDING_NEW

    def test_a_stop_moves_until_it_is_reached(self, stand: Stand) -> None:
        old = stand.place("buy", "1", "12", type="stop_limit", stop_price="11")
        new = self.replace(stand, old, stop_price=D("11.50"))
        stop = stand.open(new).stop
        assert stop is not None
        assert stop.price == D("11.5")
        stand.do(c.TriggerOrder(new, D("11.50")))
        decision = stand.do(c.ReplaceOrder(new, stand.id(), stop_price=D("11.60")))
        assert reason(decision) is Reason.NOT_REPLACEABLE
        newest = stand.open(self.replace(stand, new, limit_price=D("12.50")))
        assert newest.stop is not None
        assert newest.stop.triggered_at is not None

    def test_a_trailing_stop_keeps_the_best_price_it_has_seen(self, stand: Stand) -> None:
        stand.own("1")
        old = stand.place("sell", "1", type="trailing_stop", trail_percent="10")
        stand.do(c.MoveTrailingMark(old, D(12)))
        stop = stand.open(self.replace(stand, old, trail=D(5))).stop
        assert stop is not None
        assert (stop.hwm, stop.price, stop.trail_percent, stop.trail_price) == (12, D("11.4"), 5, None)

    def test_what_is_not_changed_goes_along(self, stand: Stand) -> None:
        stand.own("2")
        stand.own("2")
        old = stand.place("sell", "2", "11.00", lots=(2,), extended_hours=True, tif="gtc")
        new = stand.open(self.replace(stand, old, limit_price=D("11.50"), client_order_id="mine"))
        assert (new.lots, new.extended_hours, new.time_in_force) == ((2,), True, TimeInForce.GTC)
        assert (new.qty, new.client_order_id) == (2, "mine")

    def test_an_ended_order_is_not_replaced(self, stand: Stand) -> None:
        decision = stand.do(c.ReplaceOrder(UUID(int=5), stand.id(), qty=D(5)))
        assert reason(decision) is Reason.ORDER_NOT_OPEN

    def test_a_halt_stops_replacements(self, stand: Stand) -> None:
        entry, gain, _ = stand.group("buy", "1", "9.00", cls="bracket", gain="12", loss="8")
        stand.do(c.PauseTrading("lunch"))
        for order_id in (entry, gain):
            decision = stand.do(c.ReplaceOrder(order_id, stand.id(), limit_price=D("9.50")))
            assert reason(decision) is Reason.ACCOUNT_HALTED

    @pytest.mark.parametrize("first", ["cancel", "replace", "fill"])
    @pytest.mark.parametrize("second", ["cancel", "replace", "fill"])
    def test_a_race_ends_in_a_legal_state(self, stand: Stand, first: str, second: str) -> None:
        order_id = stand.place("buy", "10", "10.00")
        race: dict[str, c.Command] = {
            "cancel": c.CancelOrder(order_id),
            "replace": c.ReplaceOrder(order_id, stand.id(), qty=D(5)),
            "fill": stand.report(order_id, "10", "10"),
        }
        assert stand.do(race[first]).refusal is None
        assert reason(stand.do(race[second])) is Reason.ORDER_NOT_OPEN


class TestReplacingMembers:
    def bracket(self, stand: Stand) -> list[UUID]:
        return stand.group("buy", "10", "10.00", cls="bracket", gain="12", loss="9")

    def test_an_entry_keeps_its_exits_and_passes_its_quantity_on(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        stand.fill(entry, "4", "10")
        new = stand.id()
        decision = stand.do(c.ReplaceOrder(entry, new, qty=D(8), limit_price=D("10.50")))
        assert kinds(decision) == ["OrderReplaced", "LegResized", "LegResized", "OrderPlaced"]
        assert (stand.open(new).qty, stand.open(gain).qty, stand.open(loss).qty) == (4, 8, 8)
        member = stand.open(new).member
        assert member is not None
        assert member.group == entry
        stand.fill(new, "4", "10")
        assert (stand.open(gain).status, stand.open(gain).qty) == (OrderStatus.NEW, 8)

    def test_an_exit_that_waits_keeps_waiting(self, stand: Stand) -> None:
        _, gain, loss = self.bracket(stand)
        new = stand.id()
        stand.do(c.ReplaceOrder(gain, new, limit_price=D(13)))
        order = stand.open(new)
        assert (order.status, order.limit_price, order.hold) == (OrderStatus.HELD, 13, 0)
        assert stand.account.reserved == {}
        decision = stand.do(c.ReplaceOrder(loss, stand.id(), qty=D(5)))
        assert reason(decision) is Reason.NOT_REPLACEABLE

    def test_the_exit_of_a_short_sale_keeps_waiting_too(self) -> None:
        stand = Stand(kind="margin")
        _, _, loss = stand.group("sell", "10", "10.00", cls="bracket", gain="8", loss="11")
        new = stand.id()
        assert stand.do(c.ReplaceOrder(loss, new, stop_price=D("11.50"))).refusal is None
        assert (stand.open(new).status, stand.open(new).hold) == (OrderStatus.HELD, 0)

    def test_a_waiting_exit_may_be_replaced_beside_other_sales(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("sell", "5", "11.50")
        _, gain, _ = self.bracket(stand)
        assert stand.do(c.ReplaceOrder(gain, stand.id(), limit_price=D(13))).refusal is None

    def test_a_replaced_exit_still_ends_with_the_other(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        new = stand.id()
        stand.do(c.ReplaceOrder(gain, new, limit_price=D(13)))
        stand.fill(entry, "10", "10")
        stand.fill(loss, "10", "9")
        assert stand.account.orders == {}

    def test_the_prices_of_a_group_keep_their_order(self, stand: Stand) -> None:
        entry, gain, loss = self.bracket(stand)
        for order_id, change in (
            (entry, {"limit_price": D(12)}),
            (gain, {"limit_price": D("9.50")}),
            (loss, {"stop_price": D("10.00")}),
        ):
            decision = stand.do(c.ReplaceOrder(order_id, stand.id(), **change))
            assert reason(decision) is Reason.GROUP_PRICES

    def test_two_exits_stay_for_the_same_shares(self, stand: Stand) -> None:
        stand.own("10")
        gain, loss = stand.group("sell", "10", "12", cls="oco", loss="9")
        new = stand.id()
        stand.do(c.ReplaceOrder(loss, new, qty=D(6), stop_price=D("9.20")))
        assert (stand.open(gain).qty, stand.open(new).qty) == (6, 6)
        assert stand.account.reserved == {AAA: 6}
        decision = stand.do(c.ReplaceOrder(gain, stand.id(), qty=D(11)))
        assert reason(decision) is Reason.INSUFFICIENT_QUANTITY
        assert stand.do(c.ReplaceOrder(gain, stand.id(), qty=D(10))).refusal is None
        assert stand.account.reserved == {AAA: 10}

    def test_an_exit_is_for_no_more_than_its_entry_bought(self, stand: Stand) -> None:
        stand.own("10")
        entry, gain, loss = self.bracket(stand)
        stand.fill(entry, "10", "10")
        for exit_id in (gain, loss):
            decision = stand.do(c.ReplaceOrder(exit_id, stand.id(), qty=D(11)))
            assert reason(decision) is Reason.NOT_REPLACEABLE
        new = stand.id()
        assert stand.do(c.ReplaceOrder(gain, new, qty=D(4))).refusal is None
        assert (stand.open(new).qty, stand.open(loss).qty) == (4, 4)

    def test_members_take_whole_shares_and_last(self, stand: Stand) -> None:
        entry, gain, _ = self.bracket(stand)
        for order_id, change in (
            (entry, {"qty": D("9.5")}),
            (entry, {"time_in_force": TimeInForce.IOC}),
            (gain, {"time_in_force": TimeInForce.FOK}),
        ):
            decision = stand.do(c.ReplaceOrder(order_id, stand.id(), **change))
            assert reason(decision) is Reason.NOT_REPLACEABLE


@pytest.mark.parametrize(
    "terms",
    [
        {"qty": None},
        {"notional": "5"},
        {"qty": None, "notional": "5", "tif": "gtc"},
        {"qty": "0.5", "tif": "ioc"},
        {"type": "stop", "stop_price": "11", "tif": "opg"},
        {"type": "stop"},
        {"type": "trailing_stop"},
        {"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"},
        {"extended_hours": True},
        {"lots": (1,)},
        {"cls": "bracket", "gain": "12"},
        {"cls": "oto", "gain": "12", "loss": "9"},
        {"cls": "oco", "loss": "9"},
        {"cls": "oto", "gain": "12", "qty": "1.5"},
        {"cls": "oto", "gain": "12", "tif": "cls"},
    ],
)
def test_an_order_that_makes_no_sense_cannot_be_made(stand: Stand, terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        stand.order("buy", **{"qty": "1", **terms})


def test_only_the_table_changes_a_status(stand: Stand) -> None:
    order = stand.open(stand.place("buy", "1"))
    for status in (OrderStatus.HELD, OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN, OrderStatus.NEW):
        with pytest.raises(IllegalTransition):
            order.become(status)
