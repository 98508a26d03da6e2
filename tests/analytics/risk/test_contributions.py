import numpy as np
import pytest
from skfolio import Portfolio, RiskMeasure

from analytics.risk.samples import stocks
from traderbot.analytics.risk.contributions import of_elliptical, of_scenarios, shares
from traderbot.analytics.risk.tails import Tail, normal_tail, tail_of

pytestmark = pytest.mark.unit

VALUES = np.array([5000.0, -3000.0, 8000.0, 100.0])


def _book() -> np.ndarray:
    return stocks()[-999:, :4] * VALUES


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_contributions_sum_to_the_whole(level: float) -> None:
    made = _book()
    whole = tail_of(made.sum(axis=1), level)
    found = of_scenarios(made, level, whole)
    assert found.var.sum() == pytest.approx(whole.var, rel=1e-12)
    assert found.shortfall.sum() == pytest.approx(whole.shortfall, rel=1e-12)


def test_closing_a_position_changes_the_whole_by_its_increment() -> None:
    made = _book()
    whole = tail_of(made.sum(axis=1), 0.95)
    found = of_scenarios(made, 0.95, whole)
    for column in range(4):
        rest = tail_of(np.delete(made, column, axis=1).sum(axis=1), 0.95)
        assert whole.var - found.without_var[column] == pytest.approx(rest.var)
        assert whole.shortfall - found.without_shortfall[column] == pytest.approx(rest.shortfall)


def test_component_shortfall_is_the_slope_of_the_whole_along_a_position() -> None:
    """Euler: value times the derivative, here by differences."""
    made = _book()
    whole = tail_of(made.sum(axis=1), 0.9)
    found = of_scenarios(made, 0.9, whole)
    for column in range(4):
        moved = made.copy()
        moved[:, column] *= 1 + 1e-6
        slope = (tail_of(moved.sum(axis=1), 0.9).shortfall - whole.shortfall) / 1e-6
        assert found.shortfall[column] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_component_shortfall_is_that_of_skfolio() -> None:
    """riskfolio-lib is not among the packages of the tests, so it is not asked."""
    returns, weights = stocks()[-1000:, :6], np.array([0.3, 0.25, 0.2, 0.15, 0.06, 0.04])
    theirs = Portfolio(X=returns, weights=weights, cvar_beta=0.95).contribution(measure=RiskMeasure.CVAR)
    made = returns * weights
    ours = of_scenarios(made, 0.95, tail_of(made.sum(axis=1), 0.95)).shortfall
    assert ours == pytest.approx(np.asarray(theirs), rel=1e-3)


def test_two_currencies_of_the_textbook() -> None:
    """Jorion 2007, Value at Risk, 3rd ed., section 7.2: 2 million CAD at 5%, 1 million EUR at 12%."""
    first = np.tile([1.0, -1.0, 1.0, -1.0], 250) * 2_000_000 * 0.05
    second = np.tile([1.0, 1.0, -1.0, -1.0], 250) * 1_000_000 * 0.12
    made = np.column_stack([first, second])
    multiples = Tail(1.65, 1.65)
    whole = Tail(1.65 * made.sum(axis=1).std(), 1.65 * made.sum(axis=1).std())
    assert whole.var == pytest.approx(257_738, abs=1)
    found = of_elliptical(made, whole, multiples)
    assert found.var == pytest.approx([105_630, 152_108], abs=2)
    assert whole.var - found.without_var == pytest.approx([198_000, 165_000], abs=1)


def test_elliptical_contributions_sum_to_the_whole_with_a_mean() -> None:
    made = _book()
    mean, deviation = made.sum(axis=1).mean(), made.sum(axis=1).std()
    whole = normal_tail(mean, deviation, 0.99)
    found = of_elliptical(made, whole, normal_tail(0, 1, 0.99))
    assert found.var.sum() == pytest.approx(whole.var)
    assert found.shortfall.sum() == pytest.approx(whole.shortfall)
    rest = np.delete(made, 2, axis=1).sum(axis=1)
    assert whole.var - found.without_var[2] == pytest.approx(normal_tail(rest.mean(), rest.std(), 0.99).var)


def test_a_book_that_never_changes_has_nothing_to_share() -> None:
    with pytest.raises(ValueError, match="never changes"):
        shares(np.zeros((10, 2)), np.zeros(10))
