"""Portfolios against skfolio on random covariances, and against what defines them."""

import numpy as np
import pytest
from skfolio import RiskMeasure
from skfolio.moments import EmpiricalCovariance
from skfolio.optimization import MeanRisk, RiskBudgeting
from skfolio.prior import EmpiricalPrior

from traderbot.analytics.allocation import minimum_variance, risk_parity
from traderbot.analytics.arrays import Floats

pytestmark = pytest.mark.unit

PRIOR = EmpiricalPrior(covariance_estimator=EmpiricalCovariance())


def returns(columns: int, rows: int = 300, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    market = random.normal(0, 0.01, (rows, 1))
    loads = random.uniform(0.2, 1.6, columns)
    return market * loads + random.normal(0, 1, (rows, columns)) * random.uniform(0.005, 0.03, columns)


def covariance(sample: Floats) -> Floats:
    return np.atleast_2d(np.cov(sample, rowvar=False))


@pytest.mark.parametrize("columns", [2, 5, 12])
def test_minimum_variance_is_that_of_skfolio(columns: int) -> None:
    sample = returns(columns)
    model = MeanRisk(risk_measure=RiskMeasure.VARIANCE, prior_estimator=PRIOR).fit(sample)
    np.testing.assert_allclose(minimum_variance(covariance(sample)), model.weights_, atol=2e-4)


@pytest.mark.parametrize("columns", [2, 5, 12])
def test_risk_parity_is_that_of_skfolio(columns: int) -> None:
    sample = returns(columns)
    model = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, prior_estimator=PRIOR).fit(sample)
    weights = risk_parity(covariance(sample)[None], np.ones((1, columns), dtype=bool))[0]
    np.testing.assert_allclose(weights, model.weights_, atol=2e-4)


@pytest.mark.parametrize("columns", [1, 3, 40, 120])
def test_minimum_variance_meets_the_conditions_of_the_optimum(columns: int) -> None:
    matrix = covariance(returns(columns, seed=columns))
    weights = minimum_variance(matrix)
    slope = matrix @ weights
    level = weights @ slope
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (slope >= level * (1 - 1e-9)).all()
    np.testing.assert_allclose(slope[weights > 0], level, rtol=1e-9)


def test_risk_parity_contributes_evenly_and_leaves_out_what_is_no_member() -> None:
    matrices = np.stack([covariance(returns(6, seed=seed)) for seed in (1, 2)])
    members = np.ones((2, 6), dtype=bool)
    members[1, 2:4] = False
    together = risk_parity(matrices, members)
    alone = risk_parity(matrices[1:], members[1:])
    np.testing.assert_array_equal(together[1], alone[0])
    assert (together[1, 2:4] == 0).all()
    for matrix, weights, inside in zip(matrices, together, members, strict=True):
        parts = (weights * (matrix @ weights))[inside]
        np.testing.assert_allclose(parts, parts.mean(), rtol=1e-7)


def test_two_uncorrelated_instruments_have_a_closed_form() -> None:
    matrix = np.diag([0.04, 0.01])
    np.testing.assert_allclose(minimum_variance(matrix), [0.2, 0.8])
    np.testing.assert_allclose(risk_parity(matrix[None], np.ones((1, 2), dtype=bool))[0], [1 / 3, 2 / 3])
