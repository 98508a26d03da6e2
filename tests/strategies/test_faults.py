"""A strategy's own fault is told with its file, its line and the bar."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from strategies.test_signals import bars_of
from traderbot.analytics.arrays import Floats
from traderbot.backtests.runner import run
from traderbot.model.bars import Bar
from traderbot.model.membership import Spell, membership_of
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.faults import StrategyFailed
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.unit


class Acts(Strategy):
    """Does one thing at its third bar."""

    name = "acts"

    def __init__(self, act: Callable[[Context], Any]) -> None:
        super().__init__()
        self._act = act

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.index == 2:
            self._act(ctx)


class Speechless(Exception):  # noqa: N818 - what it is
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raised(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda ctx: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda ctx: ctx.buy("ONE", "-1"), "qty: expected a positive decimal"),
        (lambda ctx: ctx.buy("ONE", 1.5), "qty: expected a positive decimal"),
        (lambda ctx: ctx.buy("ONE", "NaN"), "qty: expected a positive decimal"),
        (lambda ctx: ctx.buy("NONE", 1), "symbol: expected an instrument that there are bars of, got 'NONE'"),
        (lambda ctx: sys.exit(0), "SystemExit: 0"),
        (lambda ctx: raised(ValueError("half \ud800")), "ValueError: half \\ud800"),
        (lambda ctx: raised(Speechless()), "Speechless"),
        (lambda ctx: ctx.mark("NONE"), "no price of NONE is known yet"),
        (lambda ctx: ctx.history("NONE"), "KeyError"),
        (lambda ctx: ctx.history("ONE").closes.__setitem__(0, 1.0), "ValueError: assignment destination"),
    ],
)
@pytest.mark.parametrize("instruments", [1, 2])
def test_what_a_callback_does_wrong_is_told(
    act: Callable[[Context], Any], said: str, instruments: int
) -> None:
    bars = [bars_of(name, [10.0] * 5) for name in ("ONE", "TWO")[:instruments]]
    with pytest.raises(StrategyFailed) as failed:
        run(Acts(act), bars)
    assert failed.value.detail.startswith("acts, test_faults.py line ")
    assert f"at the bar of 1970-01-04 00:00 UTC: {said}" in failed.value.detail


def test_a_signal_that_raises_is_told() -> None:
    class Raises(SignalStrategy):
        name = "raises"

        def signal(self, frame: Frame) -> Floats:
            return np.linalg.inv(np.zeros((2, 2)))

    with pytest.raises(StrategyFailed, match=r"raises, test_faults\.py line \d+.*Singular matrix"):
        run(Raises(), [bars_of("ONE", [10.0] * 5)])


class Late(SignalStrategy):
    """Raises from the first bar above 12 on."""

    name = "late"

    def signal(self, frame: Frame) -> Floats:
        if (frame.close > 12).any():
            raise KeyError("above")
        return np.zeros(frame.close.shape)


def test_a_signal_that_raises_names_the_bar_with_which_it_does() -> None:
    with pytest.raises(StrategyFailed) as failed:
        run(Late(), [bars_of("ONE", [10.0, 11.0, 12.0, 13.0, 10.0, 10.0])])
    assert "at the bar of 1970-01-05 00:00 UTC" in failed.value.detail
    assert failed.value.detail.startswith("late, test_faults.py line ")
    assert failed.value.detail.endswith("KeyError: 'above'")


@pytest.mark.parametrize("name", Frame._fields[1:])
def test_no_array_of_a_frame_can_be_written_to(name: str) -> None:
    class Writes(SignalStrategy):
        def signal(self, frame: Frame) -> Floats:
            getattr(frame, name)[...] = 0
            return np.zeros(frame.close.shape)

    index = membership_of([Spell(Symbol("ONE"), date(1970, 1, 1))])
    for membership in (None, index):
        with pytest.raises(StrategyFailed, match=r"strategy, test_faults\.py line .*read-only"):
            run(Writes(), [bars_of("ONE", [10.0] * 5), bars_of("TWO", [10.0] * 4)], membership=membership)


def test_what_is_no_fault_of_the_strategy_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Strategy(), [bars_of("ONE", [10.0] * 5)], actions=[Broken()])  # type: ignore[list-item]


class Broken:
    """No corporate action at all."""

    @property
    def ex_date(self) -> Any:
        raise ZeroDivisionError
