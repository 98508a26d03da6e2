from decimal import Decimal
from uuid import UUID

import pytest

from engine.stand import AAA, Stand, kinds, reason
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand()


@pytest.fixture
def away() -> Stand:
    """An account whose orders go to another broker."""
    return Stand(broker="elsewhere")


def ends(stand: Stand, command: c.Command) -> dict[UUID, Reason | str]:
    """How orders end by a command: the reason of a cancellation, the word for another ending."""
    decision = stand.do(command)
    assert decision.refusal is None
    found: dict[UUID, Reason | str] = {}
    for event in decision.events:
        if isinstance(event, e.OrderCancelled):
            found[event.order_id] = event.reason
        elif isinstance(event, e.OrderExpired | e.OrderRejected):
            found[event.order_id] = type(event).__name__
    return found


class TestEndings:
    def test_cancels_work_under_every_halt(self, stand: Stand) -> None:
        order_id = stand.place("buy", "10")
        stand.do(c.PauseTrading("lunch"))
        stand.do(c.PauseTrading("lunch", AAA))
        assert ends(stand, c.CancelOrder(order_id)) == {order_id: Reason.CANCELED_BY_USER}
        assert stand.account.available == 1000

    def test_what_ended_gives_back_what_it_held(self, stand: Stand) -> None:
        stand.own("10")
        for order_id in (stand.place("buy", "5", "9.00"), stand.place("sell", "5", "12")):
            stand.do(c.ExpireOrder(order_id))
        assert (stand.account.held, stand.account.reserved, stand.account.orders) == (0, {}, {})

    @pytest.mark.parametrize(
        "command",
        [c.CancelOrder, c.ExpireOrder, c.AcceptOrder, c.LoseSightOfOrder],
    )
    def test_what_is_not_open_cannot_end_or_answer(self, stand: Stand, command: type) -> None:
        assert reason(stand.do(command(UUID(int=5)))) is Reason.ORDER_NOT_OPEN

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_a_bracket_ends_with_any_of_its_members(self, stand: Stand, which: int) -> None:
        ids = stand.group("buy", "10", "10.00", cls="bracket", gain="12", loss="9")
        other = stand.place("buy", "1", "9.50")
        found = ends(stand, c.CancelOrder(ids[which]))
        assert found.pop(ids[which]) is Reason.CANCELED_BY_USER
        assert found == {order_id: Reason.GROUP_CANCELED for order_id in ids if order_id != ids[which]}
        assert list(stand.account.orders) == [other]

    def test_expiry_ends_a_group_too(self, stand: Stand) -> None:
        stand.own("10")
        gain, loss = stand.group("sell", "10", "12", cls="oco", loss="9")
        assert ends(stand, c.ExpireOrder(loss)) == {loss: "OrderExpired", gain: Reason.GROUP_CANCELED}
        assert stand.account.reserved == {}

    def test_a_rejected_member_ends_its_group(self, away: Stand) -> None:
        entry, gain = away.group("buy", "10", cls="oto", gain="12")
        found = ends(away, c.RejectOrder(entry, "no"))
        assert found == {entry: "OrderRejected", gain: Reason.GROUP_CANCELED}
        assert away.account.held == 0


class TestAnswers:
    def test_the_broker_has_it(self, away: Stand) -> None:
        order_id = away.place("buy", "1")
        assert kinds(away.do(c.AcceptOrder(order_id))) == ["OrderAccepted"]
        assert away.open(order_id).status is OrderStatus.NEW
        assert away.do(c.AcceptOrder(order_id)).events == ()

    def test_an_unknown_order_waits_for_the_broker_alone(self, away: Stand) -> None:
        order_id = away.place("buy", "1")
        assert kinds(away.do(c.LoseSightOfOrder(order_id))) == ["OrderOutcomeUnknown"]
        for asked in (Reason.CANCELED_BY_USER, Reason.CANCELED_BY_STRATEGY):
            assert reason(away.do(c.CancelOrder(order_id, asked))) is Reason.OUTCOME_UNKNOWN
        assert away.do(c.LoseSightOfOrder(order_id)).events == ()
        assert away.account.held > 0
        away.do(c.AcceptOrder(order_id))
        assert away.do(c.CancelOrder(order_id)).refusal is None

    def test_the_broker_may_say_that_an_unknown_order_ended(self, away: Stand) -> None:
        order_id = away.place("buy", "1")
        away.do(c.LoseSightOfOrder(order_id))
        assert ends(away, c.RejectOrder(order_id, "never heard of it")) == {order_id: "OrderRejected"}

    def test_a_group_ends_but_for_an_unknown_member(self, away: Stand) -> None:
        entry, gain = away.group("buy", "10", cls="oto", gain="12")
        away.do(c.LoseSightOfOrder(entry))
        away.do(c.CancelOrder(gain))
        assert list(away.account.orders) == [entry]

    def test_an_execution_says_that_the_broker_has_it(self, away: Stand) -> None:
        order_id = away.place("buy", "2")
        away.do(c.LoseSightOfOrder(order_id))
        away.fill(order_id, "1", "10")
        assert away.open(order_id).status is OrderStatus.PARTIALLY_FILLED
        assert away.do(c.AcceptOrder(order_id)).events == ()
        assert away.do(c.LoseSightOfOrder(order_id)).events == ()

    def test_an_order_that_is_partly_filled_cannot_be_rejected(self, away: Stand) -> None:
        order_id = away.place("buy", "2")
        away.fill(order_id, "1", "10")
        decision = away.do(c.RejectOrder(order_id, "no"))
        assert reason(decision) is Reason.IMPOSSIBLE_REPORT
        assert kinds(decision) == ["ReportQuarantined"]
        assert AAA in away.account.halted_symbols
        assert order_id in away.account.orders


