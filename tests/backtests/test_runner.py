from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.books import AAA, BBB, DAY, audit
from traderbot.backtests.runner import BarMarket, Result, run
from traderbot.model import rounding
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import (
    CashMoved,
    LegActivated,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderReplaced,
    OrderTriggered,
    PortfolioRevalued,
    TrailingMarkMoved,
)
from traderbot.model.orders import Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits, Rules
from traderbot.model.sentiment import NewsItem, Sentiment
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.domain

D = Decimal
MINUTE = 60_000_000
NO_SLIPPAGE = Costs(slippage=D(0))
NAMES = [AAA, BBB, Symbol("CCC")]


class Walk(NamedTuple):
    """A random walk of minute bars; prices are whole hundred-thousandths of a dollar."""

    times: np.ndarray
    opens: np.ndarray
    highs: np.ndarray
    lows: np.ndarray
    closes: np.ndarray
    volumes: np.ndarray

    def bar(self, name: Symbol = AAA, upto: int | None = None) -> Bar:
        times, *prices, volumes = (column[:upto] for column in self)
        return Bar(name, times, *(price / 1e5 for price in prices), volumes.astype(float))


def walk(count: int, seed: int = 42, step: int = MINUTE) -> Walk:
    random = np.random.default_rng(seed)
    moves, gaps = random.standard_normal(count) * 5e-4, random.standard_normal(count) * 1e-4
    level = np.cumsum(moves + gaps)
    closes = np.rint(1e7 * np.exp(level)).astype(np.int64)
    opens = np.rint(1e7 * np.exp(level - moves)).astype(np.int64)
    up, down = (np.abs(random.standard_normal(count)) * 2.5e-4 for _ in range(2))
    highs = np.rint(np.maximum(opens, closes) * (1 + up)).astype(np.int64)
    lows = np.rint(np.minimum(opens, closes) * (1 - down)).astype(np.int64)
    volumes = random.integers(40_000, 400_000, count) * 4
    return Walk(1_600_000_020_000_000 + np.arange(count) * step, opens, highs, lows, closes, volumes)


def in_plain_integers(data: Walk, fast: int, slow: int) -> tuple[list[tuple[int, str, int]], int]:
    """Fills as (bar, side, price in 1e-5), equity in millionths; 100 shares, a basis point of fee."""
    opens, closes = data.opens.tolist(), data.closes.tolist()
    cash, held, wanted = 10**12, 0, 0
    fast_sum = slow_sum = 0
    fills = []
    for index, close in enumerate(closes):
        if wanted:
            price = opens[index]
            cash -= wanted * 10 * price + price // 10  # 100 shares at 1e-5 are 1e-3 each, the fee 1e-7
            held += wanted
            fills.append((index, "buy" if wanted > 0 else "sell", price))
            wanted = 0
        fast_sum += close - (closes[index - fast] if index >= fast else 0)
        slow_sum += close - (closes[index - slow] if index >= slow else 0)
        if index >= slow - 1:
            gap = fast_sum * slow - slow_sum * fast
            if gap > 0 and not held:
                wanted = 100
            elif gap < 0 and held:
                wanted = -held
    return fills, cash + held * 10 * closes[-1]


def test_a_hundred_thousand_bars_give_the_fills_and_equity_of_plain_integers() -> None:
    data = walk(100_000)
    fills, equity = in_plain_integers(data, 20, 50)
    result = run(MovingAverageCrossover(fast=20, slow=50), [data.bar()], costs=NO_SLIPPAGE)
    places = {time: index for index, time in enumerate(data.times.tolist())}
    seen = [(places[fill.at], fill.side.value, int(fill.price * 10**5)) for fill in result.fills]
    assert len(fills) > 1_000
    assert seen == fills
    assert result.equity * 10**6 == equity
    audit(result.account, result.events)


