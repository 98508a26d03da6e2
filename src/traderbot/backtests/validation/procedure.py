"""The whole validation of a strategy, in the order a doubter would go, and its verdict."""

from collections.abc import Sequence
from math import comb, isfinite
from typing import Any

import msgspec
import numpy as np

from traderbot.analytics.overfitting import (
    Moments,
    Overfitting,
    deflated_sharpe,
    expected_maximum_sharpe,
    independent_trials,
    minimum_track_record,
    moments,
    overfitting_probability,
    probabilistic_sharpe,
)
from traderbot.backtests.validation.baselines import Comparison, baselines, compare
from traderbot.backtests.validation.crew import Crew, crew_of
from traderbot.backtests.validation.lookahead import Agreement, Causality, look_ahead, sampled_cuts, warm_up
from traderbot.backtests.validation.monte_carlo import Spread, Stress, gains, resample, reshuffle, stresses
from traderbot.backtests.validation.record import About, Forwards, Record
from traderbot.backtests.validation.splits import walk_forward_folds
from traderbot.backtests.validation.stability import neighbours, points, ratio
from traderbot.backtests.validation.subject import (
    Progress,
    Subject,
    Trials,
    sharpe,
    sharpes,
    silent,
)
from traderbot.backtests.validation.trials import run_trials
from traderbot.backtests.validation.verdict import Evidence, Thresholds, verdict
from traderbot.backtests.validation.walk_forward import Crossed, Forward, cross_validate, walks_forward
from traderbot.model.bars import Floats, Times
from traderbot.model.errors import InvalidValue
from traderbot.strategies.signals import SignalStrategy

ROWS_MIN = 60
SPLITS_MOST = 10_000  # of cross-validation
BLOCKS_MOST = 20  # half of which can be chosen in 184,756 ways


class Work(msgspec.Struct, frozen=True):
    """How much is tried. tried: parameter sets that were tried before and are not among the trials.

    cuts, starts: of the lookahead and warm-up checks; runs: of each stress with chance; draws: of each
    bootstrap. train: rows of the first training, by default as long as three tests.
    """

    trials: int = 100
    tried: int = 0
    cuts: int = 8
    starts: int = 3
    folds: int = 5
    train: int | None = None
    groups: int = 6
    tests: int = 2
    blocks: int = 16
    runs: int = 5
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        leasts = {"trials": 1, "tried": 0, "cuts": 1, "starts": 1, "runs": 1, "folds": 1, "groups": 2}
        for name, least in leasts.items():
            if getattr(self, name) < least:
                raise InvalidValue(name, f"a whole number from {least}", getattr(self, name))
        if self.draws < 100 or self.seed < 0:
            raise InvalidValue("draws", "100 or more draws and a seed from 0", f"{self.draws}, {self.seed}")
        if self.train is not None and self.train < 2:
            raise InvalidValue("train", "2 rows or more", self.train)
        if not 1 <= self.tests < self.groups or comb(self.groups, self.tests) > SPLITS_MOST:
            raise InvalidValue("tests", f"1 to below groups, in up to {SPLITS_MOST:,} splits", self.tests)
        if self.blocks % 2 or not 2 <= self.blocks <= BLOCKS_MOST:
            raise InvalidValue("blocks", f"an even number from 2 to {BLOCKS_MOST}", self.blocks)


QUICK = Work(trials=25, cuts=4, starts=2, folds=4, blocks=10, runs=2, draws=300)


def validate(
    subject: Subject,
    about: About,
    work: Work | None = None,
    thresholds: Thresholds | None = None,
    progress: Progress = silent,
    jobs: int = 1,
) -> Record:
    """Try to break a strategy. The same subject, work and seed give the same record, whatever the number of
    jobs, which are processes where a run takes long. Errors: InvalidValue.
    """
    work, thresholds = work or Work(), thresholds or Thresholds()
    _check(subject)
    with crew_of(subject, jobs) as crew:
        causal = look_ahead(subject, _cuts(subject, work).tolist(), progress, crew)
        if causal.differences:
            return _cheat(causal, about, work, thresholds)
        return _measured(subject, about, work, thresholds, causal, progress, crew)


