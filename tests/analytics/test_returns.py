import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.returns import (
    equal_parts,
    log_returns,
    simple_returns,
    total_growth,
    total_return_index,
    total_returns,
)

pytestmark = pytest.mark.unit

closes = st.lists(st.floats(0.5, 5000.0), min_size=2, max_size=40)


def test_simple_and_log_returns_of_known_levels() -> None:
    levels = np.array([100.0, 110.0, 99.0])
    assert simple_returns(levels)[1:] == pytest.approx([0.1, -0.1])
    assert log_returns(levels)[1:] == pytest.approx([np.log(1.1), np.log(0.9)])
    assert np.isnan(simple_returns(levels)[0])
    assert np.isnan(log_returns(levels)[0])


def test_a_split_is_no_loss() -> None:
    returns = total_returns(np.array([101.25, 55.63]), np.array([1.0, 2.0]), np.zeros(2))
    assert returns[1] == pytest.approx(2 * 55.63 / 101.25 - 1)
    assert returns[1] > 0.09


def test_a_dividend_counts_on_its_ex_date() -> None:
    returns = total_returns(np.array([50.0, 49.0, 49.0]), np.ones(3), np.array([0.0, 1.0, 0.0]))
    assert returns[1:] == pytest.approx([0.0, 0.0])


def test_split_and_dividend_on_the_first_bar_are_already_in_the_past() -> None:
    index = total_return_index(
        np.array([10.0, 11.0]), np.array([2.0, 1.0]), np.array([5.0, 0.0]), start=100.0
    )
    assert index == pytest.approx([100.0, 110.0])


@given(closes, st.integers(1, 39), st.integers(2, 10))
def test_total_return_does_not_see_a_split(prices: list[float], at: int, ratio: int) -> None:
    at = min(at, len(prices) - 1)
    before = np.array(prices)
    after = before.copy()
    after[at:] /= ratio
    splits = np.ones(len(prices))
    splits[at] = ratio
    whole = total_return_index(before, np.ones(len(prices)), np.zeros(len(prices)))
    assert total_return_index(after, splits, np.zeros(len(prices))) == pytest.approx(whole)


@given(closes, st.integers(2, 40))
def test_later_bars_never_change_earlier_values(prices: list[float], kept: int) -> None:
    kept = min(kept, len(prices))
    ones, none = np.ones(len(prices)), np.full(len(prices), 0.25)
    whole = total_return_index(np.array(prices), ones, none)
    part = total_return_index(np.array(prices[:kept]), ones[:kept], none[:kept])
    assert np.array_equal(whole[:kept], part)


@given(closes)
def test_the_index_is_the_product_of_growth(prices: list[float]) -> None:
    levels = np.array(prices)
    value = 7.0
    for earlier, later in itertools.pairwise(prices):
        value *= (later + 0.1) / earlier
    index = total_return_index(levels, np.ones(len(prices)), np.full(len(prices), 0.1), start=7.0)
    assert index[-1] == pytest.approx(value)


def test_lengths_and_shapes_are_checked_by_name() -> None:
    with pytest.raises(ValueError, match="'dividends': 3"):
        total_growth(np.ones(2), np.ones(2), np.zeros(3))
    with pytest.raises(ValueError, match="levels must be one-dimensional"):
        simple_returns(np.ones((2, 2)))


def test_equal_parts_are_set_right_when_one_more_is_listed() -> None:
    worth = np.array([[np.nan, np.nan], [1.0, np.nan], [2.0, np.nan], [2.0, 5.0], [4.0, 5.0], [4.0, 10.0]])
    assert equal_parts(worth).tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 4.0]
    assert equal_parts(np.full((3, 2), np.nan)).tolist() == [1.0, 1.0, 1.0]
