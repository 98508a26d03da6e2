from collections import Counter
from decimal import Decimal

import pytest

from traderbot.backtests.sweeping.search import BATCH, Grid, Random, Search, Tpe, Values, axis
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageSignal
from traderbot.strategies.parameters import Choice, Exact, Flag, Real, Whole

pytestmark = pytest.mark.unit


class Every(Strategy):
    """A parameter of each kind."""

    name = "every"
    whole = Whole(5, 1, 10)
    real = Real(0.5, 0.0, 1.0)
    wide = Real(1.0, 1e-6, 1e6, log=True)
    exact = Exact("0.5", Decimal("0.1"), Decimal("0.9"))
    choice = Choice("a", "b", "c")
    flag = Flag(False)


def sets_of(search: Search) -> list[Values]:
    """All sets, each scored by how near its number is to 7."""
    found = []
    for batch in search.batches():
        search.tell(batch, [-abs(float(values.get("whole", 0)) - 7) for values in batch])
        found += batch
    return found


def test_a_grid_has_every_combination_that_the_strategy_takes() -> None:
    grid = Grid(MovingAverageSignal, {"fast": [5, 10, 30], "slow": [10, 20]})
    assert sets_of(grid) == [
        {"fast": 5, "slow": 10},
        {"fast": 5, "slow": 20},
        {"fast": 10, "slow": 20},
    ]
    assert (grid.total, grid.skipped) == (3, 3)


def test_an_axis_is_a_range_or_a_list() -> None:
    assert axis(MovingAverageSignal, "fast=5:20:5") == ("fast", [5, 10, 15, 20])
    assert axis(MovingAverageSignal, "fast=5:19:5") == ("fast", [5, 10, 15])
    assert axis(MovingAverageSignal, "slow = 30, 50") == ("slow", [30, 50])
    assert axis(Every, "exact=0.1:0.3:0.1")[1] == [Decimal("0.1"), Decimal("0.2"), Decimal("0.3")]
    assert axis(Every, "choice=a,c") == ("choice", ["a", "c"])


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("quick=5", "parameter"),
        ("fast", "fast"),
        ("fast=5:1:1", "fast"),
        ("fast=1:5:0", "fast"),
        ("fast=1:5:x", "fast"),
        ("fast=1:5", "fast"),
        ("fast=1:NaN:1", "fast"),
        ("fast=0:5:1", "fast"),
        ("fast=1:1e30:1e-9", "fast"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        axis(MovingAverageSignal, text)
    assert refused.value.field == field


def test_a_grid_of_nothing_or_of_too_much_is_refused() -> None:
    with pytest.raises(InvalidValue, match="combinations"):
        Grid(MovingAverageSignal, {})
    with pytest.raises(InvalidValue, match="combinations"):
        Grid(MovingAverageSignal, {"fast": range(1, 1001), "slow": range(2, 5000)})
    with pytest.raises(InvalidValue, match="takes"):
        Grid(MovingAverageSignal, {"fast": [30], "slow": [20]})


@pytest.mark.parametrize("kind", [Random, Tpe])
def test_draws_are_the_same_for_a_seed_and_within_the_ranges(kind: type[Random] | type[Tpe]) -> None:
    first, again, other = (sets_of(kind(Every, 40, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 40
    for values in first:
        Every(**values)  # refuses what is out of range
    assert set(Counter(values["choice"] for values in first)) == {"a", "b", "c"}


def test_tpe_comes_closer_to_the_best_as_it_learns() -> None:
    found = [values["whole"] for values in sets_of(Tpe(Every, 6 * BATCH, 3))]
    early, late = found[:BATCH], found[-BATCH:]
    assert sum(abs(value - 7) for value in late) < sum(abs(value - 7) for value in early)


def test_a_strategy_without_parameters_cannot_be_searched() -> None:
    with pytest.raises(InvalidValue, match="parameters"):
        Random(Strategy, 5)
    with pytest.raises(InvalidValue, match="sets"):
        Tpe(Every, 0)