def _measured(
    subject: Subject,
    about: About,
    work: Work,
    thresholds: Thresholds,
    causal: Causality,
    progress: Progress,
    crew: Crew,
) -> Record:
    starts = sampled_cuts(subject, work.starts + 1, work.seed)[:-1].tolist()
    warm = warm_up(subject, starts, progress, crew)
    trials = run_trials(subject, work.trials, progress, crew)
    forwards = _forwards(subject, trials, work, progress, crew)
    crossed = _crossed(subject, trials, work)
    beside = neighbours(subject, trials, progress, crew)
    tried = stresses(subject, work.runs, work.seed, progress, crew)
    resampled = resample(trials.returns[:, 0], trials.a_year, draws=work.draws, seed=work.seed)
    comparisons, best, curve = _baselines(subject, trials, work)
    found = _Found(trials, work, [forward for _, forward in forwards], crossed)
    evidence = found.evidence(
        **_looks(causal, warm),
        neighbours=ratio(beside, found.sharpe),
        bootstrap_loss=resampled.loss,
        **_stressed(tried),
        **_compared(best),
    )
    return Record(
        **found.curves(curve),
        about=about,
        seed=work.seed,
        evidence=evidence,
        thresholds=thresholds,
        verdict=verdict(evidence, thresholds),
        forwards=_told(forwards),
        neighbours=beside,
        stresses=tried,
        comparisons=comparisons,
        resampled=resampled,
        reshuffled=_reshuffled(subject, work),
        differences=causal.differences,
        warm_up=warm.worst,
        embargo=_embargo(subject, trials, work),
    )


def _told(forwards: Sequence[tuple[bool, Forward]]) -> list[Forwards]:
    return [
        Forwards(anchored, one.steps, one.sharpe, _number(one.efficiency), one.winning)
        for anchored, one in forwards
    ]


def _check(subject: Subject) -> None:
    if len(subject.rows) < ROWS_MIN:
        raise InvalidValue("data", f"{ROWS_MIN} rows or more after the warm-up", len(subject.rows))


def _looks(causal: Causality, warm: Agreement) -> dict[str, object]:
    return {"looks": causal.cuts, "ahead": [], "warm_up": warm.share}


def _crossed(subject: Subject, trials: Trials, work: Work) -> Crossed:
    """The embargo is as long as what the strategy looks back on, where enough is left to train on."""
    return cross_validate(trials, work.groups, work.tests, embargo=_embargo(subject, trials, work))


