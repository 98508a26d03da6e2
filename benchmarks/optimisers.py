"""Target weights beside skfolio called directly for the same problem, asked in turn in one run: 1,000 days of
20 and of 100 assets, no weight above a fifth.

`optimum` checks what it is given, has the model solved, and sees to it that the weights keep to the
constraints. A quiet machine, or one thread (OPENBLAS_NUM_THREADS=1), gives steadier figures.
Run: PYTHONPATH=src python benchmarks/optimisers.py [--rounds N]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from skfolio import RiskMeasure
from skfolio.moments import EquilibriumMu, LedoitWolf, ShrunkMu, ShrunkMuMethods
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import BlackLitterman, EmpiricalPrior

from traderbot.analytics.arrays import Floats
from traderbot.rebalancing.constraints import Constraints, SectorBound, faults, nearest
from traderbot.rebalancing.models import View, frontier, optimum

DAYS, HIGHEST, VIEWS = 1000, 0.2, (View(3, 0.3, 0.6), View(8, -0.05, 0.2))


def made(count: int) -> Floats:
    """Daily returns of three common factors and noise, (DAYS, count)."""
    random = np.random.default_rng(count)
    factors = random.standard_normal((DAYS, 3)) * 0.008
    loads = random.standard_normal((3, count)) * 0.5 + 0.4
    noise = random.standard_normal((DAYS, count)) * random.uniform(0.005, 0.02, count)
    return np.asarray(factors @ loads + noise + random.normal(0.0004, 0.0003, count))


def prior() -> EmpiricalPrior:
    mean = ShrunkMu(
        method=ShrunkMuMethods.BAYES_STEIN, vol_weighted_target=True, covariance_estimator=LedoitWolf()
    )
    return EmpiricalPrior(mu_estimator=mean, covariance_estimator=LedoitWolf())


def viewed(count: int) -> BlackLitterman:
    equal = EquilibriumMu(covariance_estimator=LedoitWolf())
    return BlackLitterman(
        groups=[[f"S{place}" for place in range(count)]],
        views=[f"S{one.place} == {one.expected / 252}" for one in VIEWS],
        view_confidences=[one.confidence for one in VIEWS],
        prior_estimator=EmpiricalPrior(mu_estimator=equal, covariance_estimator=LedoitWolf()),
    )


def theirs(count: int) -> dict[str, Callable[[], Any]]:
    """Each model as skfolio itself is called."""
    low, high = np.zeros(count), np.full(count, HIGHEST)
    bounds: dict[str, Any] = {"min_weights": low, "max_weights": high}
    ratio = {**bounds, "objective_function": ObjectiveFunction.MAXIMIZE_RATIO}
    return {
        "minimum_variance": lambda: MeanRisk(prior_estimator=prior(), **bounds),
        "maximum_sharpe": lambda: MeanRisk(prior_estimator=prior(), **ratio),
        "risk_parity": lambda: RiskBudgeting(prior_estimator=prior(), **bounds),
        "hrp": lambda: HierarchicalRiskParity(prior_estimator=prior(), **bounds),
        "cvar": lambda: MeanRisk(prior_estimator=prior(), risk_measure=RiskMeasure.CVAR, **bounds),
        "black_litterman": lambda: MeanRisk(prior_estimator=viewed(count), **ratio),
    }


def in_turn(ours: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median milliseconds of both; which is asked first changes from round to round."""
    taken: dict[Callable[[], object], list[float]] = {ours: [], other: []}
    for place in range(rounds + 1):
        for work in (ours, other) if place % 2 else (other, ours):
            began = time.perf_counter()
            work()
            taken[work].append(time.perf_counter() - began)
    return median(taken[ours][1:]) * 1e3, median(taken[other][1:]) * 1e3


def models(count: int, rounds: int) -> None:
    returns = made(count)
    bound = Constraints(
        tuple(f"S{place}" for place in range(count)),
        np.zeros(count),
        np.full(count, HIGHEST),
        1.0,
        (),
        np.full(count, 1 / count),
        None,
    )
    print(f"{count} assets x {DAYS} days{'traderbot':>24} {'skfolio':>12}    ratio")

    def told(name: str, ours: Callable[[], object], other: Callable[[], object]) -> None:
        here, there = in_turn(ours, other, rounds)
        print(f"  {name:<28} {here:9.2f} ms {there:9.2f} ms {here / there:8.3f}")

    for name, build in theirs(count).items():
        views = VIEWS if name == "black_litterman" else ()
        weights = optimum(name, returns, bound, views).weights  # type: ignore[arg-type]
        assert np.abs(weights - build().fit(returns).weights_).max() < 1e-3
        told(
            name,
            lambda name=name, views=views: optimum(name, returns, bound, views),
            lambda build=build: build().fit(returns),
        )
    lowest = {"min_weights": bound.lower, "max_weights": bound.upper, "efficient_frontier_size": 20}
    told(
        "frontier of 20 points",
        lambda: frontier(returns, bound),
        lambda: MeanRisk(prior_estimator=prior(), **lowest).fit(returns),
    )


def programmes(rounds: int) -> None:
    """What is not skfolio's: the linear programmes, for an index of 505 stocks in 11 sectors."""
    count, random = 505, np.random.default_rng(1)
    places, before = np.arange(count), random.dirichlet(np.ones(count))
    sectors = tuple(SectorBound(f"T{one}", places % 11 == one, 0.05, 0.12) for one in range(11))
    names = tuple(f"S{place}" for place in range(count))
    bound = Constraints(names, np.zeros(count), np.full(count, 0.01), 1.0, sectors, before, 0.3)
    wish = random.dirichlet(np.ones(count))
    found = in_turn(lambda: faults(bound), lambda: nearest(wish, bound), rounds)
    print(f"{count} assets, 11 sectors, a turnover: faults {found[0]:.0f} ms, nearest {found[1]:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for size in (20, 100):
        models(size, given.rounds)
    programmes(given.rounds)
