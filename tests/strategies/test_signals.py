"""Signals: the same trades from a window as from all bars, exact quantities, nothing from the future."""

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


def test_state_is_what_is_wanted() -> None:
    one, two = Given([[1.0]]), Given([[1.0]])
    one.wanted = {Symbol("ONE"): Decimal("1.5")}
    state = one.state()
    assert state == {"wanted": {"ONE": "1.5"}}
    two.restore(state)
    assert two.wanted == one.wanted


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

    with pytest.raises(InvalidValue, match=said):
        run(Wrong(), [bars_of("ONE", [10.0] * 3)])
