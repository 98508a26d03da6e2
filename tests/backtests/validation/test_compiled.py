"""The compiled run says what the engine's run says, to the bit: equity, share filled, executions."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from backtests.validation.made import AAA, BBB, bars_of, subject, walk, waves
from traderbot.backtests.validation.compiled import plain
from traderbot.backtests.validation.monte_carlo import costlier, larger, missing_fills, noisy
from traderbot.backtests.validation.procedure import QUICK, validate
from traderbot.backtests.validation.record import About, encoded
from traderbot.backtests.validation.subject import Maker, Subject, outcome_of
from traderbot.market.demo import ensure_demo
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Context
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.equal_weight import EqualWeight
from traderbot.strategies.faults import StrategyFailed
from traderbot.strategies.moving_average import MovingAverageSignal
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.domain

SIGNALS = [kind for kind in CATALOGUE.values() if issubclass(kind, SignalStrategy)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Five years of the real data, with the splits and dividends in them."""
    found = ensure_demo(tmp_path_factory.mktemp("home"))
    bars = [one.tail(1_300) for one in found.bars.values()]
    return msgspec.structs.replace(subject(EqualWeight, *bars), actions=found.actions, cash=Decimal(100_000))


def of(kind: type[SignalStrategy], made: Subject) -> Subject:
    strategy = kind()
    return msgspec.structs.replace(
        made, name=kind.name, make=Maker(kind), chosen=strategy.values(), warm_up=strategy.warm_up
    )


def same(made: Subject) -> None:
    assert made.compiled is not None
    strategy = made.make(made.chosen)
    assert isinstance(strategy, SignalStrategy)
    found, expected = made.compiled.outcome(strategy), outcome_of(made.result(), made.bars)
    assert found is not None
    assert found.track.equity.tobytes() == expected.track.equity.tobytes()
    assert found.track.times.tolist() == expected.track.times.tolist()
    assert (found.track.start, *found[1:]) == (expected.track.start, *expected[1:])


@pytest.mark.parametrize("kind", SIGNALS, ids=lambda kind: kind.name)
def test_every_shipped_signal_on_real_data_and_under_each_stress(
    kind: type[SignalStrategy], demo: Subject
) -> None:
    made = of(kind, demo)
    assert outcome_of(made.result(), made.bars).fills
    for changed in (made, noisy(made, 0.2, 1), missing_fills(made, 0.1, 2), costlier(made, 4)):
        same(changed)
    same(larger(made, 1000))


def test_splits_and_dividends_of_what_is_held() -> None:
    actions = [
        CorporateAction(AAA, date(2000, 3, 1), ActionKind.SPLIT, new=2, old=1),
        CorporateAction(AAA, date(2000, 3, 1), ActionKind.DIVIDEND, Decimal("0.31")),
        CorporateAction(AAA, date(2000, 6, 1), ActionKind.SPLIT, new=3, old=1),
        CorporateAction(BBB, date(2000, 4, 3), ActionKind.DIVIDEND, Decimal("1.05")),
    ]
    made = subject(EqualWeight, bars_of(walk(300, 1)), bars_of(walk(260, 2), BBB), cash=50_000)
    same(msgspec.structs.replace(made, actions=actions))


def test_the_verdict_is_to_the_byte_that_of_the_engine() -> None:
    made = subject(
        MovingAverageSignal,
        bars_of(waves(500, 3)),
        bars_of(waves(420, 4), BBB, volume=40_000),
        chosen={"fast": 2, "slow": 8},
        grid={"fast": [1, 2, 3], "slow": [6, 8, 12]},
        warm_up=MovingAverageSignal(fast=2, slow=8).warm_up,
    )
    about = About("made", "0" * 64, {}, "made", "0" * 64)
    slow = msgspec.structs.replace(made, fast=False)
    assert made.compiled is not None
    assert slow.compiled is None
    assert encoded(validate(made, about, QUICK)) == encoded(validate(slow, about, QUICK))


class Listens(EqualWeight):
    """More than its signal."""

    name = "listens"

    def on_fill(self, ctx: Context, fill: object) -> None:
        ctx.cancel_all = True  # type: ignore[attr-defined]


class Short(SignalStrategy):
    """What the kernel does not play."""

    name = "short"

    def signal(self, frame: Frame) -> np.ndarray:
        return np.full(frame.close.shape, -0.5)


class Raises(SignalStrategy):
    name = "raises"

    def signal(self, frame: Frame) -> np.ndarray:
        raise ValueError("nothing to go by")


def test_what_is_more_than_a_signal_is_left_to_the_engine() -> None:
    assert plain(EqualWeight())
    assert not plain(Listens())
    assert subject(Listens, bars_of(walk(80, 1))).compiled is None


def test_what_the_kernel_does_not_play_is_played_by_the_engine() -> None:
    made = subject(Short, bars_of(walk(80, 1)))
    assert made.compiled is not None
    assert made.compiled.outcome(Short()) is None
    assert made.outcome().track.equity.tolist() == outcome_of(made.result(), made.bars).track.equity.tolist()


def test_a_strategy_that_fails_is_told_of_as_by_the_engine(tmp_path: Path) -> None:
    with pytest.raises(StrategyFailed, match="nothing to go by"):
        subject(Raises, bars_of(walk(80, 1))).outcome()


class Peeks(SignalStrategy):
    name = "peeks"

    def signal(self, frame: Frame) -> np.ndarray:
        return np.where(np.roll(frame.close, -1, axis=0) > frame.close, 0.5, 0.0)


def test_a_signal_that_looks_ahead_is_refused_as_by_the_engine() -> None:
    with pytest.raises((InvalidValue, StrategyFailed), match="no look ahead"):
        subject(Peeks, bars_of(walk(200, 1))).outcome()
