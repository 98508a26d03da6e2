from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from engine.books import AAA, BBB, DAY, Desk
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.commands import CancelOrder, PlaceOrder
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def desk() -> Desk:
    return Desk("1000")


@pytest.fixture
def ctx(desk: Desk) -> Context:
    columns = [np.arange(start, start + 5.0) for start in (10, 20, 5, 15, 100)]
    bars = {name: Bar(name, np.arange(5) * DAY, *columns) for name in (AAA, BBB)}
    bars[AAA].move(2)
    actions = {
        AAA: [CorporateAction(AAA, date(1970, 4, day), ActionKind.SPLIT, new=2) for day in (10, 11, 12)]
    }
    ids = (UUID(int=number) for number in count(1))
    return Context(desk.account, desk.market, bars, ids.__next__, actions)


def test_only_known_bars_are_seen(ctx: Context) -> None:
    assert ctx.symbols == [AAA]
    assert ctx.history(AAA).closes.tolist() == [15, 16, 17]
    assert ctx.history(AAA, 2).times.tolist() == [DAY, 2 * DAY]
    assert ctx.history(BBB).closes.size == 0
    with pytest.raises(ValueError, match="read-only"):
        ctx.history(AAA).closes[0] = 1


def test_only_actions_up_to_the_date_of_market_time_are_seen(ctx: Context, desk: Desk) -> None:
    assert date.fromordinal(date(1970, 1, 1).toordinal() + desk.market.time // DAY) == date(1970, 4, 11)
    assert [action.ex_date.day for action in ctx.actions(AAA)] == [10, 11]
    assert list(ctx.actions(BBB)) == []


def test_money_and_positions(ctx: Context, desk: Desk) -> None:
    desk.own("20", "9")
    order_id = desk.place("buy", "10", "10.00")
    assert (ctx.cash, ctx.equity, ctx.position(AAA), ctx.position(BBB)) == (820, 1020, 20, 0)
    assert ctx.available == 820 - desk.order(order_id).hold
    assert [order.id for order in ctx.orders] == [order_id]
    assert (ctx.mark(AAA), ctx.time) == (10, desk.market.time)
    with pytest.raises(NotFound):
        ctx.mark(Symbol("ZZZ"))


def test_what_is_asked_waits_and_is_decided_cancels_first_then_sells_then_buys(ctx: Context) -> None:
    first = ctx.buy(AAA, 5)
    second = ctx.sell(BBB, "2.5", "50.00", time_in_force=TimeInForce.GTC)
    ctx.cancel(first)
    third = ctx.buy(BBB, D(1))
    assert ctx.take_asked() == [
        CancelOrder(first, Reason.CANCELED_BY_STRATEGY),
        PlaceOrder(second, BBB, Side.SELL, D("2.5"), OrderType.LIMIT, TimeInForce.GTC, D("50.00")),
        PlaceOrder(first, AAA, Side.BUY, D(5)),
        PlaceOrder(third, BBB, Side.BUY, D(1)),
    ]
    assert ctx.take_asked() == ctx.asked == []


@pytest.mark.parametrize("qty", [0, -1, "1e3", 1.5, "NaN", None, True])
def test_a_quantity_that_is_none_asks_for_nothing(ctx: Context, qty: object) -> None:
    with pytest.raises(InvalidValue, match=r"^qty"):
        ctx.buy(AAA, qty, signal=Signal(AAA, "buy", {}))
    with pytest.raises(InvalidValue, match=r"^limit_price"):
        ctx.sell(AAA, 1, 9.99)
    assert ctx.asked == ctx.raised == []


def test_words_are_taken_for_what_they_mean_and_refused_where_they_mean_nothing(ctx: Context) -> None:
    ctx.buy(AAA, 1, "9.99", time_in_force="gtc")
    assert ctx.asked[0].time_in_force is TimeInForce.GTC
    ctx.take_asked()
    with pytest.raises(InvalidValue, match=r"^time_in_force: expected one of day, gtc, .*got 'forever'"):
        ctx.sell(AAA, 1, time_in_force="forever")
    with pytest.raises(InvalidValue, match=r"^signal: expected a Signal"):
        ctx.buy(AAA, 1, signal="buy")
    assert ctx.asked == ctx.raised == []


@pytest.mark.parametrize("misspelt", ["limit", "stop", "tif"])
def test_a_term_that_is_none_is_refused_and_no_market_order(ctx: Context, misspelt: str) -> None:
    given: dict[str, Any] = {misspelt: 9}
    with pytest.raises(InvalidValue, match=f"^{misspelt}: expected one of stop_price, "):
        ctx.buy(AAA, 1, **given)
    assert not ctx.take_asked()


def test_an_order_and_its_signal_name_each_other(ctx: Context) -> None:
    signal = Signal(AAA, "buy", {"summary": "because"})
    order_id = ctx.buy(AAA, 1, signal=signal)
    ((signal_id, raised, follows),) = ctx.raised
    assert (raised, follows) == (signal, order_id)
    assert ctx.asked[0].signal_id == signal_id
    ctx.raise_signal(Signal(BBB, "hold", {}))
    assert ctx.raised[1].order_id is None


def test_a_strategy_may_leave_everything_out(ctx: Context) -> None:
    strategy = Strategy()
    strategy.on_start(ctx)
    strategy.on_bar(ctx, Bar(AAA, *(np.zeros(1) for _ in range(6))))
    assert ctx.asked == []
