"""The rules of matching on bars, order type by order type, with the engine behind them."""

from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.floor import AAA, DAY, FREE, Floor, bar, kinds, order
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.bars import Bar
from traderbot.model.orders import Leg, Member, OrderClass, OrderStatus, OrderType, Stop, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import Moment

pytestmark = pytest.mark.domain

D = Decimal
MIDDAY, OPENING, CLOSING = Moment(), Moment(opens=True), Moment(closes=True)
GTC = {"tif": "gtc"}


@pytest.fixture
def floor() -> Floor:
    return Floor()


class TestStops:
    @pytest.mark.parametrize(
        ("side", "stop", "prices", "fill"),
        [
            ("buy", "105", "100 106 99 104", "105"),  # reached within the bar: the stop price
            ("buy", "105", "100 105 99 104", "105"),  # a touch wakes it
            ("buy", "105", "108 109 107 108", "108"),  # a gap: the open
            ("buy", "105", "100 104.99 99 104", None),
            ("sell", "95", "100 101 94 96", "95"),
            ("sell", "95", "90 101 89 96", "90"),
            ("sell", "95", "100 101 95.01 96", None),
        ],
    )
    def test_a_stop_takes_the_worse_of_its_price_and_the_open(
        self, floor: Floor, side: str, stop: str, prices: str, fill: str | None
    ) -> None:
        floor.own()
        floor.ask(side, "10", stop_price=stop, **GTC)
        reports = floor.see(prices)
        if fill is None:
            assert reports == []
            assert len(floor.account.orders) == 1
        else:
            assert kinds(reports) == ["TriggerOrder", "RecordExecution"]
            assert reports[0].price == D(fill)
            assert floor.fills()[1:] == [(side, "10", fill)]

    def test_slippage_moves_a_stop_further(self) -> None:
        floor = Floor(Costs(D(0), D("0.001"), D(1)))
        floor.ask("buy", "10", stop_price="105", **GTC)
        floor.see("100 106 99 104")
        assert floor.fills() == [("buy", "10", "105.105")]

    def test_a_stop_that_woke_without_a_fill_takes_the_next_open(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.ask("buy", "10", stop_price="105", **GTC)
        assert kinds(floor.see("100 106 99 104", volume=5)) == ["TriggerOrder"]
        assert kinds(floor.see("103 103 101 102")) == ["RecordExecution"]
        assert floor.fills() == [("buy", "10", "103")]

    def test_a_bar_without_trades_wakes_nothing(self, floor: Floor) -> None:
        floor.ask("buy", "10", stop_price="105", **GTC)
        assert floor.see("110 110 110 110", volume=0) == []


class TestStopLimits:
    @pytest.mark.parametrize(
        ("side", "stop", "limit", "prices", "fill"),
        [
            (
                "buy",
                "105",
                "106",
                "100 110 99 105.5",
                "106",
            ),  # the close lies beyond the limit
            ("buy", "105", "106", "100 110 99 106", None),  # it may have gone from 105 to 110 at once
            ("buy", "105", "106", "105.5 110 105 109", "105.5"),  # woke at the open, within the limit
            ("buy", "105", "106", "108 110 105 109", "106"),  # woke at the open: all of the bar comes after
            ("buy", "105", "106", "108 110 106 109", None),
            ("sell", "95", "94", "100 101 90 94.5", "94"),
            ("sell", "95", "94", "100 101 90 94", None),
            ("sell", "95", "94", "93 94.5 90 91", "94"),
        ],
    )
    def test_the_bar_it_wakes_on(
        self, floor: Floor, side: str, stop: str, limit: str, prices: str, fill: str | None
    ) -> None:
        floor.own()
        floor.ask(side, "10", limit, stop_price=stop, **GTC)
        reports = floor.see(prices)
        assert kinds(reports) == ["TriggerOrder", "RecordExecution"][: 1 if fill is None else 2]
        assert floor.fills()[1:] == ([] if fill is None else [(side, "10", fill)])

    def test_awake_it_is_a_limit_order(self, floor: Floor) -> None:
        floor.ask("buy", "10", "106", stop_price="105", **GTC)
        floor.see("100 110 99 109")
        assert floor.see("107 108 106 107") == []
        floor.see("107 108 105.9 107")
        assert floor.fills() == [("buy", "10", "106")]


class TestTrailingStops:
    def test_it_is_compared_with_the_mark_before_the_bar_then_follows_the_bar(self, floor: Floor) -> None:
        floor.own()
        stop = floor.ask("sell", "10", trail_price="5", **GTC)
        # from 100 the stop is at 95: the fall from 120 to 101 within the bar does not count
        assert floor.see("100 120 96 101") == [c.MoveTrailingMark(stop, D(120))]
        assert floor.account.orders[stop].stop == Stop(D(115), trail_price=D(5), hwm=D(120))
        assert kinds(floor.see("101 119 100 118")) == ["TriggerOrder", "RecordExecution"]
        assert floor.fills()[1:] == [("sell", "10", "101")]

    def test_a_bar_that_makes_no_new_best_moves_nothing(self, floor: Floor) -> None:
        floor.own()
        floor.ask("sell", "10", trail_percent="5", **GTC)
        assert floor.see("100 100 96 98") == []

    def test_a_buy_follows_the_lowest(self) -> None:
        floor = Floor(kind=AccountKind.MARGIN)
        stop = floor.ask("buy", "10", trail_percent="10", **GTC)
        assert floor.see("100 105 80 85") == [c.MoveTrailingMark(stop, D(80))]
        assert kinds(floor.see("85 89 84 88")) == ["TriggerOrder", "RecordExecution"]
        assert floor.fills() == [("buy", "10", "88")]


class TestGroups:
    def test_of_two_exits_one_bar_could_fill_the_stop_fills(self, floor: Floor) -> None:
        floor.own()
        stop = UUID(int=77)
        loss = c.StopLoss(stop, D(90))
        gain = floor.ask("sell", "100", "110", order_class=OrderClass.OCO, stop_loss=loss, **GTC)
        assert kinds(floor.see("100 120 80 100")) == ["TriggerOrder", "RecordExecution"]
        assert floor.fills()[1:] == [("sell", "100", "90")]
        assert not floor.account.orders
        assert any(isinstance(event, e.OrderCancelled) and event.order_id == gain for event in floor.events)

    def test_the_take_profit_ends_the_stop(self, floor: Floor) -> None:
        floor.own()
        floor.ask("sell", "100", "110", order_class=OrderClass.OCO,
                  stop_loss=c.StopLoss(UUID(int=77), D(90)))  # fmt: skip
        assert kinds(floor.see("100 120 91 100")) == ["RecordExecution"]
        assert floor.fills()[1:] == [("sell", "100", "110")]
        assert not floor.account.orders

    def test_a_stop_filled_in_part_keeps_the_take_profit_away_for_that_bar(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.own()
        floor.ask("sell", "100", "110", order_class=OrderClass.OCO,
                  stop_loss=c.StopLoss(UUID(int=77), D(90)), **GTC)  # fmt: skip
        assert kinds(floor.see("100 120 80 100", volume=400)) == ["TriggerOrder", "RecordExecution"]
        floor.see("111 120 80 100")
        assert floor.fills()[1:] == [("sell", "40", "90"), ("sell", "60", "111")]
        assert not floor.account.orders

    def test_one_report_ends_the_day_of_a_whole_group(self, floor: Floor) -> None:
        floor.own()
        gain = floor.ask("sell", "100", "110", order_class=OrderClass.OCO,
                         stop_loss=c.StopLoss(UUID(int=77), D(90)))  # fmt: skip
        assert kinds(floor.see("100 101 99 100")) == ["ExpireOrder"]
        assert not floor.account.orders
        assert gain not in floor.account.orders

    def test_a_take_profit_alone(self, floor: Floor) -> None:
        terms = {"order_class": OrderClass.OTO, "take_profit": c.TakeProfit(UUID(int=77), D(110)), **GTC}
        floor.ask("buy", "10", **terms)
        floor.see("100 101 99 100")
        assert floor.see("100 110 99 100") == []
        floor.see("100 110.5 99 100")
        assert floor.fills() == [("buy", "10", "100"), ("sell", "10", "110")]

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_the_stop_comes_first_whichever_was_placed_first(self, newest_first: bool) -> None:
        group = UUID(int=9)
        made = [
            order("sell", id=UUID(int=9), limit_price="110",
                  member=Member(group, Leg.TAKE_PROFIT, OrderClass.OCO)),
            order("sell", id=UUID(int=10), type=OrderType.STOP, stop=Stop(D(90)),
                  member=Member(group, Leg.STOP_LOSS, OrderClass.OCO)),
        ]  # fmt: skip
        if newest_first:
            made.reverse()
        reports = SimulatedBroker(FREE).reports(made, {AAA: bar("100 120 80 100")}, DAY)
        assert [report.order_id.int for report in reports] == [10, 10]


class TestTheEntrysBar:
    def test_a_stop_reached_by_the_bar_counts_as_reached_after_the_entry(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="110", loss="90", **GTC)
        reports = floor.see("100 120 85 115")
        assert kinds(reports) == ["RecordExecution", "TriggerOrder", "RecordExecution"]
        assert floor.fills() == [("buy", "10", "100"), ("sell", "10", "90")]
        assert not floor.account.orders

    def test_a_take_profit_waits_for_the_next_bar(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="110", loss="90", **GTC)
        assert kinds(floor.see("100 120 95 115")) == ["RecordExecution"]
        assert len(floor.account.orders) == 2
        floor.see("112 113 111 112")
        assert floor.fills()[1:] == [("sell", "10", "112")]
        assert not floor.account.orders

    def test_an_entry_beyond_the_stop_leaves_at_its_own_price(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="110", loss="95", limit="100", **GTC)
        floor.see("93 96 92.5 94")
        assert floor.fills() == [("buy", "10", "93"), ("sell", "10", "93")]

    def test_an_entry_within_the_bar_leaves_at_the_stop_not_at_the_open_before_it(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="120", loss="102", stop_price="105", **GTC)
        floor.see("101 106 101 105")
        assert floor.fills() == [("buy", "10", "105"), ("sell", "10", "102")]

    def test_a_stop_limit_leaves_only_where_the_close_lies_beyond_its_limit(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="110", loss="90", loss_limit="89", **GTC)
        floor.see("100 101 85 88")
        assert floor.fills() == [("buy", "10", "100")]
        floor.see("88 91 87 90")
        assert floor.fills()[1:] == [("sell", "10", "89")]

    def test_a_short_bracket_mirrors_it(self) -> None:
        floor = Floor(kind=AccountKind.MARGIN)
        floor.bracket("sell", "10", gain="90", loss="110", **GTC)
        floor.see("100 111 80 85")
        assert floor.fills() == [("sell", "10", "100"), ("buy", "10", "110")]

    def test_exits_of_the_day_expire_with_it(self, floor: Floor) -> None:
        floor.bracket("buy", "10", gain="110", loss="90")
        assert kinds(floor.see("100 101 99 100")) == ["RecordExecution", "ExpireOrder"]
        assert not floor.account.orders

    def test_what_the_entry_took_of_the_volume_is_gone(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.bracket("buy", "10", gain="110", loss="90", **GTC)
        reports = floor.see("100 101 85 95", volume=120)
        assert kinds(reports) == ["RecordExecution", "TriggerOrder", "RecordExecution"]
        assert floor.fills() == [("buy", "10", "100"), ("sell", "2", "90")]

    def test_an_entry_filled_in_part_activates_nothing(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        _, gain, _ = floor.bracket("buy", "10", gain="110", loss="90", **GTC)
        assert kinds(floor.see("100 120 80 100", volume=50)) == ["RecordExecution"]
        assert floor.account.orders[gain].status is OrderStatus.HELD


class TestTimesInForce:
    def test_ioc_takes_what_the_next_open_gives_and_no_more(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        asked = floor.ask("buy", "10", tif="ioc")
        fill, cancel = floor.see("100 101 99 100", volume=40)
        assert (fill.qty, cancel) == (4, c.CancelOrder(asked, Reason.NOT_FILLED_AT_ONCE))

    def test_an_ioc_limit_does_not_wait_for_the_bar_to_come_to_it(self, floor: Floor) -> None:
        floor.ask("buy", "10", "99", tif="ioc")
        assert kinds(floor.see("100 101 90 91")) == ["CancelOrder"]

    def test_an_ioc_order_whose_symbol_does_not_trade_is_cancelled(self, floor: Floor) -> None:
        floor.ask("buy", "10", tif="ioc")
        assert kinds(floor.see(bar("50 50 50 50", symbol="BBB", time=floor.time))) == ["CancelOrder"]

    def test_fok_is_all_or_nothing(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.ask("buy", "10", tif="fok")
        assert kinds(floor.see("100 101 99 100", volume=99)) == ["CancelOrder"]
        floor.ask("buy", "10", tif="fok")
        assert kinds(floor.see("100 101 99 100", volume=100)) == ["RecordExecution"]

    def test_fok_that_its_hold_cannot_pay_whole_is_cancelled(self) -> None:
        floor = Floor(cash="1600")
        floor.ask("buy", "10", tif="fok")
        assert kinds(floor.see("200 200 200 200")) == ["CancelOrder"]

    def test_opg_waits_for_the_next_opening_price(self, floor: Floor) -> None:
        floor.ask("buy", "10", tif="opg")
        assert floor.see("100 101 99 100", session=MIDDAY) == []
        assert floor.see("100 101 99 100", session=CLOSING) == []
        floor.see("103 104 99 100", session=OPENING)
        assert floor.fills() == [("buy", "10", "103")]

    def test_opg_beyond_its_limit_is_cancelled(self, floor: Floor) -> None:
        asked = floor.ask("buy", "10", "102", tif="opg")
        reports = floor.see("103 104 99 100", session=OPENING)
        assert reports == [c.CancelOrder(asked, Reason.NOT_FILLED_AT_ONCE)]

    def test_cls_takes_the_close_alone(self, floor: Floor) -> None:
        floor.ask("buy", "10", tif="cls")
        assert floor.see(bar("100 101 99 100", time=floor.time), session=MIDDAY) == []
        floor.see(bar("100 101 99 100.5", time=floor.time), session=CLOSING)
        assert floor.fills() == [("buy", "10", "100.5")]

    def test_cls_beyond_its_limit_is_cancelled(self, floor: Floor) -> None:
        floor.ask("buy", "10", "100", tif="cls")
        assert kinds(floor.see("99 101 98 100.5")) == ["CancelOrder"]

    def test_a_daily_bar_is_opening_and_close(self, floor: Floor) -> None:
        floor.ask("buy", "10", tif="opg")
        floor.ask("buy", "20", tif="cls")
        floor.see("99 101 98 100.5")
        assert floor.fills() == [("buy", "10", "99"), ("buy", "20", "100.5")]

    def test_outside_regular_hours_only_those_that_asked_for_it(self, floor: Floor) -> None:
        early = Moment(regular=False)
        floor.ask("buy", "10")
        floor.ask("buy", "20", "101", extended_hours=True)
        floor.see(bar("100 101 99 100", time=floor.time), session=early)
        assert floor.fills() == [("buy", "20", "100")]


class TestNotionals:
    def test_a_buy_is_for_what_the_money_pays_at_the_price(self, floor: Floor) -> None:
        floor.ask("buy", None, notional="1000")
        (report,) = floor.see("130 131 129 130")
        assert (report.qty, report.completes) == (D("7.692307692"), True)
        assert not floor.account.orders
        assert floor.account.cash == 1_000_000 - D("1000.000000") + D("0.00")

    def test_with_too_little_volume_it_stays_open_for_the_rest_of_the_money(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.ask("buy", None, notional="1000")
        fill, expiry = floor.see("100 100 100 100", volume=40)
        assert (fill.qty, fill.completes, type(expiry)) == (4, False, c.ExpireOrder)

    def test_the_rest_buys_at_the_next_price(self) -> None:
        floor = Floor(Costs(D(0), D(0), D("0.1")))
        floor.ask("buy", None, notional="1000")
        floor.see(bar("100 100 100 100", 40, floor.time), session=MIDDAY)
        floor.see(bar("80 80 80 80", time=floor.time + 1), session=MIDDAY)
        assert floor.fills() == [("buy", "4", "100"), ("buy", "7.5", "80")]
        assert not floor.account.orders

    def test_a_sale_brings_in_the_money_and_no_more(self, floor: Floor) -> None:
        floor.own()
        before = floor.account.cash
        floor.ask("sell", None, notional="1000")
        floor.see("120 121 119 120")
        assert floor.fills()[1:] == [("sell", "8.333333333", "120")]
        assert floor.account.cash == before + D("1000")


class TestMargin:
    def test_an_exit_has_no_cap(self) -> None:
        floor = Floor(kind=AccountKind.MARGIN, cash="3000")
        floor.ask("sell", "30")
        floor.see("100 100 100 100")
        floor.ask("buy", "30")
        floor.see("400 400 400 400")
        assert floor.fills()[1:] == [("buy", "30", "400")]
        assert floor.account.cash < 0


class TestLatency:
    def test_an_order_takes_part_once_it_is_there(self) -> None:
        broker = SimulatedBroker(Costs(D(0), D(0), D(1), latency=5))
        made = [order(placed_at=DAY)]
        one = bar("100 101 99 100", time=DAY + 4)
        assert broker.reports(made, {AAA: one}, DAY + 4, OPENING) == []
        late = bar("100 101 99 100", time=DAY + 6)
        assert len(broker.reports(made, {AAA: late}, DAY + 6, OPENING)) == 1

    def test_a_bar_that_opened_before_it_was_there_gives_nothing(self) -> None:
        broker = SimulatedBroker(Costs(D(0), D(0), D(1), latency=5))
        bars = two_bars(DAY, DAY + 60)
        assert broker.reports([order(placed_at=DAY)], {AAA: bars}, DAY + 60, MIDDAY) == []
        assert len(broker.reports([order(placed_at=DAY - 5)], {AAA: bars}, DAY + 60, MIDDAY)) == 1


def two_bars(first: int, second: int) -> Bar:
    column = np.array([100.0, 100.0])
    made = Bar(AAA, np.array([first, second]), column, column, column, column, np.array([1e6, 1e6]))
    made.move(1)
    return made


def test_a_waiting_or_unknown_order_is_not_matched() -> None:
    waits = (OrderStatus.HELD, OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
    made = [order(status=status, expires_at=DAY) for status in waits]
    assert SimulatedBroker(FREE).reports(made, {AAA: bar("100 101 99 100")}, DAY) == []


prices = st.integers(500, 15_000).map(lambda cents: D(cents) / 100)
shapes = st.tuples(prices, prices, prices, prices)
types = st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing"])


def drawn_order(number: int, kind: str, side: str, limit: Decimal, stop: Decimal, qty: int) -> object:
    terms: dict[str, object] = {"id": UUID(int=number), "qty": str(qty)}
    if kind in ("limit", "stop_limit"):
        terms["limit_price"] = limit
    if kind in ("stop", "stop_limit"):
        terms |= {"stop": Stop(stop), "type": OrderType(kind)}
    if kind == "trailing":
        terms |= {"stop": Stop(stop, trail_price=D(1), hwm=stop), "type": OrderType.TRAILING_STOP}
    return order(side, **terms)


@given(
    st.lists(st.tuples(types, st.sampled_from(["buy", "sell"]), prices, prices, st.integers(1, 500)),
             min_size=1, max_size=6),
    shapes,
    st.integers(0, 3000),
    st.sampled_from(["0.0001", "0.02"]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_no_fill_beats_its_limit_and_none_takes_more_than_its_share(
    terms: list[tuple[str, str, Decimal, Decimal, int]],
    shape: tuple[Decimal, ...],
    volume: int,
    slippage: str,
) -> None:
    opening, close = shape[:2]
    seen = bar(f"{opening} {max(shape)} {min(shape)} {close}", volume)
    made = [drawn_order(number, *term) for number, term in enumerate(terms, 1)]
    broker = SimulatedBroker(Costs(D(0), D(slippage), D("0.1")))
    reports = broker.reports(made, {AAA: seen}, DAY)
    by_id = {one.id: one for one in made}
    fills = [report for report in reports if isinstance(report, c.RecordExecution)]
    assert sum(fill.qty for fill in fills) <= D(volume) / 10
    for fill in fills:
        filled = by_id[fill.order_id]
        buying = filled.side == "buy"
        assert fill.qty <= filled.remaining
        if filled.limit_price is not None:
            assert fill.price <= filled.limit_price if buying else fill.price >= filled.limit_price
        best = min(shape) if buying else max(shape)
        assert fill.price >= best if buying else fill.price <= best
        if filled.type in (OrderType.STOP, OrderType.TRAILING_STOP):
            assert fill.price >= filled.stop.price if buying else fill.price <= filled.stop.price


@given(st.lists(shapes, min_size=2, max_size=6), st.integers(1, 5), types | st.just("bracket"), shapes)
@settings(max_examples=60, deadline=None)
def test_what_comes_later_changes_no_report(
    bars: list[tuple[Decimal, ...]], cut: int, kind: str, other: tuple[Decimal, ...]
) -> None:
    def play(shown: list[tuple[Decimal, ...]]) -> list[list[c.Command]]:
        floor = Floor(Costs(participation=D("0.01")))
        limit = "99" if kind in ("limit", "stop_limit") else None
        terms = {"stop_price": "101"} if kind.startswith("stop") else {}
        if kind == "trailing":
            terms = {"trail_price": "2"}
        if kind == "bracket":
            floor.bracket("buy", "50", gain="120", loss="80", **GTC)
        else:
            floor.ask("buy", "100", limit, **terms, **GTC)
        return [floor.see(f"{shape[0]} {max(shape)} {min(shape)} {shape[1]}", volume=3000) for shape in shown]

    cut = min(cut, len(bars) - 1)
    assert play(bars)[:cut] == play([*bars[:cut], *[other] * (len(bars) - cut)])[:cut]


def test_memory_is_not_needed_for_bars() -> None:
    made = [order(), order(id=UUID(int=2), time_in_force=TimeInForce.DAY, expires_at=DAY)]
    broker, seen = SimulatedBroker(Costs(participation=D("0.0001"))), {AAA: bar("100 101 99 100")}
    assert broker.reports(made, seen, DAY) == broker.reports(made, seen, DAY, memory=Memory())
