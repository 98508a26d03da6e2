import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.books import AAA, BBB, DAY
from traderbot.backtests.reporting.results import buy_and_hold, curve_of, first_conclusion, trades_of
from traderbot.backtests.runner import Result, run
from traderbot.market.datasets import Dataset
from traderbot.market.demo import ensure_demo
from traderbot.model import rounding
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.orders import Side
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy

pytestmark = pytest.mark.domain
D = Decimal
FREE = Costs(D(0), D(0), D(1))
CLOSE = 21 * 3_600_000_000
DAYS = [day * DAY + CLOSE for day in range(10, 16)]


class Erratic(Strategy):
    """Buys and sells at random, short too where the account may, and notes the equity after every step."""

    def __init__(self, seed: int, short: bool) -> None:
        self.random, self.short = random.Random(seed), short
        self.seen: dict[int, Decimal] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen[ctx.time] = ctx.equity
        throw, held = self.random.random(), ctx.position(bar.symbol)
        if throw < 0.05:
            ctx.buy(bar.symbol, self.random.randint(1, 200))
        elif throw < 0.10 and (self.short or held > 0):
            ctx.sell(bar.symbol, self.random.randint(1, 200) if self.short else held)
        elif throw < 0.12 and held:
            (ctx.sell if held > 0 else ctx.buy)(bar.symbol, abs(held))


class Script(Strategy):
    """Trades so many shares at the bars it is told."""

    def __init__(self, shares: dict[int, int]) -> None:
        self.shares, self.at = shares, -1

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.at += 1
        shares = self.shares.get(self.at, 0)
        if shares:
            (ctx.buy if shares > 0 else ctx.sell)(bar.symbol, abs(shares))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    home: Path = tmp_path_factory.mktemp("home")
    return ensure_demo(home)


def prices(*values: float, times: Sequence[int] = DAYS) -> Bar:
    column = np.array(values)
    return Bar(AAA, np.array(times[: len(values)]), column, column, column, column, np.full(len(values), 1e6))


def act(kind: ActionKind, day: int, **terms: object) -> CorporateAction:
    return CorporateAction(AAA, date.fromordinal(date(1970, 1, 1).toordinal() + day), kind, **terms)


def unrealised(result: Result, bars: Sequence[Bar]) -> Decimal:
    total = D(0)
    for bar in bars:
        held = result.account.positions.get(bar.symbol)
        if held is not None and held.qty:
            total += rounding.market_value(held.qty, D(repr(bar.close))) - held.cost
    return total


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from(list(AccountKind)))
def test_curve_and_trades_are_the_accounts_on_real_prices(
    demo: Dataset, seed: int, kind: AccountKind
) -> None:
    """With splits and dividends, shorts and what they cost, and an instrument that begins later."""
    names = ["AAPL", "GOOG", "MSFT"]
    bars = [demo.bars_of(name).slice(0, 1300).cursor() for name in names]
    actions = [action for action in demo.actions if action.symbol in names]
    strategy = Erratic(seed, kind is AccountKind.MARGIN)
    result = run(strategy, bars, cash=D(100_000), actions=actions, kind=kind)
    curve = curve_of(result, bars)
    assert curve.times.tolist() == sorted(strategy.seen)
    assert curve.equity.tolist() == pytest.approx([float(strategy.seen[at]) for at in curve.times], abs=1e-5)
    assert curve.equity[-1] == pytest.approx(float(result.equity), abs=1e-5)
    assert curve.equity.tolist() == (curve.cash + curve.long_value + curve.short_value).tolist()
    assert (curve.long_value >= 0).all()
    assert (curve.short_value <= 0).all()
    trades, books = trades_of(result), result.account.balances
    assert sum(trade.net for trade in trades) == -books["realised"] - books["fees"]
    other = -books["external"] - books["dividends"] - books["interest"] - books["borrow"]
    assert sum(trade.net for trade in trades) + other + unrealised(result, bars) == result.equity
    still = sorted(name for name, held in result.account.positions.items() if held.qty)
    assert sorted(trade.symbol for trade in trades if trade.exit_at is None) == still


def test_a_trade_by_hand() -> None:
    shares = {0: 100, 1: 100, 3: -200}
    result = run(Script(shares), [prices(10, 10, 11, 13, 15, 15)], costs=Costs(D("0.001"), D(0), D(1)))
    (trade,) = trades_of(result)
    assert (trade.symbol, trade.side, trade.qty, trade.executions) == (AAA, Side.BUY, D(200), 3)
    assert (trade.entry_at, trade.exit_at) == (DAYS[1], DAYS[4])
    assert (trade.entry_price, trade.exit_price) == (D("10.5"), D(15))
    assert (trade.gross, trade.fees, trade.net) == (D(900), D("5.1"), D("894.9"))
    assert trade.largest == 200


