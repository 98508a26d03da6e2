import numpy as np
import pytest
from scipy import stats

from analytics.risk.samples import stocks
from traderbot.analytics.risk.intervals import by_days, by_moments, by_paths
from traderbot.analytics.risk.tails import normal_tail, tail_of

pytestmark = pytest.mark.unit


def test_an_interval_holds_the_true_figure_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    truth = -stats.norm.ppf(0.05)
    inside = 0
    for trial in range(100):
        found = by_days(random.standard_normal(500), 0.95, seed=trial)
        inside += found.var.low <= truth <= found.var.high
    assert 80 <= inside <= 98


def test_the_noise_of_paths_falls_with_their_number() -> None:
    made = np.random.default_rng(2).standard_normal(100_000)
    wide, narrow = by_paths(made[:2000], 0.95), by_paths(made, 0.95)
    assert wide.around == "paths"
    assert narrow.var.high - narrow.var.low < 0.3 * (wide.var.high - wide.var.low)
    assert narrow.var.low < 1.645 < narrow.var.high


def test_a_figure_of_moments_lies_in_its_own_interval() -> None:
    made = stocks()[-1000:].mean(axis=1)
    whole = normal_tail(made.mean(), made.std(), 0.99)
    found = by_moments(made, normal_tail(0, 1, 0.99), whole)
    assert found.var.low < whole.var < found.var.high
    assert found.shortfall.low < whole.shortfall < found.shortfall.high


def test_blocks_keep_volatile_days_together_so_that_the_interval_is_wider() -> None:
    made = stocks()[-1500:].mean(axis=1)
    blocks = by_days(made, 0.99, block=50)
    single = by_days(np.random.default_rng(1).permutation(made), 0.99)
    assert blocks.var.high - blocks.var.low > single.var.high - single.var.low
    assert blocks.var.low <= tail_of(made, 0.99).var <= blocks.var.high
    assert by_days(made, 0.99, seed=3) == by_days(made, 0.99, seed=3)
