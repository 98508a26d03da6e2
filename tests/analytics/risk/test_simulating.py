import numpy as np
import pytest

from analytics.risk.samples import stocks
from traderbot.analytics.risk.garch import filtered
from traderbot.analytics.risk.simulating import filtered_scenarios, historical_scenarios, student_sums

pytestmark = pytest.mark.unit


def test_historical_scenarios_are_the_days_as_they_were() -> None:
    made = stocks()[:10, :2]
    assert (historical_scenarios(made) == made).all()
    assert historical_scenarios(made, 3)[0] == pytest.approx(made[:3].sum(axis=0))


def test_filtered_scenarios_are_scaled_by_the_volatility_of_now_over_that_of_then() -> None:
    made = stocks()[-800:, :3]
    scenarios, book = filtered_scenarios(made)
    again = filtered(made.sum(axis=1))
    assert book.following == again.following
    totals = scenarios.sum(axis=1)
    expected = again.mean + (made.sum(axis=1) - again.mean) * np.sqrt(again.following / again.variances)
    assert totals == pytest.approx(expected)


def test_filtered_paths_of_several_days_have_the_variance_that_was_foreseen() -> None:
    scenarios, book = filtered_scenarios(stocks()[-1000:, :4], horizon=5, paths=40_000, seed=2)
    assert scenarios.shape == (40_000, 4)
    totals = scenarios.sum(axis=1)
    assert totals.std() == pytest.approx(np.sqrt(book.ahead(5).sum()), rel=0.05)
    assert totals.mean() == pytest.approx(5 * book.mean, abs=0.1 * totals.std())
    again, _ = filtered_scenarios(stocks()[-1000:, :4], horizon=5, paths=40_000, seed=2)
    assert (again == scenarios).all()


def test_sums_of_student_draws_grow_with_the_root_of_the_days_once_they_are_many() -> None:
    totals = student_sums(0.1, 2.0, 5.0, 10, 200_000, seed=1)
    assert totals.mean() == pytest.approx(1.0, abs=0.05)
    assert totals.std() == pytest.approx(2 * np.sqrt(5 / 3 * 10), rel=0.02)
