from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.books import AAA, BBB, DAY, audit
from traderbot.backtests.runner import BarMarket, Result, run
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.commands import Rules
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderCancelled, OrderExpired, OrderFilled, OrderPlaced
from traderbot.model.orders import Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
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
    result = run(MovingAverageCrossover(20, 50), [data.bar()], costs=NO_SLIPPAGE)
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


def busy(datas: list[Walk], upto: int | None = None) -> Result:
    costs = Costs(participation=D("0.0002"))
    return run(Busy(), [data.bar(name, upto) for name, data in zip(NAMES, datas, strict=False)], costs=costs)


def fills_until(result: Result, time: int) -> list[object]:
    return [fill for fill in result.fills if fill.at <= time]


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize("cut", [2, 61, 692, 693, 694])  # the first day ends with the 693rd bar
def test_what_comes_later_changes_nothing_before(instruments: int, cut: int) -> None:
    datas = [walk(800, seed) for seed in range(instruments)]
    whole, known = busy(datas), int(datas[0].times[cut - 1])
    assert fills_until(busy(datas, cut), known) == fills_until(whole, known)
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
    assert {OrderCancelled, OrderExpired} <= {type(event) for event in first.events}
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
