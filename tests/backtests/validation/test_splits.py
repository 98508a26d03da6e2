from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.backtests.validation.splits import (
    Fold,
    check_folds,
    paths,
    purged_splits,
    walk_forward_folds,
)
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


def test_anchored_folds_grow_and_rolling_ones_move() -> None:
    anchored = walk_forward_folds(100, 4, anchored=True, train=20)
    assert anchored == [Fold(0, 20, 20, 40), Fold(0, 40, 40, 60), Fold(0, 60, 60, 80), Fold(0, 80, 80, 100)]
    rolling = walk_forward_folds(100, 4, anchored=False, train=20)
    assert rolling == [Fold(0, 20, 20, 40), Fold(20, 40, 40, 60), Fold(40, 60, 60, 80), Fold(60, 80, 80, 100)]


@given(st.integers(20, 2000), st.integers(1, 8), st.booleans(), st.integers(0, 5))
def test_no_test_row_is_trained_on_before_and_tests_reach_the_end(
    rows: int, folds: int, anchored: bool, gap: int
) -> None:
    try:
        made = walk_forward_folds(rows, folds, anchored=anchored, gap=gap)
    except InvalidValue:
        assert rows < (folds + 3) * 2 + gap + 10
        return
    assert len(made) == folds
    assert made[-1].test_end == rows
    for before, after in pairwise(made):
        assert before.test_end == after.test_first
    for fold in made:
        assert fold.train_end + gap == fold.test_first
        assert fold.train_first == 0 or not anchored


@pytest.mark.parametrize(
    ("folds", "told"),
    [
        ([Fold(0, 50, 40, 60)], "does not overlap"),
        ([Fold(40, 60, 0, 50)], "does not overlap"),
        ([Fold(0, 20, 20, 40), Fold(0, 30, 30, 60)], "one after the other"),
        ([Fold(60, 80, 20, 40)], "after their training"),
        ([Fold(0, 0, 20, 40)], "one row or more"),
        ([Fold(0, 20, 40, 40)], "one row or more"),
    ],
)
def test_overlapping_and_empty_windows_are_refused(folds: list[Fold], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        check_folds(folds)


@pytest.mark.parametrize(
    ("rows", "folds", "train"), [(10, 0, None), (10, 9, None), (100, 5, 99), (0, 1, None)]
)
def test_too_few_rows_for_the_folds_are_refused(rows: int, folds: int, train: int | None) -> None:
    with pytest.raises(InvalidValue, match="folds"):
        walk_forward_folds(rows, folds, anchored=True, train=train)


def test_combinatorial_splits_of_the_book() -> None:
    """Lopez de Prado 2018, 12.3: 6 groups with 2 in test are 15 splits and 5 paths, as in figure 12.1."""
    splits = purged_splits(60, 6, tests=2, purge=0)
    assert [split.groups for split in splits] == list(combinations(range(6), 2))
    assert len(splits) == comb(6, 2) == 15
    assert paths(6, 2) == 5
    counts = np.bincount(np.concatenate([split.test for split in splits]), minlength=60)
    assert set(counts.tolist()) == {5}


def test_purge_and_embargo_keep_their_distance() -> None:
    for split in purged_splits(100, 5, purge=2, embargo=7):
        first, last = split.test[0], split.test[-1]
        assert set(split.train) == set(range(first - 2)) | set(range(last + 8, 100))


@given(st.integers(20, 200), st.integers(2, 6), st.integers(0, 5), st.integers(0, 9))
def test_training_and_test_never_share_a_row(rows: int, groups: int, purge: int, embargo: int) -> None:
    splits = purged_splits(rows, groups, purge=purge, embargo=embargo)
    assert not any(set(split.train) & set(split.test) for split in splits)
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(rows))


@pytest.mark.parametrize(
    ("groups", "tests", "purge"), [(1, 1, 0), (51, 1, 0), (5, 5, 0), (5, 0, 0), (5, 1, -1)]
)
def test_bad_splits_are_refused(groups: int, tests: int, purge: int) -> None:
    with pytest.raises(InvalidValue, match="groups"):
        purged_splits(100, groups, tests=tests, purge=purge)


def test_the_paths_of_the_book_s_example() -> None:
    """Lopez de Prado 2018, figure 12.1: six groups, two of them tested, 15 splits and 5 paths; the first two
    paths as the text beside it lists them, by the number of the split that each group comes from.
    """
    made = purged_splits(600, 6, tests=2)
    assert (len(made), paths(6, 2)) == (15, 5)
    of_group = [
        [number for number, split in enumerate(made, 1) if group in split.groups] for group in range(6)
    ]
    assert [came[0] for came in of_group] == [1, 1, 2, 3, 4, 5]
    assert [came[1] for came in of_group] == [2, 6, 6, 7, 8, 9]


def test_an_embargo_and_a_purge_leave_out_what_the_book_s_figures_do() -> None:
    """Lopez de Prado 2018, figures 7.2 and 7.3, and snippet 7.3: a test in the middle loses the training rows
    whose outcome reaches into it before, and an embargo of h rows after it.
    """
    middle = purged_splits(100, 5, purge=3, embargo=4)[2]
    assert middle.train.tolist() == [*range(37), *range(64, 100)]