class Busy(Strategy):
    """Trades on nearly everything it sees, with every kind of order."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        digit = int(bar.close * 1e5) % 10
        near = f"{bar.close * (0.999 if digit < 5 else 1.001):.2f}"
        lasting = TimeInForce.GTC if digit % 2 else TimeInForce.DAY
        if bar.volume % 3 == 0:
            self.uncommon(ctx, bar, digit, lasting)
            return
        if digit < 4:
            ctx.buy(bar.symbol, 10 + digit, None if digit == 3 else near, time_in_force=lasting)
        elif digit < 7 and ctx.position(bar.symbol):
            ctx.sell(bar.symbol, min(ctx.position(bar.symbol), D(8)), near, time_in_force=lasting)
        elif digit == 7:
            for order in ctx.orders[:2]:
                ctx.cancel(order.id)
        elif digit == 8 and ctx.position(bar.symbol) > 50:
            ctx.sell(
                bar.symbol, ctx.position(bar.symbol), signal=Signal(bar.symbol, "sell", {"digit": digit})
            )

    def uncommon(self, ctx: Context, bar: Bar, digit: int, lasting: TimeInForce) -> None:
        held, above, below = ctx.position(bar.symbol), f"{bar.close * 1.001:.2f}", f"{bar.close * 0.999:.2f}"
        once = [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS][digit % 4]
        if digit < 2:
            ctx.buy(bar.symbol, 9, take_profit=above, stop_loss=below, time_in_force=lasting)
        elif digit < 4:
            ctx.buy(bar.symbol, 12, time_in_force=once)
        elif digit == 4:
            ctx.buy(bar.symbol, None, notional="900.50")
        elif digit == 5:
            ctx.buy(bar.symbol, 11, stop_price=above, time_in_force=lasting)
        elif digit == 6 and held:
            ctx.sell(bar.symbol, min(held, D(5)), trail_percent="0.1", time_in_force=lasting)
        elif digit == 7 and held:
            ctx.sell(bar.symbol, min(held, D(5)), below, stop_price=below, time_in_force=lasting)
        elif digit == 8 and ctx.orders:
            ctx.replace(ctx.orders[0].id, limit_price=below)


def busy(datas: list[Walk], upto: int | None = None) -> Result:
    costs = Costs(participation=D("0.0002"))
    return run(Busy(), [data.bar(name, upto) for name, data in zip(NAMES, datas, strict=False)], costs=costs)


def fills_until(result: Result, time: int) -> list[object]:
    return [fill for fill in result.fills if fill.at <= time]


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize("cut", [2, 61, 692, 693, 694])  # the first day ends with the 694th bar
def test_what_comes_later_changes_nothing_before(instruments: int, cut: int) -> None:
    datas = [walk(800, seed) for seed in range(instruments)]
    whole, known = busy(datas), int(datas[0].times[cut - 1])
    before = known - 1  # where the data ends, so does the day: orders for its close fill on the last bar
    assert fills_until(busy(datas, cut), before) == fills_until(whole, before)
    other = []
    for data in datas:
        changed = Walk(*(column.copy() for column in data))
        for column in changed[1:]:
            column[cut:] = column[cut:] * 2
        other.append(changed)
    after = busy(other)
    assert fills_until(after, known) == fills_until(whole, known)
    assert [event for event in after.events if event.at <= known] == [
        event for event in whole.events if event.at <= known
    ]


@pytest.mark.parametrize("instruments", [1, 3])
def test_the_same_input_gives_the_same_events_and_clean_books(instruments: int) -> None:
    datas = [walk(1000, seed) for seed in range(instruments)]
    bars = [data.bar(name) for name, data in zip(NAMES, datas, strict=False)]
    first = run(Busy(), bars, costs=Costs(participation=D("0.0002")))
    second = run(Busy(), bars, costs=Costs(participation=D("0.0002")))
    assert first == second
    assert first.events == busy(datas).events
    assert [event for event in first.events if isinstance(event, OrderFilled)] == first.fills
    assert len(first.fills) > 100
    happened = {OrderCancelled, OrderExpired, OrderTriggered, LegActivated, TrailingMarkMoved, OrderReplaced}
    assert happened <= {type(event) for event in first.events}
    assert first.signals
    audit(first.account, first.events)


def test_all_bars_of_a_step_are_known_and_matched_before_the_strategy_sees_one() -> None:
    class Watcher(Strategy):
        def __init__(self) -> None:
            self.seen: list[tuple[int, Symbol]] = []

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            self.seen.append((ctx.time, bar.symbol))
            assert bar.time == ctx.time
            for name in ctx.symbols:
                times = ctx.history(name).times
                assert times[-1] <= ctx.time
                assert ctx.time in times or name != bar.symbol
                assert ctx.market.mark(name).at == times[-1]
            moved = [name for name in ctx.symbols if ctx.history(name, 1).times[0] == ctx.time]
            assert not any(order.symbol in moved for order in ctx.orders if order.placed_at < ctx.time)
            ctx.buy(bar.symbol, 1, time_in_force=TimeInForce.GTC)

    watcher = Watcher()
    one, two = walk(50, 1), walk(30, 2, 2 * MINUTE)
    result = run(watcher, [one.bar(AAA), two.bar(BBB)])
    steps = sorted({*one.times.tolist(), *two.times.tolist()})
    assert watcher.seen == [
        (time, name)
        for time in steps
        for name, data in ((AAA, one), (BBB, two))
        if time in data.times.tolist()
    ]
    assert len(result.fills) == 49 + 29


class Once(Strategy):
    """Asks for what it is told at the bars it is told."""

    def __init__(
        self, asks: dict[int, tuple[Side, str, str | None]], tif: TimeInForce = TimeInForce.DAY
    ) -> None:
        self.asks, self.tif, self.at = asks, tif, -1

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.at += 1
        if self.at in self.asks:
            side, qty, limit = self.asks[self.at]
            (ctx.buy if side is Side.BUY else ctx.sell)(bar.symbol, qty, limit, time_in_force=self.tif)


def flat(times: list[int], price: float = 10.0) -> Bar:
    column = np.full(len(times), price)
    return Bar(AAA, np.array(times), column, column, column, column, np.full(len(times), 1e6))


CLOSE = 21 * 60 * MINUTE
MINUTES = [
    DAY + CLOSE - 2 * MINUTE,
    DAY + CLOSE - MINUTE,
    DAY + CLOSE,
    2 * DAY + CLOSE - MINUTE,
    2 * DAY + CLOSE,
]
DAYS = [day * DAY + CLOSE for day in range(10, 16)]


class TestDays:
    @pytest.mark.parametrize(("asked", "expires"), [(0, 2), (1, 2), (2, 4), (3, 4)])
    def test_a_day_order_expires_with_the_last_bar_of_the_day_it_is_first_matched_in(
        self, asked: int, expires: int
    ) -> None:
        result = run(Once({asked: (Side.BUY, "1", "9.00")}), [flat(MINUTES)])
        assert [event.at for event in result.events if isinstance(event, OrderExpired)] == [MINUTES[expires]]
        (placed,) = [event for event in result.events if isinstance(event, OrderPlaced)]
        assert placed.expires_at == MINUTES[expires]

    def test_a_bar_that_closes_at_midnight_belongs_to_the_day_before(self) -> None:
        market = BarMarket({AAA: flat([DAY - MINUTE, DAY, DAY + MINUTE])})
        assert market.day_end == DAY
        market.time = DAY
        assert (market.day_end, market.ended) == (DAY + MINUTE, False)
        market.time = DAY + MINUTE
        assert (market.day_end, market.ended) == (None, True)

    def test_daily_bars_give_a_day_order_one_bar(self) -> None:
        times = [day * DAY + CLOSE for day in range(1, 5)]
        result = run(Once({0: (Side.BUY, "1", "9.00")}), [flat(times)])
        assert [event.at for event in result.events if isinstance(event, OrderExpired)] == [times[1]]

    def test_good_till_cancelled_outlives_its_day(self) -> None:
        result = run(Once({0: (Side.BUY, "1", "9.00")}, TimeInForce.GTC), [flat(MINUTES)])
        assert len(result.account.orders) == 1

    def test_times_before_1970(self) -> None:
        times = [day * DAY + CLOSE for day in range(-5, -1)]
        result = run(Once({0: (Side.BUY, "1", None)}), [flat(times)])
        assert [fill.at for fill in result.fills] == [times[1]]

    def test_an_order_after_the_last_bar_is_refused_as_in_a_session(self) -> None:
        result = run(Once({4: (Side.BUY, "1", None)}), [flat(MINUTES)])
        assert [refusal.reason for refusal in result.refusals] == [Reason.SESSION_ENDED]


class TestCorporateActions:
    def act(self, kind: ActionKind, day: int, **terms: object) -> CorporateAction:
        return CorporateAction(AAA, date.fromordinal(date(1970, 1, 1).toordinal() + day), kind, **terms)

    def test_a_dividend_is_paid_on_shares_held_before_its_ex_date(self) -> None:
        actions = [self.act(ActionKind.DIVIDEND, day, amount=D("0.5")) for day in (11, 12, 14)]
        asks = {0: (Side.BUY, "10", None), 2: (Side.SELL, "10", None)}
        result = run(Once(asks), [flat(DAYS)], actions=actions, costs=Costs(D(0), D(0)))
        assert result.account.balances["dividends"] == -5  # bought on 11 at the open: only 12 counts
        assert result.equity == 1_000_005
        audit(result.account, result.events)

    def test_a_split_comes_before_the_bars_of_its_ex_date(self) -> None:
        prices = np.array([10.0, 10, 10, 5, 5, 5])
        bar = Bar(AAA, np.array(DAYS), prices, prices, prices, prices, np.full(6, 1e6))
        asks = {0: (Side.BUY, "10", None), 2: (Side.BUY, "10", None), 4: (Side.SELL, "40", None)}
        split = self.act(ActionKind.SPLIT, 13, new=2)
        result = run(Once(asks), [bar], actions=[split], costs=Costs(D(0), D(0)))
        assert [(fill.qty, fill.price) for fill in result.fills] == [(10, 10), (20, 5), (40, 5)]
        assert result.equity == 1_000_000
        audit(result.account, result.events)

    def test_an_ex_date_without_a_bar_comes_with_the_next(self) -> None:
        times = [day * DAY for day in (10, 11, 15)]
        dividend = self.act(ActionKind.DIVIDEND, 12, amount=D(1))
        result = run(Once({0: (Side.BUY, "3", None)}), [flat(times)], actions=[dividend])
        assert result.account.balances["dividends"] == -3


class TestWhatCannotBeRun:
    def test_no_bars_or_one_instrument_twice(self) -> None:
        for bars in ([], [flat([1]), flat([2])]):
            with pytest.raises(InvalidValue, match=r"^bars"):
                run(Strategy(), bars)

    def test_fees_beyond_what_the_gate_holds_for(self) -> None:
        with pytest.raises(InvalidValue, match=r"^fee_rate"):
            run(Strategy(), [flat([1])], rules=Rules(fee_rate=D(0)), costs=Costs(fee_rate=D("0.001")))

    def test_no_cash(self) -> None:
        with pytest.raises(InvalidValue, match=r"^amount"):
            run(Strategy(), [flat([1])], cash=D(0))


@given(
    st.integers(0, 10_000),
    st.sampled_from(["0.0001", "0.003"]),
    st.sampled_from(["0.00001", "0.0002", "0.1"]),
)
@settings(max_examples=10, deadline=None)
def test_books_hold_whatever_the_market_does(seed: int, fee_rate: str, participation: str) -> None:
    costs = Costs(D(fee_rate), D("0.0005"), D(participation))
    result = run(Busy(), [walk(300, seed + index).bar(name) for index, name in enumerate(NAMES)], costs=costs)
    audit(result.account, result.events)


class Script(Strategy):
    """Does at each bar what it is told: functions of (ctx, symbol) by the bar's number."""

    def __init__(self, acts: dict[int, Callable[[Context, Symbol], object]]) -> None:
        self.acts, self.at = acts, -1

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.at += 1
        if self.at in self.acts:
            self.acts[self.at](ctx, bar.symbol)


