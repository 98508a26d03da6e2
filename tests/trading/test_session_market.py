"""The market at one moment: nothing later than its time, and splits between a bar and now are told."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.engine.market import Phase
from traderbot.market.sessions import NOT_STARTED, Timeline
from traderbot.model.symbols import Symbol
from traderbot.trading.session_market import SessionMarket
from trading.session_rig import AAA, BBB, SPLIT_STEP, small_dataset

pytestmark = pytest.mark.unit

D = Decimal
STEPS = 20


def market(step: int, skipped: tuple[int, ...] = ()) -> SessionMarket:
    dataset = small_dataset(skipped)
    return SessionMarket(dataset, Timeline(dataset), step)


@settings(deadline=None)
@given(step=st.integers(NOT_STARTED, STEPS - 1), skipped=st.sets(st.integers(0, STEPS - 1), max_size=10))
def test_a_mark_is_the_last_close_and_never_later_than_the_time(step: int, skipped: set[int]) -> None:
    now = market(step, tuple(skipped))
    bars = small_dataset(tuple(skipped)).bars[AAA]
    mark = now.mark(AAA)
    past = [
        (int(time), float(close))
        for time, close in zip(bars.times, bars.close, strict=True)
        if time <= now.time
    ]
    if not past:
        assert mark is None
        return
    assert mark is not None
    time, close = past[-1]
    assert mark.at == time <= now.time
    split_since = time < Timeline(small_dataset()).time_of(SPLIT_STEP) <= now.time
    assert mark.price == D(repr(close)) / (2 if split_since else 1)


@settings(deadline=None)
@given(step=st.integers(NOT_STARTED, STEPS - 1))
def test_the_day_ends_with_the_session_that_comes_next(step: int) -> None:
    now = market(step)
    timeline = Timeline(small_dataset())
    if step == STEPS - 1:
        assert now.ended
        assert now.day_end is None
    else:
        assert not now.ended
        assert now.day_end == timeline.time_of(step + 1) > now.time


@pytest.mark.parametrize(
    ("step", "before"),
    [(0, None), (1, "100"), (SPLIT_STEP, "53"), (SPLIT_STEP + 1, "53.5"), (SPLIT_STEP - 1, "105")],
)
def test_the_close_before_is_in_the_shares_of_the_mark(step: int, before: str | None) -> None:
    assert market(step).close_before(AAA) == (None if before is None else D(before))


def test_without_a_bar_on_the_splits_day_the_old_close_is_divided() -> None:
    """Otherwise twice the shares at the old price would be twice the money for a day."""
    skipped = (SPLIT_STEP, SPLIT_STEP + 1)
    mark = market(SPLIT_STEP + 1, skipped).mark(AAA)
    assert mark is not None
    assert mark.price == 53
    assert market(SPLIT_STEP + 1, skipped).close_before(AAA) == D("52.5")
    later = market(SPLIT_STEP + 2, skipped)
    assert later.close_before(AAA) == 53


def test_an_unknown_symbol_has_no_price() -> None:
    assert market(5).mark(Symbol("ZZZ")) is None
    assert market(5).close_before(Symbol("ZZZ")) is None


def test_another_step_of_the_same_session() -> None:
    now = market(3)
    assert now.at(3) is now
    assert now.at(9).mark(BBB) == market(9).mark(BBB)


def test_a_market_of_bars_is_open_and_found_by_time() -> None:
    dataset = small_dataset()
    timeline = Timeline(dataset)
    market = SessionMarket(dataset, timeline, 3)
    assert market.phase is Phase.OPEN
    assert market.at_time(market.time).step == 3
    assert market.at_time(market.time - 1).step == 2
    assert market.at_time(timeline.time_of(0) - 1).step == NOT_STARTED
    assert market.at_time(2**62).ended
