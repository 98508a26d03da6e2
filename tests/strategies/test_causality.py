import numpy as np
import pytest

from strategies.test_signals import bars_of
from traderbot.analytics.arrays import Floats
from traderbot.backtests.runner import run
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderFilled
from traderbot.strategies.base import Context
from traderbot.strategies.causality import hooks_of, whole
from traderbot.strategies.equal_weight import EqualWeight
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.domain


class Recursive(SignalStrategy):
    """An exponential average of the close, whose start takes long to be forgotten."""

    name = "recursive"
    span = Whole(5, 2, 100)
    rows = Whole(5, 1, 1_000)

    @property
    def warm_up(self) -> int:
        return self.rows

    def signal(self, frame: Frame) -> Floats:
        average = frame.close.copy()
        for row in range(1, len(average)):
            average[row] += (1 - 2 / (self.span + 1)) * (average[row - 1] - average[row])
        return np.clip(frame.close / average - 0.8, 0.0, 0.5)


class Since(SignalStrategy):
    """Goes by the first bar of all."""

    name = "since"

    def signal(self, frame: Frame) -> Floats:
        return np.clip(frame.close / frame.close[0] - 0.8, 0.0, 0.5)


def walk() -> Bar:
    steps = np.random.default_rng(5).normal(0, 0.02, 600)
    return bars_of("ONE", [float(price) for price in 50 * np.exp(np.cumsum(steps))])


def test_the_refusal_of_a_short_warm_up_names_one_that_is_long_enough() -> None:
    with pytest.raises(InvalidValue, match=r"5 bars of its warm_up; raise warm_up \(try (\d+)\)") as refused:
        run(Recursive(), [walk()])
    tried = int(refused.value.detail.split("try ")[1].rstrip(")"))
    assert tried < 200
    assert run(Recursive(rows=tried), [walk()]).fills
    with pytest.raises(InvalidValue, match=r"raise warm_up"):
        run(Recursive(rows=tried // 2), [walk()])


def test_of_what_goes_by_the_first_bar_no_warm_up_is_said_to_be_enough() -> None:
    with pytest.raises(InvalidValue, match=r"no warm_up up to half of the 600 bars is enough"):
        run(Since(), [walk()])


class Stops(SignalStrategy):
    """Half, but sells all at a bar of its own choice."""

    name = "stops"

    def signal(self, frame: Frame) -> Floats:
        return np.full(frame.close.shape, 0.5)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if len(bar.known()[0]) == 300:
            self.wanted[bar.symbol] = self.wanted[bar.symbol] * 0


class Listens(EqualWeight):
    def on_fill(self, ctx: Context, fill: OrderFilled) -> None:
        """Nothing of its own, but it is told."""


def test_a_hook_of_its_own_is_found() -> None:
    assert hooks_of(EqualWeight) == []
    assert hooks_of(Listens) == ["on_fill"]
    assert hooks_of(Stops) == ["on_bar"]
    assert whole(Listens())
    assert not whole(Stops())


def test_a_bar_of_its_own_is_called_in_a_backtest() -> None:
    assert [fill.side.value for fill in run(Stops(), [walk()]).fills] == ["buy", "sell"]
