"""Cheats of several kinds are found, with the bar; what only looks back is left alone."""

import numpy as np
import pytest

from backtests.validation.made import AAA, BBB, Dice, Forever, Peeking, Trend, bars_of, hold, subject, walk
from traderbot.backtests.validation.lookahead import look_ahead, sampled_cuts, warm_up
from traderbot.model.bars import Bar
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.domain


class Scaled(Strategy):
    """Compares with the mean of all closes there will be: whole-sample scaling, the most usual leak."""

    name = "scaled"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        hold(ctx, bar, bar.close < float(np.mean(bar._columns[4])))


class Sized(Strategy):
    """Trades at the right times, but its size knows the last close."""

    name = "sized"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        hold(ctx, bar, bar.index % 10 < 5, qty=int(bar._columns[4][-1]))


@pytest.mark.parametrize("kind", [Peeking, Scaled, Sized])
def test_a_cheat_is_named_with_its_bar(kind: type[Strategy]) -> None:
    made = subject(kind, bars_of(walk(200, 1, scale=0.02)))
    found = look_ahead(made, sampled_cuts(made, 8, 0).tolist())
    assert found.cuts == 8
    assert found.differences
    for difference in found.differences:
        assert difference.time <= difference.cut
        assert difference.whole != difference.part
        assert f"{kind.name}: at the bar of 2000-" in difference.words
        assert difference.symbol == AAA


def test_the_instrument_that_is_peeked_at_is_the_one_named() -> None:
    class PeekingAtOne(Peeking):
        def on_bar(self, ctx: Context, bar: Bar) -> None:
            if bar.symbol == BBB:
                super().on_bar(ctx, bar)

    made = subject(PeekingAtOne, bars_of(walk(150, 1)), bars_of(walk(150, 2), BBB))
    found = look_ahead(made, sampled_cuts(made, 8, 0).tolist())
    assert {difference.symbol for difference in found.differences} == {BBB}


@pytest.mark.parametrize("kind", [Trend, Dice, Forever, MovingAverageCrossover])
def test_what_looks_back_only_is_left_alone(kind: type[Strategy]) -> None:
    made = subject(kind, bars_of(walk(200, 1)), bars_of(walk(180, 2), BBB))
    seen: list[tuple[str, int, int]] = []
    found = look_ahead(made, sampled_cuts(made, 6, 3).tolist(), lambda *step: seen.append(step))
    assert found.differences == []
    assert seen[-1] == ("lookahead", 6, 6)


def test_cuts_are_spread_after_the_warm_up_and_the_same_for_a_seed() -> None:
    made = subject(Trend, bars_of(walk(200, 1)), warm_up=50)
    cuts = sampled_cuts(made, 10, 1)
    rows = np.searchsorted(made.times, cuts)
    assert rows.min() >= 50
    assert np.diff(rows).min() >= 1
    assert rows.max() >= 184
    assert (cuts == sampled_cuts(made, 10, 1)).all()
    assert (cuts != sampled_cuts(made, 10, 2)).any()


def test_a_later_start_agrees_once_warmed_up() -> None:
    made = subject(Trend, bars_of(walk(300, 1)), chosen={"length": 10}, warm_up=10)
    found = warm_up(made, sampled_cuts(made, 4, 0)[:-1].tolist())
    assert found.starts == 3
    assert found.share == 1.0
    assert found.worst is None


def test_a_strategy_that_goes_by_all_bars_ever_does_not_agree() -> None:
    made = subject(Forever, bars_of(100 + np.cumsum(np.tile([1.0] * 40 + [-1.0] * 40, 5))))
    found = warm_up(made, sampled_cuts(made, 4, 0)[:-1].tolist())
    assert found.share < 0.9
    assert found.worst is not None
    assert {found.worst.whole, found.worst.part} == {"long", "flat"}
