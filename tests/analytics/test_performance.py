import json
import math
from datetime import UTC, date, datetime

import empyrical
import msgspec
import numpy as np
import pandas as pd
import pytest
from bokeh_sampledata import stocks
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio import Portfolio, datasets, measures

from traderbot.analytics.performance import (
    Month,
    daily_returns,
    days_a_year,
    measure,
    monthly_returns,
    rolling_sharpe,
    sharpe_ratio,
)

pytestmark = pytest.mark.unit
DAY = 86_400_000_000


def micros(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc]


def closes(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times at 21:00 UTC and adjusted closes of one of bokeh's stocks."""
    rows = getattr(stocks, name)
    days = np.array([date.fromisoformat(str(day)) for day in rows["date"]], dtype="M8[D]").astype(np.int64)
    return days * DAY + 21 * 3_600_000_000, np.array(rows["adj_close"], dtype=np.float64)


@pytest.mark.parametrize("name", ["AAPL", "IBM", "MSFT", "GOOG", "FB"])
@pytest.mark.parametrize("rate", [0.0, 0.03])
def test_figures_are_those_of_empyrical_on_real_prices(name: str, rate: float) -> None:
    times, prices = closes(name)
    index = pd.to_datetime(times, unit="us")
    returns = pd.Series(prices, index).pct_change().dropna()
    free = (1 + rate) ** (1 / 252) - 1
    found = measure(times, prices, rate=rate)
    assert found.year == 252
    assert found.cagr == pytest.approx(empyrical.annual_return(returns), rel=1e-9)
    assert found.volatility == pytest.approx(empyrical.annual_volatility(returns), rel=1e-9)
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, free), rel=1e-9)
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(returns, free), rel=1e-9)
    assert found.calmar == pytest.approx(empyrical.calmar_ratio(returns), rel=1e-9)
    assert found.max_drawdown == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)
    assert found.tail_ratio == pytest.approx(empyrical.tail_ratio(returns), rel=1e-9)
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)


@pytest.mark.parametrize("rate", [0.0, 0.02])
def test_alpha_and_beta_are_those_of_empyrical_on_real_prices(rate: float) -> None:
    times, ibm = closes("IBM")
    _, apple = closes("AAPL")
    free = (1 + rate) ** (1 / 252) - 1
    own, market = pd.Series(apple).pct_change().dropna(), pd.Series(ibm).pct_change().dropna()
    found = measure(times, apple, benchmark=ibm, rate=rate)
    assert found.alpha == pytest.approx(empyrical.alpha(own, market, free), rel=1e-9)
    assert found.beta == pytest.approx(empyrical.beta(own, market, free), rel=1e-9)
    assert found.correlation == pytest.approx(np.corrcoef(own, market)[0, 1], rel=1e-9)
    excess = own - market
    assert found.tracking_error == pytest.approx(excess.std() * math.sqrt(252), rel=1e-9)
    assert found.information_ratio == pytest.approx(excess.mean() / excess.std() * math.sqrt(252), rel=1e-9)


def test_figures_are_those_of_skfolio_on_its_own_data() -> None:
    table = datasets.load_sp500_dataset()
    times = table.index.to_numpy().astype("M8[us]").astype(np.int64)
    for name in ("AAPL", "XOM", "JPM", "WMT"):
        prices = table[name].to_numpy()
        returns = prices[1:] / prices[:-1] - 1
        peer = Portfolio(X=returns.reshape(-1, 1), weights=[1.0], annualization_factor=252, compounded=True)
        found = measure(times, prices)
        assert found.sharpe == pytest.approx(peer.annualized_sharpe_ratio, rel=1e-9)
        assert found.volatility == pytest.approx(peer.annualized_standard_deviation, rel=1e-9)
        assert -found.max_drawdown == pytest.approx(peer.max_drawdown, rel=1e-9)
        assert found.skewness == pytest.approx(measures.skew(returns), rel=1e-9)
        assert found.kurtosis == pytest.approx(measures.kurtosis(returns), rel=1e-9)
        below = measures.semi_variance(returns, min_acceptable_return=0.0, biased=True)
        assert found.sortino == pytest.approx(returns.mean() / math.sqrt(below) * math.sqrt(252), rel=1e-9)


def test_rolling_sharpe_is_the_sharpe_of_each_window() -> None:
    _, returns = daily_returns(*closes("IBM"))
    rolled = rolling_sharpe(returns, 126)
    assert np.isnan(rolled[:125]).all()
    for end in (126, 500, len(returns)):
        assert rolled[end - 1] == pytest.approx(sharpe_ratio(returns[end - 126 : end]), rel=1e-9)
    assert np.isnan(rolling_sharpe(np.zeros(10), 3)).all()