def shaped(times: list[int], *shapes: str) -> Bar:
    """A bar a time: open high low close."""
    columns = np.array([[float(price) for price in shape.split()] for shape in shapes]).T
    return Bar(AAA, np.array(times), *columns, np.full(len(times), 1e6))


def prices_of(result: Result) -> list[tuple[str, Decimal, int]]:
    return [(fill.side.value, fill.price, fill.at) for fill in result.fills]


FREE = Costs(D(0), D(0))


class TestKindsOfOrders:
    def test_the_exits_of_a_bracket_meet_their_entrys_bar(self) -> None:
        bar = shaped(DAYS[:4], "10 10 10 10", "10 12 8 11", "11 11 11 11", "11 11 11 11")
        enter = Script({0: lambda ctx, name: ctx.buy(name, 10, time_in_force=TimeInForce.GTC,
                                                     take_profit="11.50", stop_loss="9.00")})  # fmt: skip
        result = run(enter, [bar], costs=FREE)
        assert prices_of(result) == [("buy", 10, DAYS[1]), ("sell", 9, DAYS[1])]
        assert not result.account.orders
        audit(result.account, result.events)

    def test_orders_for_the_opening_and_the_close_of_minute_bars(self) -> None:
        def ask(ctx: Context, name: Symbol) -> None:
            ctx.buy(name, 1, time_in_force=TimeInForce.OPG)
            ctx.buy(name, 2, time_in_force=TimeInForce.CLS)

        bar = shaped(MINUTES, "10 10 10 10", "11 11 11 11", "12 12 12 13", "14 14 14 15", "16 16 16 17")
        result = run(Script({0: ask}), [bar], costs=FREE, rules=Rules(collar=D(1)))
        assert prices_of(result) == [("buy", 13, MINUTES[2]), ("buy", 14, MINUTES[3])]

    def test_a_replacement_is_matched_in_place_of_the_old_order(self) -> None:
        asked: list[UUID] = []
        acts = {
            0: lambda ctx, name: asked.append(ctx.buy(name, 1, "8", time_in_force=TimeInForce.GTC)),
            1: lambda ctx, name: ctx.replace(asked[0], limit_price="9.50"),
        }
        bar = shaped(DAYS[:3], "10 10 10 10", "10 10 9 10", "10 10 7 10")
        assert prices_of(run(Script(acts), [bar], costs=FREE)) == [("buy", D("9.5"), DAYS[2])]


