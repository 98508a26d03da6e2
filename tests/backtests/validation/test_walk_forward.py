import msgspec
import numpy as np
import pytest

from backtests.validation.made import Dice, Trend, bars_of, level, subject, waves
from traderbot.backtests.validation.splits import Fold, purged_splits, walk_forward_folds
from traderbot.backtests.validation.subject import Trials, sharpe, sharpes
from traderbot.backtests.validation.trials import run_trials
from traderbot.backtests.validation.walk_forward import cross_validate, walk_forward, walks_forward
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.domain


def test_each_window_trades_what_was_best_before_it() -> None:
    lengths = {"length": [3, 6, 20, 60]}
    made = subject(Trend, bars_of(waves(600, 1)), chosen={"length": 60}, grid=lengths)
    trials = run_trials(made, 10)
    folds = walk_forward_folds(600, 4, anchored=True)
    found = walk_forward(made, trials, folds)
    assert [step.fold for step in found.steps] == folds
    for step in found.steps:
        trained = sharpes(trials.returns[step.fold.train_first : step.fold.train_end])
        assert step.parameters == trials.sets[int(np.argmax(trained))]
        assert step.train == pytest.approx(trained.max() * np.sqrt(trials.a_year))
    assert len(found.returns) == folds[-1].test_end - folds[0].test_first
    assert found.sharpe == pytest.approx(sharpe(found.returns) * np.sqrt(trials.a_year))
    assert 0 <= found.winning <= 1


def test_what_was_chosen_from_noise_earns_less_than_in_training() -> None:
    made = subject(Dice, bars_of(level(600, 3)), chosen={"number": 0}, grid={"number": list(range(60))})
    trials = run_trials(made, 60)
    found = walk_forward(made, trials, walk_forward_folds(600, 5, anchored=False))
    assert min(step.train for step in found.steps) > 1
    assert found.efficiency < 0.5


def test_windows_beyond_the_data_and_overlaps_are_refused() -> None:
    made = subject(Trend, bars_of(waves(100, 1)))
    trials = run_trials(made, 1)
    for folds in ([], [Fold(0, 50, 50, 101)], [Fold(0, 50, 49, 100)]):
        with pytest.raises(InvalidValue, match="folds"):
            walk_forward(made, trials, folds)


def test_every_path_of_cross_validation_is_a_whole_history_out_of_sample() -> None:
    random = np.random.default_rng(1)
    trials = Trials([{}] * 4, np.arange(120) * 86_400_000_000, random.normal(0, 0.01, (120, 4)))
    found = cross_validate(trials, 6, 2, purge=1, embargo=3)
    assert len(found.sharpes) == 5
    pieces: list[list[np.ndarray]] = [[] for _ in range(6)]
    for split in purged_splits(120, 6, tests=2, purge=1, embargo=3):
        best = int(np.argmax(sharpes(trials.returns[split.train])))
        for group in split.groups:
            pieces[group].append(trials.returns[group * 20 : (group + 1) * 20, best])
    for path in range(5):
        whole = np.concatenate([pieces[group][path] for group in range(6)])
        assert found.sharpes[path] == pytest.approx(sharpe(whole) * np.sqrt(trials.a_year))


def test_an_embargo_that_leaves_nothing_is_refused() -> None:
    trials = run_trials(msgspec.structs.replace(subject(Trend, bars_of(waves(100, 1)))), 1)
    with pytest.raises(InvalidValue, match="embargo"):
        cross_validate(trials, 4, 2, embargo=100)


def test_windows_of_two_plans_that_are_the_same_are_run_once_and_agree() -> None:
    """One parameter set: every test of the anchored and the rolling walk-forward is the same window."""
    made = subject(Trend, bars_of(waves(300, 1)), chosen={"length": 6})
    trials = run_trials(made, 1)
    plans = [walk_forward_folds(300, 3, anchored=anchored) for anchored in (True, False)]
    seen: list[tuple[str, int, int]] = []
    both = walks_forward(made, trials, plans, lambda *step: seen.append(step))
    assert len(seen) == 3
    assert [step.test for step in both[0].steps] == [step.test for step in both[1].steps]
    for plan, found in zip(plans, both, strict=True):
        assert found.returns.tolist() == walk_forward(made, trials, plan).returns.tolist()


def test_efficiency_is_pardo_s() -> None:
    """Pardo 2008, "The evaluation and optimization of trading strategies", chapter 11: performance in the
    tests over that in the trainings, both annualised.
    """
    made = subject(Trend, bars_of(waves(400, 1)), chosen={"length": 6}, grid={"length": [3, 6, 20]})
    trials = run_trials(made, 3)
    found = walk_forward(made, trials, walk_forward_folds(400, 4, anchored=False))
    inside = [
        trials.a_year**0.5 * sharpes(trials.returns[step.fold.train_first : step.fold.train_end]).max()
        for step in found.steps
    ]
    outside = sharpe(found.returns) * trials.a_year**0.5
    assert found.efficiency == pytest.approx(outside / np.mean(inside))
