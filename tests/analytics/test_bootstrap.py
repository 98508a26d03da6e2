import numpy as np
import pytest

from traderbot.analytics.bootstrap import (
    batches,
    block_length,
    circular_indices,
    sharpe_difference,
    stationary_indices,
)

pytestmark = pytest.mark.unit


def test_blocks_of_the_stationary_bootstrap_have_the_mean_length_asked_for() -> None:
    rows = stationary_indices(1000, 10.0, seed=1, draws=50)
    assert rows.shape == (50, 1000)
    broken = (np.diff(rows, axis=1) % 1000 != 1).mean()
    assert 1 / broken == pytest.approx(10, rel=0.05)
    counts = np.bincount(rows.ravel(), minlength=1000)
    assert counts.min() > 0  # every row is as likely as any other
    assert counts.mean() == 50


def test_blocks_of_the_circular_bootstrap_are_whole_and_go_round() -> None:
    rows = circular_indices(10, 4, seed=1, draws=200)
    assert rows.shape == (200, 10)
    for start in (0, 4, 8):
        block = rows[:, start : start + 4]
        assert (np.diff(block, axis=1) % 10 == 1).all()
    assert (np.diff(rows[:, :4], axis=1) < 0).any()  # past the end to the front
    assert set(rows[:, 0]) == set(range(10))


def test_the_same_seed_gives_the_same_rows() -> None:
    for draw in (stationary_indices, circular_indices):
        assert (draw(50, 5, seed=3, draws=4) == draw(50, 5, seed=3, draws=4)).all()
        assert (draw(50, 5, seed=3, draws=4) != draw(50, 5, seed=4, draws=4)).any()


@pytest.mark.parametrize(("count", "block", "draws"), [(0, 1, 1), (10, 0, 1), (10, 11, 1), (10, 5, 0)])
def test_bad_sizes_are_refused(count: int, block: int, draws: int) -> None:
    with pytest.raises(ValueError, match="expected blocks"):
        circular_indices(count, block, 0, draws)
    with pytest.raises(ValueError, match="expected blocks"):
        stationary_indices(count, block, 0, draws)


def test_block_length_is_the_cube_root() -> None:
    assert [block_length(count) for count in (1, 8, 1000, 2700)] == [1, 2, 10, 14]


def test_batches_make_up_all_draws() -> None:
    sizes = [size for _, size in batches(1_000_000, 7)]
    assert sum(sizes) == 7
    assert len(sizes) > 1


def test_error_of_independent_normal_returns_is_memmels() -> None:
    """Memmel 2003: n x variance = 2 - 2 rho + (s1^2 + s2^2 - 2 s1 s2 rho^2) / 2."""
    random = np.random.default_rng(8)
    count, rho = 20_000, 0.6
    base = random.standard_normal((count, 2))
    first, second = base[:, 0] + 0.3, rho * base[:, 0] + 0.8 * base[:, 1] + 0.2
    found = sharpe_difference(first, second, draws=1, block=1)
    variance = 2 - 2 * rho + (0.3**2 + 0.2**2 - 2 * 0.3 * 0.2 * rho**2) / 2
    assert found.error == pytest.approx(np.sqrt(variance / count), rel=0.05)
    assert found.difference == pytest.approx(first.mean() / first.std() - second.mean() / second.std())


def test_equal_sharpe_ratios_are_called_different_as_often_as_the_level_says() -> None:
    """Ledoit and Wolf's first table: a rejection at 10% in about 10% of samples, with autocorrelation too."""
    random, rejected = np.random.default_rng(9), 0
    for sample in range(200):
        noise = random.standard_normal((261, 2))
        returns = 0.1 + noise[1:] + 0.2 * noise[:-1]
        rejected += sharpe_difference(returns[:, 0], returns[:, 1], draws=199, seed=sample).p_value <= 0.1
    assert 0.05 <= rejected / 200 <= 0.16


def test_a_large_difference_is_found_and_a_seed_repeats_it() -> None:
    random = np.random.default_rng(10)
    first, second = random.standard_normal((2, 1000)) + np.array([[0.3], [0.0]])
    found = sharpe_difference(first, second, seed=5)
    assert found.p_value < 0.01
    assert found == sharpe_difference(first, second, seed=5)
    assert sharpe_difference(second, first, seed=5).difference == -found.difference


def test_what_is_the_same_or_never_moves_is_no_finding() -> None:
    returns = np.random.default_rng(11).standard_normal(300)
    assert sharpe_difference(returns, returns).p_value == 1.0
    assert np.isnan(sharpe_difference(returns, np.zeros(300)).p_value)


def test_missing_returns_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        sharpe_difference(np.array([0.1, np.nan] * 10), np.zeros(20))