class TestMarginAccounts:
    def test_a_short_pays_for_the_nights_after_every_close_and_is_valued_there(self) -> None:
        acts = {0: lambda ctx, name: ctx.sell(name, 100), 4: lambda ctx, name: ctx.buy(name, 100)}
        times = [*DAYS[:3], DAYS[2] + 3 * DAY, DAYS[2] + 4 * DAY, DAYS[2] + 5 * DAY]
        result = run(Script(acts), [flat(times)], costs=FREE, kind=AccountKind.MARGIN)
        fees = [
            event for event in result.events if isinstance(event, CashMoved) and event.kind == "borrow_fee"
        ]
        assert [event.at for event in fees] == times[1:5]
        assert [event.amount for event in fees] == [
            -rounding.interest(D(1000), D("0.03"), days) for days in (1, 3, 1, 1)
        ]
        assert [event.at for event in result.events if isinstance(event, PortfolioRevalued)] == times
        assert result.equity == 1_000_000 + sum(event.amount for event in fees)
        audit(result.account, result.events)

    def test_a_cash_account_without_limits_on_losses_is_not_valued(self) -> None:
        result = run(Once({0: (Side.BUY, "1", None)}), [flat(DAYS)])
        assert not any(isinstance(event, PortfolioRevalued) for event in result.events)

    def test_limits_on_losses_are_kept_at_closes(self) -> None:
        acts = {number: lambda ctx, name: ctx.buy(name, 50_000) for number in (0, 2)}
        bar = shaped(DAYS[:5], "10 10 10 10", "10 10 10 10", "10 10 8 8", "8 8 8 8", "8 8 8 8")
        rules = Rules(limits=Limits(drawdown=D("0.05")))
        result = run(Script(acts), [bar], costs=FREE, rules=rules)
        assert [refusal.reason for refusal in result.refusals] == [Reason.DRAWDOWN_LIMIT]


