import numpy as np
import pytest
from scipy import stats

from analytics.risk.samples import stocks
from traderbot.analytics.risk.copula import (
    Copula,
    fit_copula,
    kendall,
    nearest_correlation,
    simulate,
    simulate_totals,
)

pytestmark = pytest.mark.unit


def test_kendalls_tau_is_that_of_scipy() -> None:
    sample = stocks()[:300, :4].round(3)  # rounded, so that there are ties
    found = kendall(sample)
    for first in range(4):
        for second in range(first):
            theirs = stats.kendalltau(sample[:, first], sample[:, second]).statistic
            assert found[first, second] == pytest.approx(theirs, abs=1e-6)


def test_a_copula_that_was_drawn_from_is_found_again() -> None:
    random = np.random.default_rng(3)
    normal = random.multivariate_normal([0, 0, 0], [[1, 0.6, 0.3], [0.6, 1, 0.5], [0.3, 0.5, 1]], 3000)
    sample = np.exp(normal / np.sqrt(random.chisquare(5, 3000) / 5)[:, None])  # margins do not matter
    found = fit_copula(sample)
    assert found.correlation[0, 1] == pytest.approx(0.6, abs=0.08)
    assert found.degrees == pytest.approx(5, rel=0.25)
    assert not found.mended


def test_simulated_days_have_the_margins_and_the_dependence_of_the_past() -> None:
    sample = stocks()[-1000:, :3]
    copula = fit_copula(sample)
    made = simulate(copula, sample, np.array([1.0, 1.0, -2.0]), 40_000, seed=1)
    for column, value in enumerate((1, 1, -2)):
        theirs = np.quantile(sample[:, column] * value, [0.01, 0.05, 0.5, 0.95, 0.99])
        assert np.quantile(made[:, column], [0.01, 0.05, 0.5, 0.95, 0.99]) == pytest.approx(
            theirs, rel=0.08, abs=5e-4
        )
    tau = stats.kendalltau(made[:5000, 0], made[:5000, 1]).statistic
    assert np.sin(np.pi / 2 * tau) == pytest.approx(copula.correlation[0, 1], abs=0.04)


def test_totals_are_the_sums_of_the_same_paths_and_the_seed_decides_them() -> None:
    sample, values = stocks()[-500:, :5], np.full(5, 1000.0)
    copula = fit_copula(sample)
    made = simulate(copula, sample, values, 5000, seed=7, horizon=3)
    assert simulate_totals(copula, sample, values, 5000, 7, 3) == pytest.approx(
        made.sum(axis=1), rel=1e-4, abs=0.1
    )
    assert (simulate(copula, sample, values, 10, 8) != simulate(copula, sample, values, 10, 9)).any()


def test_a_singular_correlation_is_mended_and_says_so() -> None:
    sample = stocks()[:400, [0, 0, 1]]
    found = fit_copula(sample)
    assert found.mended
    assert np.linalg.eigvalsh(found.correlation).min() > 0
    assert np.isfinite(simulate(found, sample, np.ones(3), 100, 0)).all()
    assert nearest_correlation(np.eye(2)) == (pytest.approx(np.eye(2)), False)


def test_a_column_that_never_changes_goes_with_none() -> None:
    sample = np.column_stack([stocks()[:300, 0], np.zeros(300)])
    assert fit_copula(sample).correlation == pytest.approx(np.eye(2))


def test_one_position_needs_no_copula() -> None:
    sample = stocks()[:300, :1]
    assert fit_copula(sample) == Copula(pytest.approx(np.eye(1)), 200.0, False)
    assert simulate_totals(fit_copula(sample), sample, np.ones(1), 9000, 1).std() == pytest.approx(
        sample.std(), rel=0.1
    )
