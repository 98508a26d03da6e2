"""Regression with Newey and West's errors, against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from arch.data import frenchdata
from skfolio.datasets import load_sp500_dataset

from traderbot.analytics.regression import regress

pytestmark = pytest.mark.unit


def test_real_stocks_on_the_french_factors_as_statsmodels_has_it() -> None:
    """Monthly returns of skfolio's stocks 1990-2018 in equal parts."""
    monthly = load_sp500_dataset().resample("ME").last().pct_change().dropna().mean(axis=1)
    factors = frenchdata.load().to_numpy()[-len(monthly.loc[:"2018-11"]) :] / 100
    own = monthly.loc[:"2018-11"].to_numpy() - factors[:, 3]
    found = regress(own, factors[:, :3])
    theirs = sm.OLS(own, sm.add_constant(factors[:, :3])).fit(
        cov_type="HAC", cov_kwds={"maxlags": found.lags, "use_correction": True}, use_t=True
    )
    np.testing.assert_allclose(found.coefficients, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(found.errors, theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(found.t, theirs.tvalues, rtol=1e-9)
    np.testing.assert_allclose(found.p, theirs.pvalues, rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(np.column_stack((found.low, found.high)), theirs.conf_int(), rtol=1e-9)
    assert found.r_squared == pytest.approx(theirs.rsquared)
    assert found.low[1] < 1.0 < found.high[1] + 0.2  # large companies move about as the market does


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="need more than 3"):
        regress(np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="sums of each other"):
        regress(np.arange(9.0), np.column_stack((np.arange(9.0), 2 * np.arange(9.0))))
