import numpy as np
import pytest
from scipy import stats
from skfolio.measures import cvar, value_at_risk

from analytics.risk.samples import stocks
from traderbot.analytics.risk.tails import (
    Student,
    fit_student,
    normal_tail,
    overlapping,
    student_tail,
    tail_of,
    tails_of,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99])
def test_the_historical_tail_is_that_of_skfolio(level: float) -> None:
    made = stocks()[:4999].mean(axis=1)  # so many that no share of them is whole
    found = tail_of(made, level)
    assert found.var == pytest.approx(value_at_risk(made, beta=level), rel=1e-12)
    assert found.shortfall == pytest.approx(cvar(made, beta=level), rel=1e-12)


def test_columns_are_measured_as_each_by_itself() -> None:
    values, shortfalls = tails_of(stocks()[:1000], 0.95)
    assert [tail_of(column, 0.95) for column in stocks()[:1000].T] == [
        (value, shortfall) for value, shortfall in zip(values, shortfalls, strict=True)
    ]


def test_a_share_of_the_days_that_is_whole_takes_no_more() -> None:
    """0.05 x 100 is a trifle above 5 in floating point."""
    found = tail_of(np.arange(100.0), 0.95)
    assert found.var == -4
    assert found.shortfall == pytest.approx(-2)


@pytest.mark.parametrize(("level", "var", "shortfall"), [(0.95, 1.64, 2.06), (0.99, 2.33, 2.67)])
def test_a_normal_tail_is_that_of_the_textbook(level: float, var: float, shortfall: float) -> None:
    """McNeil, Frey and Embrechts 2015, table 2.2."""
    found = normal_tail(0, 1, level)
    assert (round(found.var, 2), round(found.shortfall, 2)) == (var, shortfall)


def test_a_student_tail_agrees_with_the_integral_of_its_quantiles() -> None:
    student = Student(0.001, 0.02, 4.2)
    found = student_tail(student, 0.99)
    frozen = stats.t(4.2, 0.001, 0.02)
    assert found.var == pytest.approx(-frozen.ppf(0.01))
    assert found.shortfall == pytest.approx(-frozen.expect(lambda x: x, ub=frozen.ppf(0.01)) / 0.01, rel=1e-6)


def test_the_fit_of_a_student_distribution_is_that_of_scipy() -> None:
    made = stocks()[-1000:].mean(axis=1)
    found = fit_student(made)
    degrees, mean, scale = stats.t.fit(made)
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert found.scale == pytest.approx(scale, rel=1e-3)
    assert found.degrees == pytest.approx(degrees, rel=1e-3)


def test_normal_returns_get_a_nearly_normal_fit() -> None:
    assert fit_student(np.random.default_rng(1).standard_normal(3000)).degrees > 30


def test_several_days_are_sums_of_all_that_follow_each_other() -> None:
    assert overlapping(np.arange(5.0), 3).tolist() == [3, 6, 9]
    assert overlapping(np.ones((4, 2)), 2).tolist() == [[2, 2]] * 3
    assert overlapping(np.arange(2.0), 1).tolist() == [0, 1]


def test_what_cannot_be_measured_is_said() -> None:
    for level in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="level"):
            tail_of(np.ones(10), level)
    with pytest.raises(ValueError, match="finite"):
        tail_of(np.array([0.1, np.nan]), 0.95)
    with pytest.raises(ValueError, match="finite"):
        tail_of(np.array([]), 0.95)
    with pytest.raises(ValueError, match="never change"):
        fit_student(np.full(100, 0.1))
    with pytest.raises(ValueError, match="horizon"):
        overlapping(np.ones(3), 4)
