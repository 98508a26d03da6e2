"""Factor exposure of holdings, beside statsmodels on the same months, made another way."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from risk.samples import at, book, demo, made_up, walk
from traderbot.model.symbols import Symbol
from traderbot.portfolios.factors import NAMES, french_factors
from traderbot.risk.factors import exposure_of
from traderbot.risk.history import daily

pytestmark = pytest.mark.unit

HOLDINGS = {"AAPL": 100, "IBM": 300, "MSFT": 500}


def months_of(symbol: str, first: str, last: str) -> pd.Series:
    """A symbol's total returns by calendar month."""
    made = daily(demo(), Symbol(symbol))
    returns = pd.Series(made.returns, pd.DatetimeIndex(made.days.astype("M8[ns]")))
    return ((1 + returns.fillna(0)).resample("ME").prod() - 1).loc[first:last]  # type: ignore[misc]


def test_the_account_and_its_positions_agree_with_statsmodels() -> None:
    asked = book(demo(), at("2010-01-29"), HOLDINGS)
    found = exposure_of(asked)
    assert (found.last, [one.code for one in found.reasons]) == ("2010-01", ["shortened"])
    assert found.months >= 100
    assert found.first is not None
    known = french_factors()
    assert known is not None
    first = known.places[found.first]
    rows = known.values[first : first + found.months]
    own = pd.DataFrame({name: months_of(name, found.first, "2010-01") for name in sorted(HOLDINGS)})
    assert len(own) == found.months
    weights = np.array([float(one.value) for one in asked.held]) / float(asked.equity)
    beyond = own.to_numpy() - rows[:, 3:]
    design = sm.add_constant(rows[:, :3])
    fit = sm.OLS(beyond @ weights, design).fit(
        cov_type="HAC", cov_kwds={"maxlags": found.lags, "use_correction": True}, use_t=True
    )
    assert [one.value for one in found.coefficients] == pytest.approx(fit.params, abs=1e-10)
    assert [one.error for one in found.coefficients] == pytest.approx(fit.bse, rel=1e-8)
    assert [one.low for one in found.coefficients] == pytest.approx(fit.conf_int()[:, 0], rel=1e-8)
    assert found.r_squared == pytest.approx(fit.rsquared)
    for place, one in enumerate(found.positions):
        alone = sm.OLS(beyond[:, place], design).fit().params[1:]
        assert [one.market, one.size, one.value] == pytest.approx(alone, abs=1e-10)
    for name, told in zip(NAMES, found.coefficients[1:], strict=True):
        assert sum(one.weight * getattr(one, name) for one in found.positions) == pytest.approx(told.value)


def test_a_month_counts_once_it_is_over() -> None:
    assert exposure_of(book(demo(), at("2010-01-28"), HOLDINGS)).last == "2009-12"


def test_what_cannot_be_measured_says_why() -> None:
    young = made_up({"AAA": walk(2)[:300]})
    time = int(young.bars[Symbol("AAA")].times[-1])
    late = at("2022-06-01")
    for asked, code in (
        (book(demo(), late, {}), "nothing_held"),
        (book(demo(), at("2010-01-04"), HOLDINGS, cash=-500_000), "no_equity"),
        (book(young, time, {"AAA": 1}), "too_little_history"),
    ):
        found = exposure_of(asked)
        assert (found.coefficients, found.reasons[-1].code) == ([], code)
    still = made_up({"AAA": np.full(800, 50.0)})
    flat = exposure_of(book(still, int(still.bars[Symbol("AAA")].times[-1]), {"AAA": 1}))
    assert flat.coefficients == [] or flat.r_squared is not None
