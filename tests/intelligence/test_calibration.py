import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.arrays import Floats
from traderbot.intelligence.calibration import (
    INTERCEPT_PRIOR_STD,
    PROBABILITY_MAX,
    PROBABILITY_MIN,
    SLOPE_PRIOR,
    SLOPE_PRIOR_STD,
    Calibration,
    bounded_probability,
    fit_calibration,
)

pytestmark = pytest.mark.unit

rows = st.lists(st.tuples(st.floats(-5.0, 5.0), st.booleans()), max_size=200)


def fitted(scores: Floats, labels: Floats, base_rate: float = 0.5, overlap: int = 5) -> Calibration:
    return fit_calibration(scores, labels, base_rate=base_rate, centre=0.0, overlap=overlap)


def penalised_loss(slope: float, intercept: float, scores: Floats, labels: Floats, overlap: int) -> float:
    line = intercept + slope * scores
    fit = float(np.sum(np.logaddexp(0.0, line) - labels * line)) / overlap
    slope_cost = (slope - SLOPE_PRIOR) ** 2 / (2 * SLOPE_PRIOR_STD**2)
    return fit + slope_cost + intercept**2 / (2 * INTERCEPT_PRIOR_STD**2)


@given(rows, st.floats(0.2, 0.8), st.integers(1, 10))
def test_probabilities_are_bounded_and_never_fall_as_the_score_rises(
    data: list[tuple[float, bool]], base_rate: float, overlap: int
) -> None:
    scores = np.array([score for score, _ in data])
    labels = np.array([float(label) for _, label in data])
    calibration = fitted(scores, labels, base_rate, overlap)
    probabilities = calibration.probabilities(np.linspace(-50.0, 50.0, 301))
    assert calibration.slope >= 0.0
    assert (np.diff(probabilities) >= 0.0).all()
    assert probabilities.min() >= PROBABILITY_MIN
    assert probabilities.max() <= PROBABILITY_MAX


@given(rows)
def test_the_fit_is_the_minimum_of_the_penalised_loss(data: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in data])
    labels = np.array([float(label) for _, label in data])
    found = fitted(scores, labels)
    here = penalised_loss(found.slope, found.intercept, scores, labels, 5)
    for slope_step, intercept_step in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)):
        slope = found.slope + slope_step
        if slope >= 0.0:
            there = penalised_loss(slope, found.intercept + intercept_step, scores, labels, 5)
            assert there >= here - 1e-9


def test_without_evidence_the_prior_comes_back() -> None:
    calibration = fit_calibration(np.empty(0), np.empty(0), base_rate=0.6, centre=0.3, overlap=5)
    assert calibration.slope == SLOPE_PRIOR
    assert calibration.probability(0.3) == pytest.approx(0.6)


def test_much_evidence_wins_over_the_prior() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.0, 1.0, 200_000)
    labels = (rng.uniform(size=200_000) < 1.0 / (1.0 + np.exp(-(0.3 + 0.8 * scores)))).astype(float)
    calibration = fitted(scores, labels, overlap=1)
    assert calibration.slope == pytest.approx(0.8, abs=0.02)
    assert calibration.intercept == pytest.approx(0.3, abs=0.02)


def test_scores_that_point_the_wrong_way_are_not_turned_around() -> None:
    scores = np.linspace(-2.0, 2.0, 400)
    calibration = fitted(scores, (scores < 0.0).astype(float))
    assert calibration.slope == 0.0
    assert calibration.probability(-2.0) == calibration.probability(2.0) == pytest.approx(0.5)


def test_the_logistic_function_stays_in_bounds_at_the_extremes() -> None:
    assert bounded_probability(0.0) == 0.5
    assert bounded_probability(math.log(0.58 / 0.42)) == pytest.approx(0.58)
    assert bounded_probability(1e308) == PROBABILITY_MAX
    assert bounded_probability(-1e308) == PROBABILITY_MIN


@pytest.mark.parametrize("base_rate", [0.0, 1.0])
def test_a_base_rate_without_doubt_is_refused(base_rate: float) -> None:
    with pytest.raises(ValueError, match="base_rate must be inside"):
        fitted(np.zeros(1), np.zeros(1), base_rate)