class TestTriggers:
    def test_a_stop_is_reached_once(self, stand: Stand) -> None:
        order_id = stand.place("buy", "1", type="stop", stop_price="11")
        stand.market.time += 5
        (event,) = stand.do(c.TriggerOrder(order_id, D("11.02"))).events
        assert event == e.OrderTriggered(stand.market.time, order_id, D("11.02"))
        stop = stand.open(order_id).stop
        assert stop is not None
        assert stop.triggered_at == stand.market.time
        assert stand.do(c.TriggerOrder(order_id, D(12))).events == ()

    def test_the_trigger_of_one_exit_does_not_end_the_other(self, stand: Stand) -> None:
        stand.own("10")
        gain, loss = stand.group("sell", "10", "12", cls="oco", loss="9")
        stand.do(c.TriggerOrder(loss, D(9)))
        assert set(stand.account.orders) == {gain, loss}

    def test_what_waits_for_nothing_cannot_be_triggered(self, stand: Stand) -> None:
        limit = stand.place("buy", "1", "9.00")
        _, leg = stand.group("buy", "1", cls="oto", loss="8")
        for order_id in (limit, leg):
            assert reason(stand.do(c.TriggerOrder(order_id, D(9)))) is Reason.IMPOSSIBLE_REPORT

    def test_a_trailing_stop_only_moves_its_owners_way(self, stand: Stand) -> None:
        stand.own("1")
        sale = stand.place("sell", "1", type="trailing_stop", trail_price="0.50")
        buy = stand.place("buy", "1", type="trailing_stop", trail_percent="10")
        for order_id, best, stop in ((sale, "11", "10.50"), (buy, "9.55", "10.51")):
            (event,) = stand.do(c.MoveTrailingMark(order_id, D(best))).events
            assert isinstance(event, e.TrailingMarkMoved)
            assert (event.hwm, event.stop_price) == (D(best), D(stop))
            order = stand.open(order_id)
            assert order.stop is not None
            assert (order.stop.hwm, order.stop.price) == (D(best), D(stop))
        assert stand.do(c.MoveTrailingMark(sale, D("10.99"))).events == ()
        assert stand.do(c.MoveTrailingMark(sale, D(11))).events == ()
        assert stand.do(c.MoveTrailingMark(buy, D("9.56"))).events == ()

    def test_a_stop_that_was_reached_trails_no_more(self, stand: Stand) -> None:
        stand.own("1")
        order_id = stand.place("sell", "1", type="trailing_stop", trail_price="0.50")
        stand.do(c.TriggerOrder(order_id, D("9.50")))
        assert stand.do(c.MoveTrailingMark(order_id, D(15))).events == ()

    def test_only_trailing_stops_trail(self, stand: Stand) -> None:
        order_id = stand.place("buy", "1", type="stop", stop_price="11")
        assert reason(stand.do(c.MoveTrailingMark(order_id, D(9)))) is Reason.IMPOSSIBLE_REPORT

    def test_a_trail_longer_than_the_price_stops_at_one_tick(self) -> None:
        assert rounding.trailing_stop(D(10), D(10), None, buying=False) == D("0.0001")


def test_a_report_is_kept_as_it_came_and_halts_its_symbol(stand: Stand) -> None:
    report = {"event": "fill", "qty": "-3"}
    (event,) = stand.do(c.QuarantineReport(AAA, "a negative quantity", report)).events
    assert event == e.ReportQuarantined(stand.market.time, AAA, "a negative quantity", report)
    assert stand.refused("buy", "1") is Reason.SYMBOL_HALTED
    stand.do(c.RequestResume("yes", AAA))
    stand.do(c.ResumeTrading("yes", AAA))
    stand.place("buy", "1")