def _embargo(subject: Subject, trials: Trials, work: Work) -> int:
    rows = len(trials.times)
    return min(max(subject.warm_up, rows // 100), rows // (4 * work.groups))


def _baselines(subject: Subject, trials: Trials, work: Work) -> tuple[list[Comparison], Comparison, Floats]:
    """The comparison with each, with the best of them, and its returns."""
    others = baselines(subject, trials.times)
    found = compare(trials.returns[:, 0], trials.times, others, draws=work.draws, seed=work.seed)
    best = max(found, key=lambda comparison: comparison.sharpe)
    return found, best, others[best.name]


def _cuts(subject: Subject, work: Work) -> Times:
    """More of them for a signal, which is not run for each."""
    signals = isinstance(subject.make(subject.chosen), SignalStrategy)
    return sampled_cuts(subject, work.cuts * (5 if signals else 1), work.seed)


def _cheat(causal: Causality, about: About, work: Work, thresholds: Thresholds) -> Record:
    """The record of a strategy that looks ahead: no other figure of it means anything."""
    ahead = [difference.words for difference in causal.differences]
    evidence = Evidence(looks=causal.cuts, ahead=ahead)
    return Record(
        about=about,
        seed=work.seed,
        evidence=evidence,
        thresholds=thresholds,
        verdict=verdict(evidence, thresholds),
        differences=causal.differences,
    )


def _forwards(
    subject: Subject, trials: Trials, work: Work, progress: Progress, crew: Crew
) -> list[tuple[bool, Forward]]:
    rows, kinds = len(trials.times), (True, False)
    plans = [walk_forward_folds(rows, work.folds, anchored=anchored, train=work.train) for anchored in kinds]
    return list(zip(kinds, walks_forward(subject, trials, plans, progress, crew), strict=True))


class _Found:
    """The figures about luck and about what was not seen."""

    def __init__(self, trials: Trials, work: Work, forwards: list[Forward], crossed: Crossed) -> None:
        self._trials, self._work, self._forwards, self._crossed = trials, work, forwards, crossed
        self._moments: Moments = moments(trials.returns[:, 0])
        self._yearly = trials.a_year**0.5
        self.sharpe = sharpe(trials.returns[:, 0]) * self._yearly

    def evidence(self, **more: object) -> Evidence:
        """The evidence of these figures and of more."""
        trials, work, count = self._trials, self._work, len(self._trials.sets)
        independent = independent_trials(trials.returns) * (count + work.tried) / count
        variance = float(sharpes(trials.returns).var(ddof=1)) if count > 1 else 1 / len(trials.times)
        worst = min(self._forwards, key=lambda forward: forward.sharpe)
        crossed = self._crossed.sharpes
        overfitted = self._overfitted()
        return msgspec.convert(
            {
                "sharpe": self.sharpe,
                "probable": _number(probabilistic_sharpe(self._moments)),
                "record": len(trials.times),
                "record_needed": _number(minimum_track_record(self._moments)),
                "trials": count + work.tried,
                "independent": independent,
                "luck": expected_maximum_sharpe(independent, variance) * self._yearly,
                "deflated": _number(deflated_sharpe(self._moments, independent, variance)),
                "overfitting": None if overfitted is None else overfitted.probability,
                "loss": None if overfitted is None else overfitted.loss,
                "forward": worst.sharpe,
                "efficiency": _number(worst.efficiency),
                "path": float(np.quantile(crossed, 0.05)),
                **more,
            },
            Evidence,
        )

    def curves(self, baseline: Floats) -> dict[str, Any]:
        """What is drawn."""
        return {
            "times": self._trials.times.tolist(),
            "equity": np.cumprod(1 + self._trials.returns[:, 0]).tolist(),
            "baseline": np.cumprod(1 + baseline).tolist(),
            "paths": self._crossed.sharpes.tolist(),
            "points": points(self._trials),
        }

    def _overfitted(self) -> Overfitting | None:
        rows, count = self._trials.returns.shape
        blocks = min(self._work.blocks, rows // 20 * 2)
        return overfitting_probability(self._trials.returns, blocks) if count > 1 and blocks >= 2 else None


def _stressed(tried: dict[str, list[Stress]]) -> dict[str, object]:
    """What of the stresses goes into the evidence."""
    as_is = tried["capacity"][0]
    kept = [stress for stress in tried["capacity"] if stress.filled >= 0.95]
    return {
        "trades": as_is.trades,
        "fills": as_is.fills,
        "noise": float(np.median([stress.sharpe for stress in tried["noise"]])),
        "missed": float(np.median([stress.sharpe for stress in tried["missed"]])),
        "costs": tried["costs"][0].sharpe,
        "filled": as_is.filled,
        "capacity": max((int(stress.name.split()[0]) for stress in kept), default=0),
    }


def _compared(best: Comparison) -> dict[str, object]:
    return {
        "baseline": best.name,
        "better": best.difference,
        "p_value": best.p_value,
    }


def _reshuffled(subject: Subject, work: Work) -> Spread:
    made = gains(subject.chosen_result, subject.cash)
    return reshuffle(made, draws=work.draws, seed=work.seed)


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
