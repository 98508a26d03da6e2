import numpy as np
import pytest

from backtests.validation.made import Trend, bars_of, subject, waves
from traderbot.backtests.validation.stability import Neighbour, beside, neighbours, points, ratio
from traderbot.backtests.validation.subject import sharpe
from traderbot.backtests.validation.trials import run_trials

pytestmark = pytest.mark.domain


def test_the_values_beside_the_chosen_one() -> None:
    assert beside([2, 4, 6, 8], 4) == [2, 6]
    assert beside([2, 4, 6, 8], 5) == [4, 6]
    assert beside([2, 4], 2) == [4]
    assert beside([0.5, 1.5], 1) == [0.5, 1.5]
    assert beside(["fast", "slow"], "fast") == []
    assert beside([False, True], True) == []


def test_neighbours_are_run_once_and_compared_a_year() -> None:
    made = subject(Trend, bars_of(waves(300, 3)), chosen={"length": 6}, grid={"length": [3, 5, 6, 8, 12]})
    few = run_trials(made, 2)
    every = run_trials(made, 10)
    assert len(few.sets) == 2
    found = neighbours(made, few)
    assert [(one.parameter, one.value) for one in found] == [("length", "5"), ("length", "8")]
    assert found == neighbours(made, every)
    column = every.sets.index({"length": 5})
    assert found[0].sharpe == pytest.approx(sharpe(every.returns[:, column]) * np.sqrt(every.a_year))


def test_the_median_neighbour_as_a_part_of_the_chosen() -> None:
    found = [Neighbour("a", "1", 0.5), Neighbour("a", "2", 1.0), Neighbour("b", "1", -2.0)]
    assert ratio(found, 2.0) == pytest.approx(0.25)
    assert ratio([], 2.0) is None
    assert ratio(found, 0.0) is None


def test_the_map_has_every_trial() -> None:
    made = subject(Trend, bars_of(waves(300, 3)), chosen={"length": 6}, grid={"length": [3, 6, 12]})
    trials = run_trials(made, 10)
    found = points(trials)
    assert [point.parameters for point in found] == [{"length": "6"}, {"length": "3"}, {"length": "12"}]
    assert found[0].sharpe == pytest.approx(sharpe(trials.returns[:, 0]) * np.sqrt(trials.a_year))
