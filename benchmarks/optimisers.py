"""Target weights: the models within constraints, beside skfolio's own fit of the same problem.

    python benchmarks/optimisers.py [--assets 20] [--assets 100] [--rounds 9]

Both are run in turn, each round in the other order; a ratio above 1 is what the product adds to the library.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from skfolio import RiskMeasure
from skfolio.moments import LedoitWolf, ShrunkMu
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import EmpiricalPrior

from traderbot.analytics.arrays import Floats
from traderbot.rebalancing.constraints import Constraints
from traderbot.rebalancing.models import Model, optimum

DAYS = 1000
MOST = 0.3


def prior() -> EmpiricalPrior:
    return EmpiricalPrior(mu_estimator=ShrunkMu(), covariance_estimator=LedoitWolf())


THEIRS: dict[Model, Callable[[], object]] = {
    "minimum_variance": lambda: MeanRisk(prior_estimator=prior(), max_weights=MOST),
    "maximum_sharpe": lambda: MeanRisk(
        prior_estimator=prior(), max_weights=MOST, objective_function=ObjectiveFunction.MAXIMIZE_RATIO
    ),
    "cvar": lambda: MeanRisk(prior_estimator=prior(), max_weights=MOST, risk_measure=RiskMeasure.CVAR),
    "risk_parity": lambda: RiskBudgeting(prior_estimator=prior(), max_weights=MOST),
    "hrp": lambda: HierarchicalRiskParity(prior_estimator=prior(), max_weights=MOST),
}


def returns_of(assets: int) -> Floats:
    """One factor and noise of its own for each, float64 (days, assets)."""
    random = np.random.default_rng(assets)
    market = random.standard_t(5, size=(DAYS, 1)) * 0.007
    made = market * random.uniform(0.5, 1.5, assets) + random.normal(0, 0.01, (DAYS, assets))
    shifted: Floats = made - made.mean(axis=0) + random.uniform(0.0002, 0.0008, assets)
    return shifted


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(assets: int, rounds: int) -> None:
    returns = returns_of(assets)
    names = tuple(f"S{place}" for place in range(assets))
    before = np.full(assets, 1 / assets)
    constraints = Constraints(names, np.zeros(assets), np.full(assets, MOST), 1.0, (), before, None)
    for model, theirs in THEIRS.items():
        ours: list[float] = []
        library: list[float] = []
        sides = [
            (ours, lambda model=model: optimum(model, returns, constraints)),
            (library, lambda theirs=theirs: theirs().fit(returns)),
        ]
        for _, work in sides:
            work()
        for number in range(rounds):
            for times, work in sides if number % 2 else sides[::-1]:
                times.append(timed(work))
        own, other = statistics.median(ours) * 1e3, statistics.median(library) * 1e3
        told = f"{own:8.1f} ms  skfolio {other:8.1f} ms  {own / other:5.2f}"
        print(f"{assets:4d} assets  {model:17s} {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    for assets in given.assets or (20, 100):
        compare(assets, given.rounds)


if __name__ == "__main__":
    main()
