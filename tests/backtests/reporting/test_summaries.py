"""What is kept of a run: the curve is the account's equity at every step, and long ones keep their depth."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from traderbot.backtests.reporting.summaries import POINTS_MAX, kept_points, results_of
from traderbot.backtests.runner import Result, run
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy

pytestmark = pytest.mark.domain

DAY = 86_400_000_000
AAA, BBB = Symbol("AAA"), Symbol("BBB")


class Trades(Strategy):
    """Buys and sells on its days, and writes down its equity at every step."""

    name = "trades"

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.seen: dict[int, Decimal] = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        day = ctx.time // DAY
        if bar.symbol == AAA and day in (12_001, 12_011):
            ctx.buy(AAA, 10)
        if bar.symbol == AAA and day == 12_006:
            ctx.sell(AAA, 20)  # twice what was bought: they were split
        if bar.symbol == BBB and day == 12_003:
            ctx.buy(BBB, 5)
        self.seen[ctx.time] = ctx.equity


def bar(symbol: Symbol, first: int, start: float) -> Bar:
    times = (12_000 + first + np.arange(15 - first)) * DAY + DAY // 2
    closes = start + np.sin(np.arange(len(times)))
    if symbol == AAA:
        closes[4:] /= 2
    return Bar(symbol, times, closes, closes + 0.5, closes - 0.5, closes, np.full(len(times), 1e6))


SPLIT = CorporateAction(AAA, date(2002, 11, 13), ActionKind.SPLIT, None, 2, 1)
PAID = CorporateAction(BBB, date(2002, 11, 16), ActionKind.DIVIDEND, Decimal("0.5"))


def played() -> tuple[Result, list[Bar], Trades]:
    strategy, bars = Trades(), [bar(AAA, 0, 100.0), bar(BBB, 2, 50.0)]
    return run(strategy, bars, actions=[SPLIT, PAID], cash=Decimal(10_000)), bars, strategy


def test_the_curve_is_the_equity_that_the_strategy_saw() -> None:
    result, bars, strategy = played()
    found = results_of(result, bars, [SPLIT, PAID], 0)
    assert found.curve["times"] == list(strategy.seen)
    assert found.curve["equity"] == pytest.approx([float(one) for one in strategy.seen.values()], abs=0.006)
    assert found.summary["equity"] == str(result.equity)
    assert found.summary["executions"] == len(result.fills) == 4


def test_round_trips_go_from_flat_to_flat() -> None:
    result, bars, _ = played()
    first, second, third = results_of(result, bars, [SPLIT, PAID], 0).trades
    assert [(one["symbol"], one["exit_at"] is None) for one in (first, second, third)] == [
        (AAA, False), (BBB, True), (AAA, True),
    ]  # fmt: skip
    assert Decimal(first["net"]) == Decimal(first["gross"]) - Decimal(first["fees"])


def test_figures_are_of_the_curve_and_of_the_trades() -> None:
    result, bars, _ = played()
    found = results_of(result, bars, [SPLIT, PAID], 0)
    summary, equity = found.summary, np.array(found.curve["equity"])
    assert summary["total_return"] == pytest.approx(equity[-1] / equity[0] - 1, abs=1e-6)
    assert summary["max_drawdown"] == pytest.approx(min(found.curve["drawdown"]), abs=1e-6)
    assert (summary["trades"], summary["deposits"], summary["dividends"]) == (3, "10000", "2.5")
    assert summary["expectancy"] == pytest.approx(float(found.trades[0]["net"]))  # of the one that ended
    assert 0 < summary["in_market"] <= 1
    assert summary["beta"] is not None


def test_a_window_without_bars_is_refused() -> None:
    result, bars, _ = played()
    with pytest.raises(InvalidValue, match="start"):
        results_of(result, bars, [SPLIT, PAID], 2**60)


def test_a_window_begins_with_its_start() -> None:
    result, bars, strategy = played()
    times = list(strategy.seen)
    assert results_of(result, bars, [SPLIT, PAID], times[5]).curve["times"] == times[5:]


def test_a_long_curve_keeps_highs_lows_and_ends() -> None:
    values = np.sin(np.arange(1_000_000) / 1000.0)
    values[123_457], values[765_432] = 9.0, -9.0
    kept = kept_points(values)
    assert len(kept) <= POINTS_MAX
    assert {0, 123_457, 765_432, 999_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    assert kept_points(values[:POINTS_MAX]).tolist() == list(range(POINTS_MAX))
