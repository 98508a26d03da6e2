from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.backtests.runner import run
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.domain

MINUTE = 60_000_000


def bar_of(closes: list[int]) -> Bar:
    column = np.array(closes, dtype=float)
    volumes = np.full(len(closes), 1e6)
    times = np.arange(1, len(closes) + 1) * MINUTE
    return Bar(Symbol("AAA"), times, column, column, column, column, volumes)


def expected_sides(closes: list[int], fast: int, slow: int) -> list[tuple[int, str]]:
    """(bar it fills on, side) by sums over whole windows of integers."""
    sides, held = [], False
    for index in range(slow - 1, len(closes) - 1):
        window = closes[index - slow + 1 : index + 1]
        gap = sum(window[-fast:]) * slow - sum(window) * fast
        if gap > 0 and not held:
            sides.append((index + 1, "buy"))
            held = True
        elif gap < 0 and held:
            sides.append((index + 1, "sell"))
            held = False
    return sides


@given(st.lists(st.integers(50, 54), max_size=60), st.integers(1, 4), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_it_is_long_while_the_fast_average_is_above_the_slow_one(
    closes: list[int], fast: int, more: int
) -> None:
    strategy = MovingAverageCrossover(fast=fast, slow=fast + more, qty=1)
    result = run(strategy, [bar_of(closes)], costs=Costs(slippage=Decimal(0)))
    filled = [(fill.at // MINUTE - 1, fill.side.value) for fill in result.fills]
    assert filled == expected_sides(closes, fast, fast + more)


@pytest.mark.parametrize(("fast", "slow"), [(0, 5), (5, 5), (6, 5), (-1, 5)])
def test_the_fast_average_is_the_shorter(fast: int, slow: int) -> None:
    with pytest.raises(InvalidValue, match=r"^fast"):
        MovingAverageCrossover(fast=fast, slow=slow)