class TestLatency:
    TIMES = tuple(DAY + 60 * MINUTE + number * MINUTE for number in range(6))

    def slow(self, seconds: int) -> Costs:
        return Costs(D(0), D(0), latency=seconds * 1_000_000)

    def test_an_order_misses_the_bar_that_opens_before_it_is_there(self) -> None:
        asks = {0: (Side.BUY, "1", None)}
        for seconds, step in ((0, 1), (1, 2), (60, 2), (61, 3)):
            result = run(Once(asks), [flat(list(self.TIMES))], costs=self.slow(seconds))
            assert [fill.at for fill in result.fills] == [self.TIMES[step]]

    def test_a_cancel_may_lose_against_a_fill(self) -> None:
        asked: list[UUID] = []

        def story(cancel_at: int, seconds: int) -> list[int]:
            asked.clear()
            acts = {
                0: lambda ctx, name: asked.append(ctx.buy(name, 1, "9", time_in_force=TimeInForce.GTC)),
                cancel_at: lambda ctx, name: ctx.cancel(asked[0]),
            }
            low = [self.TIMES[number] for number in (3,)]
            shapes = ["10 10 8 10" if time in low else "10 10 10 10" for time in self.TIMES]
            result = run(Script(acts), [shaped(list(self.TIMES), *shapes)], costs=self.slow(seconds))
            assert not result.account.orders
            return [fill.at for fill in result.fills]

        assert story(2, 0) == []
        assert story(2, 30) == [self.TIMES[3]]  # on its way while the bar trades
        assert story(1, 60) == []  # there when the bar opens
        assert story(1, 61) == [self.TIMES[3]]