def test_the_largest_position_is_less_than_all_that_was_opened() -> None:
    shares = {0: 100, 1: -60, 2: 50, 4: -180}
    split = act(ActionKind.SPLIT, 14, new=2)
    result = run(Script(shares), [prices(10, 10, 10, 10, 5, 5)], costs=FREE, actions=[split])
    (trade,) = trades_of(result)
    assert (trade.exit_at, trade.qty, trade.largest) == (DAYS[5], D(300), D(200))


def test_a_trade_that_is_still_open_counts_what_was_closed() -> None:
    result = run(Script({0: 100, 2: -40}), [prices(10, 10, 12, 12, 15)], costs=FREE)
    (trade,) = trades_of(result)
    assert (trade.exit_at, trade.qty, trade.exit_price) == (None, D(100), D(12))
    assert (trade.gross, trade.net) == (D(80), D(80))


def test_a_turn_through_zero_is_two_trades() -> None:
    result = run(
        Script({0: 100, 2: -150, 4: 50}),
        [prices(10, 10, 12, 12, 9, 9)],
        costs=FREE,
        kind=AccountKind.MARGIN,
    )
    long, short = trades_of(result)
    assert (long.side, long.qty, long.entry_price, long.exit_price, long.gross) == (
        Side.BUY,
        D(100),
        D(10),
        D(12),
        D(200),
    )
    assert (short.side, short.qty, short.entry_price, short.exit_price, short.gross) == (
        Side.SELL,
        D(50),
        D(12),
        D(9),
        D(150),
    )


def test_a_split_leaves_prices_that_can_be_compared() -> None:
    split = act(ActionKind.SPLIT, 13, new=2)
    result = run(Script({0: 100, 4: -200}), [prices(10, 10, 10, 5, 5, 6)], costs=FREE, actions=[split])
    (trade,) = trades_of(result)
    assert (trade.qty, trade.entry_price, trade.exit_price, trade.gross) == (D(200), D(5), D(6), D(200))
    curve = curve_of(result, [prices(10, 10, 10, 5, 5, 6)])
    assert curve.equity.tolist() == [1e6, 1e6, 1e6, 1e6, 1e6, 1_000_200.0]


def test_a_delisting_ends_a_trade() -> None:
    gone = act(ActionKind.DELISTING, 13, amount=D(4))
    bars = [prices(10, 10, 10, 10)]
    result = run(Script({0: 100}), bars, costs=FREE, actions=[gone])
    (trade,) = trades_of(result)
    assert (trade.exit_at, trade.exit_price, trade.gross) == (DAYS[3], D(4), D(-600))
    assert curve_of(result, bars).equity[-1] == float(result.equity) == 999_400.0


def test_another_name_goes_on_with_the_trade() -> None:
    renamed = act(ActionKind.SYMBOL_CHANGE, 12, new_symbol=BBB)
    later = np.full(4, 11.0)
    bars = [
        prices(10, 10, times=DAYS),
        Bar(BBB, np.array(DAYS[2:]), later, later, later, later, np.full(4, 1e6)),
    ]
    result = run(Script({0: 100}), bars, costs=FREE, actions=[renamed])
    (trade,) = trades_of(result)
    assert (trade.symbol, trade.entry_at, trade.exit_at) == (BBB, DAYS[1], None)
    assert curve_of(result, bars).equity[-1] == float(result.equity) == 1_000_100.0


def test_times_before_1970_have_the_deposit_too() -> None:
    bars = [prices(10, 10, 10, times=[-5 * DAY, -4 * DAY, -3 * DAY])]
    assert curve_of(run(Strategy(), bars), bars).equity.tolist() == [1e6, 1e6, 1e6]


def test_to_buy_and_hold_has_splits_dividends_and_takes_in_what_begins_later() -> None:
    first = prices(10, 10, 5, 5, 6, 6)
    late = Bar(BBB, np.array(DAYS[3:]), *(np.array([20.0, 30, 40]) for _ in range(4)), np.full(3, 1e6))
    actions = [act(ActionKind.SPLIT, 12, new=2), act(ActionKind.DIVIDEND, 13, amount=D("0.5"))]
    worth = buy_and_hold([first, late], actions, np.array(DAYS))
    assert worth.tolist() == pytest.approx([1, 1, 1, 1.1, 1.1 * (1.2 + 1.5) / 2, 1.1 * (1.2 + 2) / 2])
    assert buy_and_hold([first], actions, np.array(DAYS[3:])).tolist() == pytest.approx([1, 1.2, 1.2])


def test_held_from_the_end_of_a_warm_up_on_it_is_cash_before() -> None:
    bars = [prices(10, 20, 40, 44, 22)]
    assert buy_and_hold(bars, [], np.array(DAYS[:5]), 2).tolist() == pytest.approx([1, 1, 1, 1.1, 0.55])


def test_a_warm_up_is_over_sooner_where_history_lies_before_the_window() -> None:
    assert first_conclusion(0, 100, 100) == 0
    assert first_conclusion(20, 100, 100) == 20
    assert first_conclusion(20, 100, 85) == 5
    assert first_conclusion(20, 100, 80) == first_conclusion(20, 100, 70) == 0
    assert first_conclusion(100, 100, 100) == 0, "it never ends"
