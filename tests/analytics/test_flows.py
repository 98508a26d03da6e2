"""Time-weighted returns: worked examples, real returns with flows put in, and what is not defined."""

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.datasets import load_sp500_dataset
from skfolio.preprocessing import prices_to_returns

from traderbot.analytics.flows import linked, linked_contributions, time_weighted

pytestmark = pytest.mark.unit

changes = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=30)


def values_of(change: list[float], flows: list[float], begin: float) -> np.ndarray:
    values, now = [], begin
    for one, flow in zip(change, flows, strict=True):
        now = (now + flow) * (1.0 + one)
        values.append(now)
    return np.array(values)


def test_bacon_true_time_weighted_return() -> None:
    """Bacon 2008, chapter 2: 74.2 grows to 67.0, 37.1 comes in, 104.4 at the end: -9.4%."""
    whole = linked(time_weighted(np.array([67.0, 104.4]), np.array([0.0, 37.1]), 74.2).change)
    assert whole == pytest.approx(-0.0944, abs=5e-5)


def test_cfa_two_shares_bought_a_year_apart() -> None:
    """CFA level I, quantitative methods: a share at 100, another at 120, 2 a share a year, both sold at 130:
    22% and 10%, 15.84% a year.
    """
    whole = linked(time_weighted(np.array([120.0 + 2.0, 264.0]), np.array([100.0, 118.0])).change)
    assert whole is not None
    assert (1.0 + whole) ** 0.5 - 1.0 == pytest.approx(0.1584, abs=5e-5)


def test_half_sold_after_a_year() -> None:
    """CFA level I, a four-share question: bought at 50, two of four sold at 50, 5 paid on each of the others,
    sold at 80: 30.38% a year.
    """
    whole = linked(time_weighted(np.array([200.0, 170.0]), np.array([200.0, -100.0])).change)
    assert whole is not None
    assert (1.0 + whole) ** 0.5 - 1.0 == pytest.approx(0.3038, abs=5e-5)


def test_flows_leave_the_return_of_real_stocks_as_empyrical_has_it() -> None:
    """skfolio's 20 stocks 1990-2022 in equal parts; money comes and goes on 300 days."""
    returns = prices_to_returns(load_sp500_dataset()).mean(axis=1).to_numpy()
    generator = np.random.default_rng(6)
    flows = np.where(generator.random(len(returns)) < 0.04, generator.normal(0.0, 4000.0, len(returns)), 0.0)
    flows[0] = 100_000.0
    found = time_weighted(values_of(returns.tolist(), flows.tolist(), 0.0), flows)
    assert linked(found.change) == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)
    np.testing.assert_allclose(found.change, returns, atol=1e-12)


@given(changes, st.randoms(use_true_random=False))
def test_the_return_does_not_change_with_flows(change: list[float], random: object) -> None:
    flows = [1000.0] + [float(random.randint(0, 500)) for _ in change[1:]]  # type: ignore[attr-defined]
    without = [1000.0] + [0.0] * (len(change) - 1)
    found = linked(time_weighted(values_of(change, flows, 0.0), np.array(flows)).change)
    plain = linked(time_weighted(values_of(change, without, 0.0), np.array(without)).change)
    assert found == pytest.approx(plain, rel=1e-9, abs=1e-9)


@given(changes, st.integers(0, 29))
def test_linked_parts_equal_the_whole(change: list[float], cut: int) -> None:
    series = np.array(change)
    first, second = linked(series[:cut]), linked(series[cut:])
    assert first is not None
    assert second is not None
    assert (1.0 + first) * (1.0 + second) - 1.0 == pytest.approx(linked(series), rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 50)), min_size=1, max_size=20))
def test_contributions_sum_to_the_return(rows: list[tuple[float, float, float]]) -> None:
    gains = np.array([row[:2] for row in rows])
    flows = np.array([row[2] for row in rows])
    flows[0] += 1000.0
    found = time_weighted(np.cumsum(flows + gains.sum(axis=1)), flows)
    spans = np.repeat(np.arange(len(rows)), 2)
    parts = np.tile([0, 1], len(rows))
    shares = linked_contributions(found, spans, parts, gains.ravel(), 2)
    assert shares.sum() == pytest.approx(linked(found.change), abs=1e-9)


def test_a_contribution_counts_on_what_one_had_become() -> None:
    """100 gains 10 of A, then 11 of B: 10% and 10%, of 1 and of 1.1."""
    found = time_weighted(np.array([110.0, 121.0]), np.array([100.0, 0.0]))
    shares = linked_contributions(found, np.array([0, 1]), np.array([0, 1]), np.array([10.0, 11.0]), 2)
    np.testing.assert_allclose(shares, [0.10, 0.11])


def test_what_is_not_defined() -> None:
    nothing = time_weighted(np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    assert nothing.change.tolist() == [0.0, 0.0]
    assert linked(time_weighted(np.array([5.0]), np.array([0.0])).change) is None  # from nothing
    assert linked(time_weighted(np.array([0.0, 0.0]), np.array([100.0, 0.0])).change) == -1.0
    assert linked(time_weighted(np.array([-5.0]), np.array([100.0])).change) is None  # more than all
    assert linked(time_weighted(np.array([10.0]), np.array([0.0]), before=-10.0).change) is None
    again = time_weighted(np.array([0.0, 55.0]), np.array([100.0, 50.0]))
    assert again.change.tolist() == pytest.approx([-1.0, 0.1])
    broken = linked_contributions(
        time_weighted(np.array([-5.0]), np.array([100.0])),
        np.array([0]),
        np.array([0]),
        np.array([-105.0]),
        1,
    )
    assert np.isnan(broken).all()
    empty = time_weighted(np.array([]), np.array([]))
    assert linked(empty.change) == 0.0
