"""Walk forward: choose parameters on the past of each window, trade the next one with them, go on."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from traderbot.backtests.validation.crew import ALONE, Crew
from traderbot.backtests.validation.splits import Fold, check_folds, purged_splits
from traderbot.backtests.validation.subject import (
    Parameters,
    Progress,
    Subject,
    Trials,
    sharpe,
    sharpes,
    silent,
)
from traderbot.model.bars import Floats, Times
from traderbot.model.errors import InvalidValue


class Step(msgspec.Struct, frozen=True):
    """One window. train, test: Sharpe ratios a year, of the best in training, there and in the test after."""

    fold: Fold
    parameters: Parameters
    train: float
    test: float
    growth: float


class Forward(msgspec.Struct, frozen=True, eq=False):
    """returns: of all tests one after the other, float64; sharpe: a year; efficiency: to the trainings'."""

    steps: list[Step]
    returns: Floats
    sharpe: float
    efficiency: float
    winning: float


class Crossed(msgspec.Struct, frozen=True, eq=False):
    """sharpes: a year, of each path through the tests, float64 (paths,); trained: mean of the trainings'."""

    sharpes: Floats
    trained: float


def walk_forward(
    subject: Subject,
    trials: Trials,
    folds: Sequence[Fold],
    progress: Progress = silent,
    crew: Crew = ALONE,
) -> Forward:
    """Choose by the trials' returns in each training; trade each test from fresh cash. Errors: InvalidValue.

    A test's bars are preceded by the strategy's warm-up, which does not count.
    """
    return walks_forward(subject, trials, [folds], progress, crew)[0]


def walks_forward(
    subject: Subject,
    trials: Trials,
    plans: Sequence[Sequence[Fold]],
    progress: Progress = silent,
    crew: Crew = ALONE,
) -> list[Forward]:
    """As `walk_forward`, for several lists of folds; a test of two of them with the same parameters is run
    once. Errors: InvalidValue.
    """
    for folds in plans:
        check_folds(folds)
        if not folds or folds[-1].test_end > len(trials.times):
            raise InvalidValue("folds", f"windows within {len(trials.times)} rows")
    every = [fold for folds in plans for fold in folds]
    best = {fold: int(np.argmax(_trained(trials, fold))) for fold in every}
    tests = {(best[fold], fold.test_first, fold.test_end): (trials.sets[best[fold]], fold) for fold in every}
    pieces = [
        (
            parameters,
            int(trials.times[fold.test_first - 1]) + 1,
            trials.times[fold.test_first : fold.test_end],
        )
        for parameters, fold in tests.values()
    ]
    returns = {}
    found = crew.each(subject, _tested, pieces)
    for number, (test, part) in enumerate(zip(tests, found, strict=True)):
        returns[test] = part
        progress("walk-forward", number + 1, len(tests))
    return [_joined(trials, folds, [best[fold] for fold in folds], returns) for folds in plans]


def _trained(trials: Trials, fold: Fold) -> Floats:
    return sharpes(trials.returns[fold.train_first : fold.train_end])


def _tested(subject: Subject, parameters: Parameters, first: int, times: Times) -> Floats:
    """Returns of a test at these times, its first bar being from `first` on."""
    looks_back = max(subject.warm_up, subject.make(parameters).warm_up)
    window = msgspec.structs.replace(subject, warm_up=looks_back).within(first, int(times[-1]))
    return window.track(parameters).since(first).at(times).returns


def _joined(
    trials: Trials, folds: Sequence[Fold], best: Sequence[int], returns: Mapping[tuple[int, int, int], Floats]
) -> Forward:
    yearly = trials.a_year**0.5
    parts = [
        returns[chosen, fold.test_first, fold.test_end] for fold, chosen in zip(folds, best, strict=True)
    ]
    steps = [
        Step(
            fold,
            trials.sets[chosen],
            float(_trained(trials, fold)[chosen]) * yearly,
            sharpe(part) * yearly,
            float(np.prod(1 + part)) - 1,
        )
        for fold, chosen, part in zip(folds, best, parts, strict=True)
    ]
    joined = np.concatenate(parts)
    inside = float(np.mean([step.train for step in steps]))
    found = sharpe(joined) * yearly
    return Forward(
        steps,
        joined,
        found,
        found / inside if inside > 0 else float("nan"),
        float(np.mean([step.growth > 0 for step in steps])),
    )


def cross_validate(
    trials: Trials, groups: int = 6, tests: int = 2, *, purge: int = 1, embargo: int = 0
) -> Crossed:
    """Combinatorial purged cross-validation: a whole history out of sample for each path.

    The parameters of a test are those that did best in the training around it. Errors: InvalidValue.
    Source: Lopez de Prado 2018, 12.4.
    """
    rows = len(trials.times)
    yearly = trials.a_year**0.5
    pieces: dict[int, list[Floats]] = {group: [] for group in range(groups)}
    trained = []
    edges = np.linspace(0, rows, groups + 1).round().astype(np.int64)
    for split in purged_splits(rows, groups, tests=tests, purge=purge, embargo=embargo):
        if len(split.train) < 2:
            raise InvalidValue("embargo", "something left to train on", embargo)
        ratios = sharpes(trials.returns[split.train])
        best = int(np.argmax(ratios))
        trained.append(float(ratios[best]))
        for group in split.groups:
            pieces[group].append(trials.returns[edges[group] : edges[group + 1], best])
    count = len(pieces[0])
    joined = [np.concatenate([pieces[group][path] for group in range(groups)]) for path in range(count)]
    return Crossed(
        np.array([sharpe(returns) for returns in joined]) * yearly, float(np.mean(trained)) * yearly
    )
