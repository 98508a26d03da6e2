"""A benchmark's total return at an account's closes."""

import numpy as np
import pytest

from traderbot.model.errors import NotFound
from traderbot.model.symbols import Symbol
from traderbot.portfolios.benchmarks import benchmark_of
from trading.session_rig import AAA, BBB, small_dataset

pytestmark = pytest.mark.domain

DAY = 86_400_000_000


def test_splits_and_dividends_are_in_it() -> None:
    """AAA goes from 100 to 119 in shares of then, BBB stands at 50 and pays 0.25."""
    times = small_dataset().bars[AAA].times
    rising = benchmark_of(small_dataset(), AAA, times)
    assert rising.worth is not None
    assert rising.worth[-1] == pytest.approx((100 + len(times) - 1) / 100)
    paying = benchmark_of(small_dataset(), BBB, times[[0, -1]] + 5)  # between closes the last one counts
    assert paying.worth is not None
    assert paying.worth.tolist() == pytest.approx([1.0, 1.005])


def test_prices_that_do_not_cover_the_span_are_told() -> None:
    times = small_dataset().bars[AAA].times
    early = benchmark_of(small_dataset(), AAA, np.array([times[0] - DAY, times[-1]]))
    assert early.worth is None
    assert early.reason == (
        "its prices run from 2005-01-03 to 2005-01-31, the account's closes from 2005-01-02 to 2005-01-31"
    )
    assert benchmark_of(small_dataset(), AAA, np.array([times[0], times[-1] + 8 * DAY])).worth is None
    assert benchmark_of(small_dataset(), AAA, np.array([times[0], times[-1] + 4 * DAY])).worth is not None
    with pytest.raises(NotFound):
        benchmark_of(small_dataset(), Symbol("NONE"), times)
