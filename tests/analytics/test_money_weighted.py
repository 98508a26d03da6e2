"""The money-weighted return: worked examples of the literature, the equation itself, and clear failures."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from traderbot.analytics.money_weighted import NoRate, money_weighted, of_span

pytestmark = pytest.mark.unit


def test_the_example_of_xirr() -> None:
    """Microsoft Excel's documentation of XIRR: five dates from 2008-01-01 to 2009-04-01, 37.3362535%."""
    days = (
        np.array(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"], dtype="M8[D]")
        - np.datetime64("2008-01-01")
    ).astype(float)
    amounts = np.array([-10000.0, 2750.0, 4250.0, 3250.0, 2750.0])
    assert money_weighted(days, amounts) == pytest.approx(0.373362535, abs=1e-8)


@pytest.mark.parametrize(
    ("amounts", "rate"),
    [
        (
            [-100.0, -118.0, 264.0],
            0.1386,
        ),  # CFA level I: a share at 100, one at 120, 2 a share, sold at 130
        ([-200.0, 100.0, 170.0], 0.2052),  # CFA level I: four shares, two of them sold after a year
        ([-42.0, -55.0, 108.0], 0.0773),  # CFA level I: 1000 shares at 42, 1000 at 55, sold at 54
        ([-100.0, -266.0, 396.0], 0.0635),  # CFA level I: one share at 100, three at 89, sold at 98
        ([-100.0, -50.0, 300.0], 0.50),  # Wikipedia, Modified Dietz method: 100 and 50 become 300
    ],
)
def test_examples_of_two_years(amounts: list[float], rate: float) -> None:
    assert money_weighted(np.array([0.0, 365.0, 730.0]), np.array(amounts)) == pytest.approx(rate, abs=5e-5)


def test_bacon_internal_rate_of_return() -> None:
    """Bacon 2008, chapter 2: 74.2, with 37.1 after 14 of 31 days, becomes 104.4: 74.2 (1 + r) + 37.1
    (1 + r)^(17/31) = 104.4, -7.27% of the month.
    """
    rate = money_weighted(np.array([0.0, 14.0, 31.0]), np.array([-74.2, -37.1, 104.4]))
    month = of_span(rate, 31.0)
    assert 74.2 * (1 + month) + 37.1 * (1 + month) ** (17 / 31) == pytest.approx(104.4)
    assert month == pytest.approx(-0.0727, abs=5e-5)


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.floats(1, 1e6)), min_size=1, max_size=12),
    st.floats(0.1, 10),
)
def test_a_rate_solves_its_equation(paid: list[tuple[int, float]], times: float) -> None:
    days = np.array([float(day) for day, _ in paid] + [4100.0])
    amounts = np.array([-amount for _, amount in paid] + [times * sum(amount for _, amount in paid)])
    rate = money_weighted(days, amounts)
    worth = amounts * (1.0 + rate) ** ((days.max() - days) / 365.0)
    assert worth.sum() == pytest.approx(0.0, abs=1e-7 * np.abs(worth).max())


@given(st.floats(-0.9, 3.0), st.floats(1, 9000))
def test_one_payment_grows_at_the_rate(rate: float, days: float) -> None:
    assume(abs(np.log1p(rate)) * 365 / days < 13)
    grown = 1000.0 * (1.0 + rate)
    found = money_weighted(np.array([0.0, days]), np.array([-1000.0, grown]))
    assert of_span(found, days) == pytest.approx(rate, abs=1e-9)


def test_clear_failures() -> None:
    year = np.array([0.0, 365.0])
    assert money_weighted(year, np.array([-100.0, 0.0])) == -1.0
    with pytest.raises(NoRate, match="no money was put in"):
        money_weighted(year, np.array([0.0, 0.0]))
    with pytest.raises(NoRate, match="at one moment"):
        money_weighted(np.array([3.0, 3.0]), np.array([-100.0, 101.0]))
    with pytest.raises(NoRate, match="no rate"):  # a loan that was never paid back
        money_weighted(np.array([0.0, 1.0, 2.0]), np.array([100.0, -100.0, 300.0]))
    with pytest.raises(NoRate, match="2 rates"):  # 10% and 20%
        money_weighted(np.array([0.0, 365.0, 730.0]), np.array([-100.0, 230.0, -132.0]))
    with pytest.raises(ValueError, match="finite"):
        money_weighted(year, np.array([-100.0, np.nan]))