def test_a_fee_schedule_and_the_rules_that_hold_for_it() -> None:
    costs = Costs(slippage=D(0), fees=FeeSchedule(per_share=D("0.01"), minimum=D(1)))
    result = run(Once({0: (Side.BUY, "10", None), 1: (Side.BUY, "500", None)}), [flat(DAYS)], costs=costs)
    assert [fill.fee for fill in result.fills] == [1, 5]
    audit(result.account, result.events)


def test_news_are_told_when_they_are_known_and_before_the_bars() -> None:
    told: list[tuple[str, int]] = []

    class Reads(Strategy):
        def on_news(self, ctx: Context, item: NewsItem) -> None:
            told.append((item.text, ctx.time))
            if item.sentiment.score > 0:
                ctx.buy(item.symbol, 1)

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            told.append(("bar", ctx.time))

    good, bad = Sentiment(0.5, 1.0, "test"), Sentiment(-0.5, 1.0, "test")
    times = flat([10, 20, 30]).times
    news = [
        NewsItem(times[2] - 1, AAA, "late", bad),
        NewsItem(times[1], AAA, "on time", good),
        NewsItem(times[2] + 1, AAA, "never", good),
    ]
    result = run(Reads(), [flat([10, 20, 30])], news=news)
    assert told == [
        ("bar", times[0]), ("on time", times[1]), ("bar", times[1]), ("late", times[2]), ("bar", times[2])
    ]  # fmt: skip
    assert [fill.at for fill in result.fills] == [times[2]]