def test_a_curve_by_hand() -> None:
    times = np.array([micros(2024, 1, day, 21) for day in (2, 3, 4, 5)])
    found = measure(times, np.array([100.0, 110.0, 99.0, 108.9]))
    assert found.days == 3
    assert found.total_return == pytest.approx(0.089)
    assert found.max_drawdown == pytest.approx(-0.1)
    assert found.positive_days == pytest.approx(2 / 3)
    assert (found.best_day, found.worst_day) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert found.cagr == pytest.approx(1.089**84 - 1)
    # mean 1/30, sample deviation sqrt(((2/30)^2 * 2 + (4/30)^2) / 2), downside sqrt(0.01 / 3)
    assert found.sharpe == pytest.approx((1 / 30) / math.sqrt(24 / 900 / 2) * math.sqrt(252))
    assert found.sortino == pytest.approx((1 / 30) / math.sqrt(0.01 / 3) * math.sqrt(252))
    assert found.drawdown_days == pytest.approx(2.0)


def test_the_last_value_of_a_utc_day_counts_and_midnight_closes_the_day_before() -> None:
    times = np.array(
        [
            micros(2024, 1, 2, 15),
            micros(2024, 1, 2, 20),
            micros(2024, 1, 3, 15),
            micros(2024, 1, 4, 0),
            micros(2024, 1, 4, 15),
        ]
    )
    days, returns = daily_returns(times, np.array([1.0, 100.0, 5.0, 110.0, 99.0]))
    assert days.tolist() == times[3:].tolist()
    assert returns.tolist() == pytest.approx([0.1, -0.1])


def test_a_market_that_trades_on_weekends_has_years_of_365_days() -> None:
    every = np.arange(20) * DAY + 21 * 3_600_000_000
    week = every[((np.arange(20) - 4) % 7) < 5]
    assert days_a_year(every) == 365
    assert days_a_year(week) == 252


def test_months_add_up_to_the_whole() -> None:
    times, prices = closes("IBM")
    months = monthly_returns(times, prices)
    assert len(months) == 157
    assert (months[0].year, months[0].month) == (2000, 3)
    assert (months[-1].year, months[-1].month) == (2013, 3)
    assert math.prod(1 + one.change for one in months) == pytest.approx(prices[-1] / prices[0])
    returns = pd.Series(prices, pd.to_datetime(times, unit="us")).pct_change().dropna()
    expected = empyrical.aggregate_returns(returns, "monthly")
    assert [one.change for one in months] == pytest.approx(expected.tolist())
    assert monthly_returns(np.array([micros(2024, 2, 29, 21)]), np.array([5.0])) == [Month(2024, 2, 0.0)]


def test_ruin_ends_the_returns_and_is_a_total_loss() -> None:
    times = np.arange(4) * DAY + 1
    found = measure(times, np.array([100.0, 50.0, -10.0, 30.0]))
    assert found.days == 2
    assert found.worst_day == pytest.approx(-1.2)
    assert found.cagr == -1.0
    assert found.max_drawdown == pytest.approx(-1.1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from([0.0, -5.0, 1e-9, 1.0, 2.0, 1e12]) | st.floats(-1e6, 1e12), min_size=1, max_size=9
    ),
    st.lists(st.floats(0.01, 1e9), min_size=9, max_size=9),
)
def test_nothing_is_ever_nan_or_infinite_in_json(values: list[float], benchmark: list[float]) -> None:
    times = np.arange(len(values)) * DAY
    market = np.array(benchmark[: len(values)])
    found = measure(times, np.array(values), benchmark=market)
    assert all(math.isfinite(value) for value in msgspec.to_builtins(found).values() if value is not None)
    json.loads(msgspec.json.encode(found))


def test_a_curve_that_stands_still_has_no_ratios() -> None:
    found = measure(np.arange(9) * DAY, np.full(9, 100_000.0), benchmark=np.full(9, 3.0))
    assert (found.sharpe, found.sortino, found.calmar, found.tail_ratio) == (None, None, None, None)
    assert (found.alpha, found.beta, found.skewness) == (None, None, None)
    assert (found.cagr, found.volatility, found.max_drawdown) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "told"), [([], "at least one"), ([1.0, math.nan], "finite"), ([1.0, math.inf], "finite")]
)
def test_curves_that_are_none_are_refused(values: list[float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        measure(np.arange(len(values)), np.array(values))
