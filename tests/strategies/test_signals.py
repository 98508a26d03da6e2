"""Signals: the same trades from a window as from all bars, exact quantities, nothing from the future."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from traderbot.analytics.arrays import Floats
from traderbot.backtests.runner import Result, run
from traderbot.market.demo import ensure_demo
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.faults import StrategyFailed
from traderbot.strategies.moving_average import MovingAverageSignal
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of

pytestmark = pytest.mark.domain

DAY = 86_400_000_000
FREE = Costs(fee_rate=Decimal(0), slippage=Decimal(0), participation=Decimal(1))


def bars_of(name: str, closes: list[float], *, days: list[int] | None = None, volume: float = 1e6) -> Bar:
    """Days that open at the close before."""
    level = np.array(closes)
    opens = np.concatenate([level[:1], level[:-1]])
    times = np.array(days or range(1, len(closes) + 1), dtype=np.int64) * DAY
    high, low = np.maximum(opens, level), np.minimum(opens, level)
    return Bar(Symbol(name), times, opens, high, low, level, np.full(len(level), volume))


class Given(SignalStrategy):
    """Targets as given, a row for each bar."""

    name = "given"

    def __init__(self, rows: list[list[float]], units: Decimal | None = None) -> None:
        super().__init__()
        self._rows = np.array(rows)
        self._units = units

    @property
    def units(self) -> Decimal | None:
        return self._units

    def signal(self, frame: Frame) -> Floats:
        return self._rows[frame.times // DAY - 1]


class Stepwise(Strategy):
    """Shows a signal strategy one step after another, as paper and live do."""

    def __init__(self, strategy: SignalStrategy) -> None:
        super().__init__()
        self._strategy = strategy

    def on_step(self, ctx: Context, moved: Any) -> None:
        self._strategy.on_step(ctx, moved)


def traded(result: Result) -> list[tuple[Any, ...]]:
    return [(fill.at // DAY, fill.side.value, fill.symbol, fill.qty) for fill in result.fills]


def exact(result: Result) -> list[tuple[Any, ...]]:
    return [(fill.at, fill.side, fill.symbol, fill.qty, fill.price, fill.fee) for fill in result.fills]


def test_a_weight_is_so_many_whole_shares_of_equity() -> None:
    bars = bars_of("ONE", [10.0, 10.0, 12.0, 12.0, 12.0])
    result = run(Given([[0.5], [0.5], [0.25], [0.25], [0.25]]), [bars], cash=Decimal(1005), costs=FREE)
    # 502.5 at 10 are 50 shares; at 12 a quarter of 1105 is 276.25, 23 shares
    assert traded(result) == [(2, "buy", "ONE", 50), (4, "sell", "ONE", 27)]


def test_units_need_no_equity() -> None:
    bars = bars_of("ONE", [10.0] * 4)
    result = run(Given([[1], [1], [0], [0]], Decimal(30)), [bars], cash=Decimal(1000), costs=FREE)
    assert traded(result) == [(2, "buy", "ONE", 30), (4, "sell", "ONE", 30)]


def test_no_opinion_keeps_what_is_held() -> None:
    nan = float("nan")
    rows = [[0.5], [nan], [nan], [0.5], [nan]]
    result = run(
        Given(rows), [bars_of("ONE", [10.0, 10.0, 20.0, 20.0, 20.0])], cash=Decimal(1000), costs=FREE
    )
    # the target of the fourth day is a new one: half of 1500 at 20
    assert traded(result) == [(2, "buy", "ONE", 50), (5, "sell", "ONE", 13)]


def test_a_buy_takes_no_more_than_cash_surely_pays_and_the_rest_follows() -> None:
    result = run(Given([[1.0]] * 5), [bars_of("ONE", [10.0] * 5)], cash=Decimal(1100), costs=FREE)
    # held at the collar, 11 a share, and a millionth for rounding: 99; then 110 left at 11: 9, then one more
    assert traded(result) == [(2, "buy", "ONE", 99), (3, "buy", "ONE", 9), (4, "buy", "ONE", 1)]
    assert not result.refusals


def test_sales_come_first_and_what_they_bring_buys_a_step_later() -> None:
    bars = [bars_of("ONE", [10.0] * 6), bars_of("TWO", [10.0] * 6)]
    rows = [[0.9, 0.0], [0.9, 0.0], [0.0, 0.9], [0.0, 0.9], [0.0, 0.9], [0.0, 0.9]]
    result = run(Given(rows), bars, cash=Decimal(1000), costs=FREE)
    assert traded(result)[:3] == [(2, "buy", "ONE", 90), (4, "sell", "ONE", 90), (4, "buy", "TWO", 9)]
    assert result.account.quantity(Symbol("TWO")) == 90
    assert not result.refusals


def test_from_long_to_short_are_two_orders_at_two_steps() -> None:
    result = run(
        Given([[0.5], [0.5], [-0.5], [-0.5], [-0.5], [-0.5]]),
        [bars_of("ONE", [10.0] * 6)],
        cash=Decimal(1000),
        costs=FREE,
        kind=AccountKind.MARGIN,
    )
    assert traded(result) == [(2, "buy", "ONE", 50), (4, "sell", "ONE", 50), (5, "sell", "ONE", 50)]
    assert result.account.quantity(Symbol("ONE")) == -50


def test_what_a_small_volume_leaves_is_ordered_again() -> None:
    thin = bars_of("ONE", [10.0] * 6, volume=300.0)
    capped = Costs(fee_rate=Decimal(0), slippage=Decimal(0), participation=Decimal("0.1"))
    result = run(Given([[1.0]] * 6, Decimal(70)), [thin], cash=Decimal(2000), costs=capped)
    assert traded(result) == [(2, "buy", "ONE", 30), (3, "buy", "ONE", 30), (4, "buy", "ONE", 10)]


def test_a_run_that_begins_late_takes_the_targets_of_then() -> None:
    bars = bars_of("ONE", [10.0] * 5)
    result = run(Given([[0.5]] * 5), [bars], cash=Decimal(1000), costs=FREE, start=3 * DAY)
    assert traded(result) == [(4, "buy", "ONE", 50)]


def test_state_is_what_is_wanted_and_what_was_seen_last() -> None:
    one, two = Given([[1.0]]), Given([[1.0]])
    one.wanted = {Symbol("TWO"): Decimal("1.5"), Symbol("ONE"): Decimal(2)}
    one._seen, one._restated = {Symbol("ONE"): 0.25, Symbol("TWO"): float("nan")}, 7
    text = json.dumps(one.state(), sort_keys=True, allow_nan=False)
    two.restore(json.loads(text))
    assert list(two.wanted.items()) == list(one.wanted.items())
    assert json.dumps(two.state(), sort_keys=True) == text


def test_a_split_restates_what_is_wanted() -> None:
    """Else half of the position would be sold on the ex-date."""
    bars = [bars_of("ONE", [10.0, 10.0, 10.0, 5.0, 5.0, 5.0]), bars_of("TWO", [9.0] * 3 + [27.0] * 3)]
    actions = [
        CorporateAction(Symbol("ONE"), date(1970, 1, 4), ActionKind.SPLIT, new=2),
        CorporateAction(Symbol("TWO"), date(1970, 1, 4), ActionKind.SPLIT, old=3),
    ]
    for made in (Given([[0.4, 0.4]] * 6), Stepwise(Given([[0.4, 0.4]] * 6))):
        result = run(made, bars, cash=Decimal(1000), costs=FREE, actions=actions)
        assert traded(result) == [(2, "buy", "ONE", 40), (2, "buy", "TWO", 44)]
        assert result.account.quantity(Symbol("ONE")) == 80


def test_a_split_while_an_order_is_open_restates_both() -> None:
    thin = bars_of("ONE", [10.0, 10.0, 10.0, 5.0, 5.0, 5.0, 5.0], volume=300.0)
    capped = Costs(fee_rate=Decimal(0), slippage=Decimal(0), participation=Decimal("0.1"))
    split = CorporateAction(Symbol("ONE"), date(1970, 1, 4), ActionKind.SPLIT, new=2)
    result = run(Given([[1.0]] * 7, Decimal(80)), [thin], costs=capped, actions=[split])
    # 60 of 80 before the split; the rest are 40 shares of after it, the open, still at 10, takes the collar
    assert [(fill.side.value, fill.qty) for fill in result.fills] == [
        ("buy", 30), ("buy", 30), ("buy", 22), ("buy", 18)
    ]  # fmt: skip
    assert result.account.quantity(Symbol("ONE")) == 160


def test_of_what_is_delisted_nothing_is_wanted_and_a_new_symbol_takes_over() -> None:
    bars = [
        bars_of("ONE", [10.0] * 5),
        bars_of("OLD", [10.0] * 3),
        bars_of("NEW", [10.0] * 3, days=[4, 5, 6]),
    ]
    actions = [
        CorporateAction(Symbol("ONE"), date(1970, 1, 5), ActionKind.DELISTING, amount=Decimal(10)),
        CorporateAction(Symbol("OLD"), date(1970, 1, 4), ActionKind.SYMBOL_CHANGE, new_symbol=Symbol("NEW")),
    ]
    rows = [[0.3, 0.3, float("nan")]] * 6
    result = run(Given(rows), bars, cash=Decimal(1000), costs=FREE, actions=actions)
    assert traded(result) == [(2, "buy", "ONE", 30), (2, "buy", "OLD", 30)]
    assert not result.refusals
    assert result.account.quantity(Symbol("NEW")) == 30


def test_a_target_of_what_has_no_bar_yet_waits_for_its_first_one() -> None:
    bars = [bars_of("ONE", [10.0] * 6), bars_of("TWO", [20.0] * 3, days=[4, 5, 6])]
    for made in (Given([[0.4, 0.4]] * 6), Stepwise(Given([[0.4, 0.4]] * 6))):
        result = run(made, bars, cash=Decimal(1000), costs=FREE)
        assert traded(result) == [(2, "buy", "ONE", 40), (5, "buy", "TWO", 20)]


def test_an_order_that_no_bar_has_met_is_taken_back() -> None:
    bars = [bars_of("ONE", [10.0] * 6), bars_of("TWO", [20.0] * 4, days=[1, 2, 5, 6])]
    # all of one day, so that an order outlives a step
    within = [Bar(one.symbol, np.array(one.times) // 24, *one.whole()[1:]) for one in bars]

    class Hourly(Given):
        def signal(self, frame: Frame) -> Floats:
            return self._rows[frame.times * 24 // DAY - 1]

    rows = [[0.0, 0.0], [0.0, 0.4], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    result = run(Hourly(rows), within, cash=Decimal(1000), costs=FREE)
    assert result.fills == []


def test_targets_that_changed_while_it_was_not_shown_the_steps_are_followed() -> None:
    """An account that is paused shows its strategy nothing."""

    class Paused(Stepwise):
        def on_step(self, ctx: Context, moved: Any) -> None:
            if not 3 * DAY <= ctx.time <= 4 * DAY:
                super().on_step(ctx, moved)

    rows = [[0.0], [0.0], [0.5], [0.5], [0.5], [0.5], [0.5]]
    result = run(Paused(Given(rows)), [bars_of("ONE", [10.0] * 7)], cash=Decimal(1000), costs=FREE)
    assert traded(result) == [(6, "buy", "ONE", 50)]


class Growth(SignalStrategy):
    """Goes by as many growths as it asks for, the present one among them."""

    name = "growth"

    @property
    def warm_up(self) -> int:
        return 2

    def signal(self, frame: Frame) -> Floats:
        found = np.full(frame.growth.shape, np.nan)
        for row in range(2, len(found)):
            found[row] = np.where(np.prod(frame.growth[row - 2 : row + 1], axis=0) > 1.0, 0.5, 0.25)
        return found


def test_the_first_growth_of_a_window_is_that_of_all_bars() -> None:
    """Else a target would come and go in paper and live, and be traded anew at each bar."""
    walk = (10 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, 60)))).tolist()
    whole = run(Growth(), [bars_of("ONE", walk)], cash=Decimal(10_000), costs=FREE)
    step_by_step = run(Stepwise(Growth()), [bars_of("ONE", walk)], cash=Decimal(10_000), costs=FREE)
    assert len(whole.fills) > 5
    assert exact(whole) == exact(step_by_step)


@pytest.mark.parametrize("shares", [0, 10])
def test_windows_give_the_same_trades_as_all_bars(
    tmp_path_factory: pytest.TempPathFactory, shares: int
) -> None:
    """Real prices with splits, dividends and an instrument that lists late."""
    data = ensure_demo(tmp_path_factory.getbasetemp().parent / "demo")
    bars = [data.bars_of(name).cursor() for name in data.bars]

    def made() -> MovingAverageSignal:
        return MovingAverageSignal(fast=10, slow=30, shares=shares)

    whole = run(made(), bars, actions=data.actions)
    step_by_step = run(Stepwise(made()), bars, actions=data.actions)
    assert len(whole.fills) > 400
    assert exact(whole) == exact(step_by_step)
    assert (whole.equity, whole.account) == (step_by_step.equity, step_by_step.account)


def test_a_frame_has_growth_with_splits_and_dividends_and_gaps() -> None:
    one = bars_of("ONE", [10.0, 20.0, 10.0, 11.0])
    two = bars_of("TWO", [5.0, 6.0], days=[2, 4])
    actions = {
        Symbol("ONE"): [
            CorporateAction(Symbol("ONE"), date(1970, 1, 3), ActionKind.SPLIT, new=2),
            CorporateAction(Symbol("ONE"), date(1970, 1, 4), ActionKind.DIVIDEND, amount=Decimal(1)),
        ]
    }
    frame = frame_of([one, two], actions)
    assert frame.times.tolist() == [DAY, 2 * DAY, 3 * DAY, 4 * DAY]
    np.testing.assert_array_equal(frame.close[:, 1], [np.nan, 5, np.nan, 6])
    # a bar that closes at midnight is of the day before
    np.testing.assert_allclose(frame.growth[:, 0], [np.nan, 2.0, 1.0, 1.2])
    np.testing.assert_allclose(frame.growth[:, 1], [np.nan, np.nan, np.nan, 1.2])


class Looks(SignalStrategy):
    name = "looks-ahead"

    def signal(self, frame: Frame) -> Floats:
        closes = frame.close
        return np.where(np.vstack([closes[1:], closes[-1:]]) > closes, 0.5, 0.0)


def test_a_look_ahead_is_refused_with_instrument_and_bar() -> None:
    rising = bars_of("ONE", [float(price) for price in range(10, 50)])
    with pytest.raises(InvalidValue, match=r"looks-ahead\.signal.*no look ahead.*ONE at 1970-01-0"):
        run(Looks(), [rising])


class Remembers(SignalStrategy):
    """Goes by everything since the beginning, and says that it does not."""

    name = "remembers"

    def signal(self, frame: Frame) -> Floats:
        return np.where(frame.close > frame.close[0], 0.5, 0.0)


def test_a_warm_up_that_is_too_short_is_refused() -> None:
    rising = bars_of("ONE", [float(price) for price in range(10, 50)])
    with pytest.raises(InvalidValue, match=r"follows from the 0 bars of its warm_up"):
        run(Remembers(), [rising])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("up", "an array of numbers"),
        ([["up"]] * 3, "an array of numbers"),
        ([[0.5j]] * 3, "an array of numbers, got 'complex numbers'"),
        (np.zeros((3, 2)), "an array of shape"),
        (np.array([[0.0], [np.inf], [0.0]]), "ONE at 1970-01-03"),
        (np.array([[0.0], [1e9], [0.0]]), "finite numbers"),
    ],
)
def test_a_signal_that_is_none_is_refused(found: Floats, said: str) -> None:
    class Wrong(SignalStrategy):
        name = "wrong"

        def signal(self, frame: Frame) -> Floats:
            return found

    with pytest.raises(InvalidValue, match=rf"wrong\.signal \(test_signals\.py line \d+\): .*{said}"):
        run(Wrong(), [bars_of("ONE", [10.0] * 3)])


def test_a_signal_that_changes_its_bars_is_refused() -> None:
    class Mutates(SignalStrategy):
        name = "mutates"

        def signal(self, frame: Frame) -> Floats:
            frame.close[0] = 1.0
            return frame.close

    with pytest.raises(StrategyFailed, match=r"mutates, test_signals\.py line \d+.*read-only"):
        run(Mutates(), [bars_of("ONE", [10.0] * 3)])


def test_a_step_of_its_own_is_called_in_a_backtest_too() -> None:
    class Halved(Given):
        """Trades every other day."""

        def on_step(self, ctx: Context, moved: Any) -> None:
            if ctx.time // DAY % 2 == 0:
                super().on_step(ctx, moved)

    result = run(Halved([[0.5]] * 5), [bars_of("ONE", [10.0] * 5)], cash=Decimal(1000), costs=FREE)
    assert traded(result) == [(3, "buy", "ONE", 50)]
