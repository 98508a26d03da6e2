"""Walk forward: choose parameters on the past of each window, trade the next one with them, go on."""

from collections.abc import Sequence

import msgspec
import numpy as np

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
from traderbot.model.bars import Floats
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
    subject: Subject, trials: Trials, folds: Sequence[Fold], progress: Progress = silent
) -> Forward:
    """Choose by the trials' returns in each training; trade each test from fresh cash. Errors: InvalidValue.

    A test's bars are preceded by the strategy's warm-up, which does not count.
    """
    check_folds(folds)
    if not folds or folds[-1].test_end > len(trials.times):
        raise InvalidValue("folds", f"windows within {len(trials.times)} rows")
    steps, parts = [], []
    yearly = trials.a_year**0.5
    for number, fold in enumerate(folds):
        trained = sharpes(trials.returns[fold.train_first : fold.train_end])
        best = int(np.argmax(trained))
        times = trials.times[fold.test_first : fold.test_end]
        before = int(trials.times[fold.test_first - 1])
        looks_back = max(subject.warm_up, subject.make(trials.sets[best]).warm_up)
        window = msgspec.structs.replace(subject, warm_up=looks_back).within(before + 1, int(times[-1]))
        returns = window.track(trials.sets[best]).since(before + 1).at(times).returns
        parts.append(returns)
        growth = float(np.prod(1 + returns)) - 1
        steps.append(
            Step(fold, trials.sets[best], float(trained[best]) * yearly, sharpe(returns) * yearly, growth)
        )
        progress("walk-forward", number + 1, len(folds))
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
