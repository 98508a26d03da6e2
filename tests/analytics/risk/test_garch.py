import numpy as np
import pytest
from arch import arch_model

from analytics.risk.samples import stocks
from traderbot.analytics.risk.garch import DECAY, filtered, volatility_ahead

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("column", [0, 6, 12, 18])
def test_the_fit_is_that_of_arch(column: int) -> None:
    made = stocks()[-1500:, column] * 100
    made = made - made.mean()
    theirs = arch_model(made, mean="Zero", rescale=False).fit(disp="off")
    found = filtered(made)
    assert found.kind == "garch"
    assert [found.omega, found.alpha, found.beta] == pytest.approx(theirs.params.tolist(), rel=0.02, abs=2e-3)
    assert np.sqrt(found.variances) == pytest.approx(theirs.conditional_volatility, rel=5e-3)
    ahead = theirs.forecast(horizon=10).variance.iloc[-1].to_numpy()
    assert found.ahead(10) == pytest.approx(ahead, rel=0.01)
    assert volatility_ahead(found, 10) == pytest.approx(np.sqrt(ahead.sum()), rel=0.01)


def test_the_parameters_of_a_simulated_series_are_found_again() -> None:
    random = np.random.default_rng(5)
    variance, made = 1.0, np.empty(8000)
    for day in range(len(made)):
        made[day] = np.sqrt(variance) * random.standard_normal()
        variance = 0.05 + 0.1 * made[day] ** 2 + 0.85 * variance
    found = filtered(made)
    assert [found.omega, found.alpha, found.beta] == pytest.approx([0.05, 0.1, 0.85], rel=0.25)


def test_no_variance_knows_its_own_day() -> None:
    made = stocks()[:1000, 0].copy()
    before = filtered(made, like=filtered(made))
    made[500] = -0.5
    after = filtered(made, like=before)
    assert (before.variances[:501] == after.variances[:501]).all()
    assert after.variances[501] > 5 * before.variances[501]


def test_a_short_series_is_weighted_exponentially_and_says_so() -> None:
    made = stocks()[:100, 0]
    found = filtered(made)
    assert (found.kind, found.omega, found.beta) == ("ewma", 0.0, DECAY)
    apart = made[-1] - made.mean()
    assert found.following == pytest.approx(DECAY * found.variances[-1] + (1 - DECAY) * apart**2)


def test_a_series_that_never_changes_has_no_volatility_to_filter() -> None:
    with pytest.raises(ValueError, match="never change"):
        filtered(np.full(500, 0.01))
