"""Every signal strategy on offer is causal, the same from a window, finite and within its leverage."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from traderbot.analytics.arrays import Floats
from traderbot.backtests.runner import Result, run
from traderbot.market.bars import make_bars
from traderbot.model.account import AccountKind
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderFilled
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.catalogue import CATALOGUE, named
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.unit

DAY = 86_400_000_000
ROWS = 420
SIGNALS = sorted(name for name, kind in CATALOGUE.items() if issubclass(kind, SignalStrategy))
BOTH = sorted(name for name in SIGNALS if "sides" in CATALOGUE[name].declared())


def frame_like_real(columns: int = 5, rows: int = ROWS, *, gaps: bool = True) -> Frame:
    """Weekdays of correlated prices; with gaps: one lists late, and one in fifty bars is missing."""
    random = np.random.default_rng(7)
    market = random.normal(0.0004, 0.008, (rows, 1))
    own = random.normal(0.0, 0.012, (rows, columns))
    level = np.cumsum(market + own, axis=0)
    apart = random.normal(0, 0.01, (rows, columns // 2))
    for row in range(1, rows):
        apart[row] += 0.8 * apart[row - 1]
    level[:, 1::2] = level[:, : columns // 2 * 2 : 2] + apart  # cointegrated with the one before
    close = 50.0 * np.exp(level)
    spread = 1.0 + np.abs(random.normal(0, 0.006, (2, rows, columns)))
    here = np.ones((rows, columns), dtype=bool)
    if gaps:
        here = random.random((rows, columns)) > 0.02
        here[: rows // 3, -1] = False
    close = np.where(here, close, np.nan)
    growth = np.full(close.shape, np.nan)
    for column in range(columns):
        own_rows = np.flatnonzero(here[:, column])
        growth[own_rows[1:], column] = close[own_rows[1:], column] / close[own_rows[:-1], column]
    days = np.array([day for day in range(4, rows * 2) if (day + 3) % 7 < 5][:rows], dtype=np.int64)
    names = tuple(Symbol(f"A{number:03}") for number in range(columns))
    volume = np.where(here, 1e6, np.nan)
    return Frame(names, days * DAY, close, close * spread[0], close / spread[1], close, volume, growth)


def made(name: str, both: bool = False) -> SignalStrategy:
    strategy = named(name)(**({"sides": "both"} if both else {}))
    assert isinstance(strategy, SignalStrategy)
    return strategy


CASES = [*((name, False) for name in SIGNALS), *((name, True) for name in BOTH)]


def same(one: Floats, other: Floats) -> bool:
    return np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize(("name", "both"), CASES)
def test_rows_do_not_change_when_later_ones_are_taken_away(name: str, both: bool) -> None:
    frame, strategy = frame_like_real(), made(name, both)
    whole = strategy.targets(frame)
    for cut in (ROWS // 2, ROWS - 60, ROWS - 1):
        assert same(strategy.targets(frame.rows(0, cut)), whole[:cut])


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize(("name", "both"), CASES)
def test_a_window_gives_what_the_whole_gives(name: str, both: bool, gaps: bool) -> None:
    """As paper and live see it: the growth into the window's first bar is not known."""
    frame, strategy = frame_like_real(gaps=gaps), made(name, both)
    whole = strategy.targets(frame)
    for last in range(ROWS - 24, ROWS):
        first = last + 1 - (strategy.warm_up + 2)
        window = frame.rows(first, last + 1)
        growth = window.growth.copy()
        for column in range(growth.shape[1]):
            bars = np.flatnonzero(~np.isnan(window.close[:, column]))
            growth[bars[:1], column] = np.nan
        assert same(strategy.targets(window._replace(growth=growth))[-2:], whole[last - 1 : last + 1])


@pytest.mark.parametrize(("name", "both"), CASES)
def test_weights_are_within_the_leverage_and_something_happens(name: str, both: bool) -> None:
    strategy = made(name, both)
    for gaps in (False, True):
        found = strategy.targets(frame_like_real(gaps=gaps))
        assert np.nansum(np.abs(found), axis=1).max() <= getattr(strategy, "leverage", 1.0) + 1e-6
        assert not np.isinf(found).any()
        assert (np.nan_to_num(found) > 0).any()
        if not both:
            assert not (found < 0).any()


def frame_with_an_index() -> Frame:
    """The first leaves for good, the third is out for a while, the fourth joins late."""
    frame = frame_like_real()
    member = np.ones(frame.close.shape, dtype=np.bool_)
    member[ROWS - 50 :, 0] = False
    member[ROWS - 90 : ROWS - 70, 2] = False
    member[: ROWS - 80, 3] = False
    return frame._replace(member=member)


