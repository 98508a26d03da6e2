"""Which rows are learned from and which are tested on, so that no row of a test tells a training about it."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from math import comb

import msgspec
import numpy as np
from numpy.typing import NDArray

from traderbot.model.errors import InvalidValue

Rows = NDArray[np.int64]


class Fold(msgspec.Struct, frozen=True):
    """Rows of a walk-forward step, the ends not included."""

    train_first: int
    train_end: int
    test_first: int
    test_end: int


class Split(msgspec.Struct, frozen=True, eq=False):
    """train, test: row numbers, ascending; groups: numbers of the test groups."""

    train: Rows
    test: Rows
    groups: tuple[int, ...] = ()


def walk_forward_folds(
    rows: int, folds: int, *, anchored: bool, train: int | None = None, gap: int = 0
) -> list[Fold]:
    """Train windows, each with the test that follows it; tests are of one length and leave no row out.

    train: rows of the first training; by default as long as three tests. anchored: every training begins at
    the first row, else it is of one length. gap: rows left out between a training and its test.
    Errors: InvalidValue.
    """
    if folds < 1 or gap < 0 or rows < 1:
        raise InvalidValue("folds", "1 or more folds and a gap of 0 or more rows", f"{folds}, {gap}")
    test = (rows - train - gap) // folds if train else (rows - gap) // (folds + 3)
    first = rows - folds * test  # what does not divide belongs to the first training
    if test < 2 or first - gap < 2:
        raise InvalidValue("folds", f"tests and trainings of 2 rows or more out of {rows}", folds)
    length = first - gap
    made = [
        Fold(
            0 if anchored else start - gap - length,
            start - gap,
            start,
            start + test,
        )
        for start in range(first, rows, test)
    ]
    check_folds(made)
    return made


def check_folds(folds: Iterable[Fold]) -> None:
    """Refuse a test that overlaps its training or another test. Errors: InvalidValue."""
    end = 0
    for number, fold in enumerate(folds):
        if not 0 <= fold.train_first < fold.train_end or not fold.test_first < fold.test_end:
            raise InvalidValue("folds", "windows of one row or more", f"fold {number}")
        if fold.train_first < fold.test_end and fold.test_first < fold.train_end:
            raise InvalidValue(
                "folds",
                "a test that does not overlap its training",
                f"fold {number}: train {fold.train_first} to {fold.train_end},"
                f" test {fold.test_first} to {fold.test_end}",
            )
        if fold.test_first < max(end, fold.train_end):
            raise InvalidValue("folds", "tests after their training, one after the other", f"fold {number}")
        end = fold.test_end


def purged_splits(rows: int, groups: int, *, tests: int = 1, purge: int = 1, embargo: int = 0) -> list[Split]:
    """Every choice of `tests` of so many equal groups of rows as the test, the others to train on.

    purge: rows left out of the training before a test, whose outcome reaches into it. embargo: rows left out
    after it, whose features still see it. With one test group this is purged k-fold cross-validation.
    Errors: InvalidValue.
    Source: Lopez de Prado 2018, "Advances in financial machine learning", 7.4 and 12.3.
    """
    if not 2 <= groups <= rows // 2 or not 1 <= tests < groups or purge < 0 or embargo < 0:
        raise InvalidValue(
            "groups", f"2 to {rows // 2} groups, fewer of them tests, purge and embargo from 0", groups
        )
    return list(_splits(rows, groups, tests, purge, embargo))


def _splits(rows: int, groups: int, tests: int, purge: int, embargo: int) -> Iterator[Split]:
    edges = np.linspace(0, rows, groups + 1).round().astype(np.int64)
    for chosen in combinations(range(groups), tests):
        test, kept = np.zeros(rows, dtype=bool), np.ones(rows, dtype=bool)
        for group in chosen:
            first, end = int(edges[group]), int(edges[group + 1])
            test[first:end] = True
            kept[max(0, first - purge) : end + embargo] = False
        yield Split(np.flatnonzero(kept), np.flatnonzero(test), chosen)


def paths(groups: int, tests: int) -> int:
    """How many whole histories the tests of all splits make up; Lopez de Prado 2018, 12.3."""
    return comb(groups, tests) * tests // groups
