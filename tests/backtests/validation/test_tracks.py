from datetime import date
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from backtests.validation.made import AAA, BBB, DAY, FIRST, Trend, bars_of, subject, walk
from traderbot.backtests.validation.tracks import Track, rows_a_year, sampled
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.strategies.base import Context, Strategy

pytestmark = pytest.mark.domain


class Noting(Strategy):
    """Trades as it likes and notes the equity that the engine itself gives at every step."""

    name = "noting"
    seen: dict[int, Decimal]

    def __init__(self) -> None:
        self.inner = Trend(length=4)
        self.seen = {}

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen[ctx.time] = ctx.equity
        self.inner.on_bar(ctx, bar)


def test_equity_is_what_the_engine_says_at_every_step_with_splits_and_dividends() -> None:
    strategy = Noting()
    actions = [
        CorporateAction(AAA, date(2000, 2, 10), ActionKind.SPLIT, new=2, old=1),
        CorporateAction(AAA, date(2000, 3, 1), ActionKind.DIVIDEND, Decimal("0.5")),
    ]
    made = subject(Trend, bars_of(walk(120, 1)), bars_of(walk(100, 2), BBB))
    made = msgspec.structs.replace(made, make=lambda _: strategy, actions=actions)
    track = made.track()
    assert track.start == 100_000
    assert len(set(strategy.seen.values())) > 50
    np.testing.assert_allclose(track.equity, [float(value) for value in strategy.seen.values()], rtol=1e-12)
    assert track.times.tolist() == list(strategy.seen)


def test_returns_compound_to_the_equity_and_end_with_ruin() -> None:
    track = Track(np.arange(4), np.array([110.0, 99.0, -5.0, 20.0]), 100.0)
    assert track.returns == pytest.approx([0.1, -0.1, -1.0, 0.0])


def test_looking_at_some_times_only_keeps_the_whole_growth() -> None:
    track = Track(np.arange(6) * 10, np.array([100.0, 101, 103, 102, 104, 110]), 100.0)
    seldom = track.at(np.array([25, 50]))
    assert np.prod(1 + seldom.returns) == pytest.approx(1.1)
    late = track.since(30)
    assert late.start == 103
    assert np.prod(1 + late.returns) == pytest.approx(110 / 103)
    assert track.since(0).start == 100


def test_days_are_sampled_where_there_are_enough_of_them() -> None:
    hours = FIRST + np.arange(24 * 100) * DAY // 24
    days = sampled(hours)
    assert 100 <= len(days) <= 101
    assert set(np.diff(days)[:-1].tolist()) == {DAY}
    few = hours[:240]
    assert sampled(few) is few
    assert rows_a_year(days[:-1]) == pytest.approx(365.25)