@pytest.mark.parametrize(("name", "both"), CASES)
def test_nothing_is_wanted_of_what_is_not_in_the_index(name: str, both: bool) -> None:
    frame, strategy = frame_with_an_index(), made(name, both)
    whole = strategy.targets(frame)
    assert not whole[strategy.warm_up :][~frame.member[strategy.warm_up :]].any()
    assert np.nanmax(np.abs(whole)) > 0
    for cut in (ROWS - 85, ROWS - 49, ROWS - 1):
        assert same(strategy.targets(frame.rows(0, cut)), whole[:cut])
        window = frame.rows(max(cut - strategy.warm_up - 2, 0), cut)
        assert same(strategy.targets(window)[-1:], whole[cut - 1 : cut])


@pytest.mark.parametrize("name", SIGNALS)
def test_no_opinion_of_an_instrument_before_it_is_listed(name: str) -> None:
    found = made(name).targets(frame_like_real())
    assert np.isnan(found[: ROWS // 3, -1]).all()


@pytest.mark.parametrize("name", SIGNALS)
def test_one_instrument_alone_and_no_rows_are_taken(name: str) -> None:
    frame = frame_like_real(1, gaps=False)
    assert made(name).targets(frame).shape == (ROWS, 1)
    for rows in (*range(30), 60, 251, 252, 253):
        assert made(name).targets(frame.rows(0, rows)).shape == (rows, 1)


@pytest.mark.parametrize("name", SIGNALS)
def test_prices_that_never_move_are_taken(name: str) -> None:
    frame = frame_like_real(gaps=False)
    flat = np.full_like(frame.close, 10.0)
    growth = np.ones_like(flat)
    growth[0] = np.nan
    still = frame._replace(open=flat, high=flat, low=flat, close=flat, growth=growth)
    assert made(name).targets(still).shape == flat.shape


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_each_declares_itself(kind: type[Strategy]) -> None:
    assert CATALOGUE[kind.name] is kind
    assert kind.__doc__
    strategy = kind()
    assert strategy.warm_up >= 0
    for name, parameter in kind.declared().items():
        assert parameter.check(strategy.values()[name]) == parameter.initial


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match="strategy"):
        named("perpetual-motion")


NAMES = sorted(CATALOGUE.keys() - {"ai-forecast"})  # whose models have tests of their own


class Restarted(Strategy):
    """Shows another strategy every step, and makes a new one of it from its state at some of them."""

    name = "restarted"

    def __init__(self, kind: type[Strategy], values: dict[str, Any], at: Sequence[int]) -> None:
        super().__init__()
        self._kind, self._given, self._at, self._step = kind, values, set(at), 0
        self.inner = kind(**values)

    def on_start(self, ctx: Context) -> None:
        self.inner.on_start(ctx)

    def on_fill(self, ctx: Context, fill: OrderFilled) -> None:
        self.inner.on_fill(ctx, fill)

    def on_step(self, ctx: Context, moved: Sequence[Bar]) -> None:
        if self._step in self._at:
            state = json.loads(json.dumps(self.inner.state()))
            self.inner = self._kind(**self._given)
            self.inner.on_start(ctx)
            if state is not None:
                self.inner.restore(state)
        self._step += 1
        self.inner.on_step(ctx, moved)


def played(name: str, values: dict[str, Any], at: Sequence[int]) -> Result:
    frame = frame_like_real(4, rows=ROWS)
    bars = []
    for column, symbol in enumerate(frame.symbols):
        here = ~np.isnan(frame.close[:, column])
        parts = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        own = make_bars(symbol, frame.times[here], *(part[here, column] for part in parts))
        bars.append(own.cursor())
    return run(Restarted(named(name), values, at), bars, kind=AccountKind.MARGIN)


@pytest.mark.parametrize(
    ("name", "values"),
    [*((name, {}) for name in NAMES), *((name, {"sides": "both"}) for name in BOTH)],
    ids=lambda value: value if isinstance(value, str) else "-".join(value.values()) or "preset",
)
def test_it_goes_on_as_if_nothing_had_been(name: str, values: dict[str, Any]) -> None:
    whole = played(name, values, ())
    again = played(name, values, (60, 200, 201, 330, ROWS - 25))
    assert [(fill.at, fill.symbol, fill.side, fill.qty, fill.price) for fill in again.fills] == [
        (fill.at, fill.symbol, fill.side, fill.qty, fill.price) for fill in whole.fills
    ]
    assert again.equity == whole.equity
    assert whole.fills
