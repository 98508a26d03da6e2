from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.books import AAA, BBB, DAY, Desk, one_bar
from simulation.floor import Floor, bar
from simulation.test_book import levels
from traderbot.engine.decide import decide
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.errors import InvalidValue
from traderbot.model.observations import DepthUpdate, Quote, Trade
from traderbot.model.orders import OrderClass, OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.simulation.book import Book
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule
from traderbot.simulation.fills import execution_id
from traderbot.simulation.sessions import Moment
from traderbot.simulation.slippage import SquareRootImpact

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
        for qty in ("30", "30", "60"):
            desk.place("buy", qty, tif="gtc")
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
        assert desk.order(order_id).status is OrderStatus.NEW


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


COSTS = [
    Costs(D("0.001"), D("0.002"), D("0.05")),
    Costs(D("0.001"), D("0.002"), D("0.05"), impact=SquareRootImpact(D("0.05"))),
    Costs(D(0), D(0), D("0.3"), fees=FeeSchedule(D("0.0005"), D("0.01"), D(2), maximum_rate=D("0.02"))),
]
prices = st.integers(800, 1250).map(lambda tenths: D(tenths) / 10)
asks = st.fixed_dictionaries(
    {
        "side": st.sampled_from(list(Side)),
        "qty": st.integers(1, 300).map(D) | st.just(D("7.5")),
        "type": st.sampled_from(list(OrderType)),
        "time_in_force": st.sampled_from(list(TimeInForce)),
        "order_class": st.sampled_from([OrderClass.SIMPLE, *OrderClass]),
        "notional": st.none() | st.none() | st.just(D(5000)),
    }
)
bars = st.tuples(prices, prices, prices, prices)
sights = st.one_of(
    st.tuples(st.just("bar"), bars, st.sampled_from([0, 300, 5000, 10**6])),
    st.tuples(st.just("quote"), prices, st.integers(1, 90)),
    st.tuples(st.just("trade"), prices, st.integers(1, 90)),
    st.tuples(st.just("depth"), prices, st.integers(1, 90)),
    st.tuples(st.just("print"), prices, st.integers(1, 90)),
)
moments = st.builds(Moment, opens=st.booleans(), closes=st.booleans())


def ask(floor: Floor, terms: dict[str, Any], numbers: list[Decimal]) -> None:
    """Place what was drawn, where it makes an order and the gate lets it."""
    low, middle, high = sorted(numbers)
    terms = dict(terms)
    made: dict[str, Any] = {"order_id": UUID(int=next(floor.ids)), "symbol": AAA}
    if terms["notional"] is not None:
        terms |= {"qty": None, "type": OrderType.MARKET, "time_in_force": TimeInForce.DAY}
    if terms["type"] in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        made["limit_price"] = middle
    if terms["type"] in (OrderType.STOP, OrderType.STOP_LIMIT):
        made["stop_price"] = numbers[0]
    if terms["type"] is OrderType.TRAILING_STOP:
        made["trail_percent"] = D(3)
    buying = terms["side"] is Side.BUY
    gain = c.TakeProfit(UUID(int=next(floor.ids)), high if buying else low)
    loss = c.StopLoss(UUID(int=next(floor.ids)), low if buying else high)
    match terms["order_class"]:
        case OrderClass.BRACKET:
            made |= {"take_profit": gain, "stop_loss": loss}
        case OrderClass.OTO:
            made["stop_loss"] = loss
        case OrderClass.OCO:
            made["stop_loss"] = c.StopLoss(loss.order_id, high if buying else low)
    try:
        command = c.PlaceOrder(**terms, **made)
    except InvalidValue:
        return
    if decide(floor.account, command, floor, floor.rules).refusal is None:
        floor.do(command)


def sight(kind: str, book: Book, at: int, number: int, price: Decimal, size: int) -> Any:
    """One observation around a price."""
    if kind == "quote":
        return Quote(AAA, at, number, price - 1, D(size), price + 1, D(size))
    trade = Trade(AAA, at, number, price, D(size), Side.SELL if size % 2 else Side.BUY)
    if kind == "trade":
        return trade
    bids, sells = levels(f"{price - 1}x{size} {price - 2}x9"), levels(f"{price + 1}x{size} {price + 3}x9")
    book.move(trade if kind == "print" else DepthUpdate(AAA, at, number, bids, sells, snapshot=True))
    return book


@given(
    st.sampled_from(COSTS),
    st.sampled_from(list(AccountKind)),
    st.sampled_from(["20000", "1000000"]),
    st.lists(
        st.tuples(asks, st.tuples(prices, prices, prices), sights, moments, st.sampled_from([0, DAY])),
        min_size=1,
        max_size=14,
    ),
)
@settings(max_examples=120, deadline=None)
def test_the_engine_takes_every_report_whatever_is_seen(
    costs: Costs, kind: AccountKind, cash: str, steps: list[Any]
) -> None:
    rules = msgspec.structs.replace(costs.rules, collar=D("0.1"), stale_after=10**15)
    floor = Floor(costs, cash, kind, rules)
    floor.own("50", "100")
    book = Book(AAA)
    for number, (terms, numbers, (what, *drawn), moment, wait) in enumerate(steps):
        ask(floor, terms, list(numbers))
        at = floor.time + 1 + wait
        floor.time = at
        if what == "bar":
            shape, volume = drawn
            seen = bar(f"{shape[0]} {max(shape)} {min(shape)} {shape[1]}", volume, at)
        else:
            seen = sight(what, book, at, number, *drawn)
        before = floor.account.available
        floor.see(seen, session=moment)
        if kind is AccountKind.CASH:
            assert floor.account.available >= 0, before
    ids = [event.execution_id for event in floor.events if isinstance(event, e.OrderFilled)]
    assert len(set(ids)) == len(ids)
