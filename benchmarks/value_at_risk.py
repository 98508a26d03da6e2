"""Value at risk beside skfolio and bare numpy, asked in turn in one run: 100 assets, 2,500 days.

Historical VaR and shortfall of the same weights; Monte Carlo of 100,000 paths, where bare numpy draws a plain
normal distribution and, apart, the same Student t copula written straight on (its quantiles by searchsorted).
Last, a whole analysis of an account with 100 positions: after a fill, and asked again.
Run: PYTHONPATH=src:tests python benchmarks/value_at_risk.py [--rounds N]
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from risk.samples import book, made_up
from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.copula import fit_copula, simulate_totals
from traderbot.analytics.risk.tails import tail_of
from traderbot.risk.analysis import analyse
from traderbot.risk.figures import Wanted

DAYS, ASSETS, PATHS, LEVEL = 2500, 100, 100_000, 0.95


def returns() -> Floats:
    """Of five common factors and fat tails of their own."""
    random = np.random.default_rng(3)
    factors = random.standard_normal((DAYS, 5)) * 0.008
    loads = random.standard_normal((5, ASSETS)) * 0.6 + 0.5
    return np.asarray(factors @ loads + random.standard_t(5, (DAYS, ASSETS)) * 0.008 + 0.0003)


def in_turn(asked: dict[str, Callable[[], object]], rounds: int) -> None:
    """Median milliseconds of each, every round asking all of them."""
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for work in asked.values():
        work()
    for _ in range(rounds):
        for name, work in asked.items():
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    first = median(next(iter(taken.values())))
    for name, seconds in taken.items():
        print(f"  {name:<44} {median(seconds) * 1e3:9.3f} ms  {median(seconds) / first:6.2f} x")


def historical(made: Floats, weights: Floats, rounds: int) -> None:
    import pandas as pd
    from skfolio import Portfolio
    from skfolio.measures import cvar, value_at_risk

    frame = pd.DataFrame(made, columns=[f"a{number}" for number in range(ASSETS)])

    def bare() -> tuple[float, float]:
        totals = made @ weights
        count = round(DAYS * (1 - LEVEL))
        worst = np.partition(totals, count - 1)[:count]
        return -worst.max(), -worst.mean()

    def theirs() -> tuple[float, float]:
        totals = made @ weights
        return value_at_risk(totals, beta=LEVEL), cvar(totals, beta=LEVEL)

    def portfolio() -> tuple[float, float]:
        found = Portfolio(X=frame, weights=weights)
        return found.value_at_risk, found.cvar

    ours = tail_of(made @ weights, LEVEL)
    assert np.allclose(ours, bare())
    assert np.isclose(ours.shortfall, theirs()[1])
    print(f"historical VaR and shortfall, {ASSETS} assets x {DAYS} days")
    asked = {
        "traderbot": lambda: tail_of(made @ weights, LEVEL),
        "bare numpy": bare,
        "skfolio measures": theirs,
        "skfolio Portfolio": portfolio,
    }
    in_turn(asked, rounds * 20)


def monte_carlo(made: Floats, weights: Floats, rounds: int) -> None:
    copula = fit_copula(made)
    ordered = np.sort(made, axis=0)

    def normal() -> tuple[float, float]:
        random = np.random.Generator(np.random.SFC64(1))
        mixed = np.linalg.cholesky(np.cov(made.T))
        totals = (random.standard_normal((PATHS, ASSETS)) @ mixed.T + made.mean(axis=0)) @ weights
        return tail_of(totals, LEVEL)

    def straight() -> tuple[float, float]:
        from scipy.stats import t

        random = np.random.Generator(np.random.SFC64(1))
        points = random.standard_normal((PATHS, ASSETS)) @ np.linalg.cholesky(copula.correlation).T
        points *= np.sqrt(copula.degrees / random.chisquare(copula.degrees, (PATHS, 1)))
        places = np.searchsorted(t.ppf(np.arange(1, DAYS) / DAYS, copula.degrees), points)
        return tail_of(np.take_along_axis(ordered, places, axis=0) @ weights, LEVEL)

    def ours() -> tuple[float, float]:
        return tail_of(simulate_totals(copula, made, weights, PATHS, seed=1), LEVEL)

    assert np.allclose(ours(), straight(), rtol=0.02)
    print(f"Monte Carlo VaR and shortfall, {ASSETS} assets x {PATHS:,} paths, copula fitted before")
    asked = {
        "traderbot, t copula, empirical margins": ours,
        "bare numpy, normal": normal,
        "bare numpy and scipy, the same copula": straight,
        "traderbot, fit of the copula": lambda: fit_copula(made),
    }
    in_turn(asked, max(3, rounds // 3))


def account(rounds: int) -> None:
    random = np.random.default_rng(5)
    common = random.normal(0, 0.008, 1200)
    closes = {
        f"S{number}": 50 * np.exp(np.cumsum(common + random.normal(0, 0.012, 1200)))
        for number in range(ASSETS)
    }
    dataset = made_up(closes)
    counter = iter(range(1, 10**9))

    def after_fill() -> object:
        held = dict.fromkeys(closes, 10) | {"S0": 10 + next(counter)}
        return analyse(book(dataset, dataset.last_time, held), Wanted())

    same = book(dataset, dataset.last_time, dict.fromkeys(closes, 10))
    print(f"analysis of an account with {ASSETS} positions, without HTTP")
    asked = {"asked again": lambda: analyse(same, Wanted()), "after a fill": after_fill}
    in_turn(asked, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    sample, equal = returns(), np.full(ASSETS, 1 / ASSETS)
    historical(sample, equal, given.rounds)
    monte_carlo(sample, equal, given.rounds)
    account(given.rounds)
