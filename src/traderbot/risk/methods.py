"""The five ways to value at risk, each brought to one form: the tail, its interval, the positions' parts."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.contributions import Contributions, of_elliptical, of_scenarios
from traderbot.analytics.risk.copula import fit_copula, simulate
from traderbot.analytics.risk.intervals import Intervals, by_days, by_moments, by_paths
from traderbot.analytics.risk.rolling import Method
from traderbot.analytics.risk.simulating import filtered_scenarios, historical_scenarios, student_sums
from traderbot.analytics.risk.tails import (
    Student,
    Tail,
    fit_student,
    normal_tail,
    overlapping,
    student_tail,
    tail_of,
)

SEED = 20_080_915
PATHS = 20_000
_PATHS_OF_DAYS = 5_000
_PATHS_IN_ALL = 4_000_000  # positions x paths x days that a simulation may draw
_MOVES_MIN = 1_000


class Estimate(NamedTuple):
    """scenarios: rows it is read off, None for a formula. notes: (code, detail) of what it rests on."""

    tail: Tail
    intervals: Intervals
    parts: Contributions
    scenarios: int | None
    notes: tuple[tuple[str, str], ...] = ()


def estimate(method: Method, returns: Floats, values: Floats, level: float, horizon: int) -> Estimate:
    """returns: float64 (n, d); values: (d,), money. Errors: ValueError where the book never changes."""
    made = returns * values
    if method == "historical":
        scenarios = historical_scenarios(made, horizon)
        return _read_off(scenarios, level, horizon)
    if method == "filtered":
        scenarios, book = filtered_scenarios(made, horizon, _PATHS_OF_DAYS, SEED)
        notes = (
            (("ewma_filter", "exponential weights stand in for a GARCH fit"),) if book.kind == "ewma" else ()
        )
        return _read_off(scenarios, level, 1, notes, by_draws=horizon > 1)
    if method == "monte_carlo":
        return _monte_carlo(returns, values, level, horizon)
    return _parametric(method, made, level, horizon)


def _read_off(
    scenarios: Floats,
    level: float,
    block: int,
    notes: tuple[tuple[str, str], ...] = (),
    by_draws: bool = False,
) -> Estimate:
    totals = scenarios.sum(axis=1, dtype=np.float64)
    tail = tail_of(totals, level)
    intervals = by_paths(totals, level) if by_draws else by_days(totals, level, SEED, block)
    return Estimate(tail, intervals, of_scenarios(scenarios, level, tail), len(scenarios), notes)


def _monte_carlo(returns: Floats, values: Floats, level: float, horizon: int) -> Estimate:
    copula = fit_copula(returns)
    paths = min(PATHS, max(_MOVES_MIN, _PATHS_IN_ALL // (len(values) * horizon)))
    scenarios = simulate(copula, returns, values, paths, SEED, horizon)
    notes = [("t_copula", f"{copula.degrees:.1f} degrees of freedom, {paths} paths")]
    if copula.mended:
        notes.append(
            ("singular_covariance", "the correlations were not positive definite and were brought near")
        )
    return _read_off(scenarios.astype(np.float64), level, 1, tuple(notes), by_draws=True)


def _parametric(method: Method, made: Floats, level: float, horizon: int) -> Estimate:
    """Normal: mean and variance of the overlapping sums. Student: fitted to days, summed by simulation."""
    totals = made.sum(axis=1)
    if method == "normal":
        several = overlapping(made, horizon)
        sums = several.sum(axis=1)
        multiples = normal_tail(0.0, 1.0, level)
        tail = normal_tail(float(sums.mean()), float(sums.std()), level)
        return Estimate(
            tail,
            by_moments(sums, multiples, tail, SEED, horizon),
            of_elliptical(several, tail, multiples),
            None,
        )
    fit = fit_student(totals)
    if horizon == 1:
        tail, unit = student_tail(fit, level), student_tail(Student(0.0, 1.0, fit.degrees), level)
        scale = fit.scale / float(totals.std())
        multiples = Tail(unit.var * scale, unit.shortfall * scale)
        spread = made
    else:
        drawn = student_sums(fit.mean, fit.scale, fit.degrees, horizon, PATHS, SEED)
        tail = tail_of(drawn, level)
        spread = overlapping(made, horizon)
        deviation = float(spread.sum(axis=1).std())
        centre = float(spread.sum(axis=1).mean())
        multiples = Tail((tail.var + centre) / deviation, (tail.shortfall + centre) / deviation)
    notes = (("student_t", f"{fit.degrees:.1f} degrees of freedom"),)
    sums = spread.sum(axis=1)
    intervals = by_moments(sums, multiples, tail, SEED, horizon)
    return Estimate(tail, intervals, of_elliptical(spread, tail, multiples), None, notes)
