"""Changes of targets, against the loop that says what they are."""

import numpy as np
import pytest

from traderbot.backtests.turning import Turns, changes_of
from traderbot.model.bars import Floats, common_times
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def looked_for(targets: Floats, first: int) -> list[list[int]]:
    """The changes, target by target."""
    found = []
    for row in range(first, len(targets)):
        for column, target in enumerate(targets[row].tolist()):
            before = targets[row - 1, column] if row > first else float("nan")
            exact = None if target != target else round(target * 1e9)
            if exact is not None and (before != before or exact != round(float(before) * 1e9)):
                found.append([row, column, exact])
    return found


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("first", [0, 7])
def test_changes_are_those_that_a_look_at_every_target_finds(columns: int, first: int) -> None:
    random = np.random.default_rng(columns + first)
    targets = random.choice([0.0, 0.5, 0.5 + 1e-12, 1.0, np.nan], (400, columns))
    targets[:20, -1] = np.nan
    changes = changes_of(targets, first)
    assert changes is not None
    assert changes.tolist() == looked_for(targets, first)


def test_a_target_that_cannot_be_is_no_change_but_an_answer_of_its_own() -> None:
    for wrong in (np.inf, -np.inf, 2e6):
        targets = np.ones((5, 1))
        targets[3] = wrong
        assert changes_of(targets) is None
    assert changes_of(np.full((4, 2), np.nan)) is not None
    empty = changes_of(np.empty((0, 2)))
    assert empty is not None
    assert empty.shape == (0, 3)


def test_the_steps_of_changes_are_found_in_their_order() -> None:
    nan = np.nan
    targets = np.array([[nan, nan], [0.5, nan], [0.5, nan], [0.25, 1.0], [0.25, 1.0]])
    changes, rest = changes_of(targets), changes_of(targets, 2)
    assert changes is not None
    assert rest is not None
    turns = Turns(changes, (Symbol("A"), Symbol("B")), 5)
    assert turns.due(0) == 1
    assert turns.at(0) == []
    assert turns.at(1) == [("A", 0.5)]
    assert turns.due(2) == 3
    assert turns.at(3) == [("A", 0.25), ("B", 1.0)]
    assert turns.due(4) == 5
    assert turns.at(4) == []
    late = Turns(rest, (Symbol("A"), Symbol("B")), 5)
    assert late.at(2) == [("A", 0.5)]


def test_times_of_several_instruments_are_each_told_once() -> None:
    one, other = np.array([1, 3, 5]), np.array([2, 3])
    assert common_times([one, one.copy()]) is one
    assert common_times([one, other]).tolist() == [1, 2, 3, 5]
    assert common_times([]).tolist() == []
