"""The examples of the papers, and what must hold whatever the numbers are."""

from itertools import combinations, product
from math import comb, inf, isnan, log, nan, sqrt

import numpy as np
import pytest
from scipy import stats

from traderbot.analytics.overfitting import (
    Moments,
    deflated_sharpe,
    expected_maximum_sharpe,
    independent_trials,
    minimum_track_record,
    moments,
    overfitting_probability,
    probabilistic_sharpe,
)

pytestmark = pytest.mark.unit


def _annual(sharpe: float, a_year: float, count: int, skewness: float = 0, kurtosis: float = 3) -> Moments:
    return Moments(count, sharpe / sqrt(a_year), skewness, kurtosis)


def test_probabilistic_sharpe_of_the_fund_in_the_paper_of_2012() -> None:
    """Two years of months: 0.982 as if normal, 0.913 with its skewness -2.448 and kurtosis 10.164."""
    assert probabilistic_sharpe(Moments(24, 0.458, 0, 3)) == pytest.approx(0.982, abs=0.0005)
    assert probabilistic_sharpe(Moments(24, 0.458, -2.448, 10.164)) == pytest.approx(0.913, abs=0.0005)


@pytest.mark.parametrize(
    ("a_year", "skewness", "kurtosis", "years"),
    [(250, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_minimum_track_record_of_the_paper_of_2012(
    a_year: float, skewness: float, kurtosis: float, years: float
) -> None:
    """To be 95% sure that an annual Sharpe ratio of 2 is above 1."""
    found = _annual(2, a_year, 24, skewness, kurtosis)
    assert minimum_track_record(found, 1 / sqrt(a_year)) / a_year == pytest.approx(years, abs=0.006)


def test_deflated_sharpe_of_the_paper_of_2014() -> None:
    """2.5 a year over 1,250 days, the best of 100 trials with a variance of 1/2 a year."""
    found = _annual(2.5, 250, 1250, -3, 10)
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=0.00005)
    assert deflated_sharpe(found, 100, 0.5 / 250) == pytest.approx(0.9004, abs=0.00005)
    assert deflated_sharpe(found, 46, 0.5 / 250) == pytest.approx(0.9505, abs=0.00005)
    assert deflated_sharpe(_annual(2.5, 250, 1250), 88, 0.5 / 250) == pytest.approx(0.9505, abs=0.0005)


def test_luck_is_the_mean_best_of_normal_draws() -> None:
    """Equation 6 is an approximation that the paper checks by drawing."""
    draws = np.random.default_rng(1).standard_normal((20_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 1.0) == pytest.approx(draws, rel=0.02)
    assert expected_maximum_sharpe(10, 1.0) == pytest.approx(1.57, abs=0.005)  # "Pseudo-mathematics", 2014
    assert expected_maximum_sharpe(1, 1.0) == 0


def test_the_minimum_backtest_length_of_pseudo_mathematics() -> None:
    """Bailey, Borwein, Lopez de Prado and Zhu 2014, section 4: of five years no more than 45 independent
    trials, or one with a Sharpe ratio of 1 a year is expected where there is none.
    """
    assert expected_maximum_sharpe(45, 1 / 5) == pytest.approx(1.0, abs=0.02)
    assert expected_maximum_sharpe(60, 1 / 5) > 1.02


def test_moments_are_those_of_scipy() -> None:
    returns = np.random.default_rng(2).gamma(2, size=500) - 1.5
    found = moments(returns)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert found.skewness == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_what_never_moves_has_no_sharpe_ratio() -> None:
    found = moments(np.full(100, 0.001))
    assert isnan(found.sharpe)
    assert isnan(probabilistic_sharpe(found))
    assert minimum_track_record(found) == inf


def test_no_length_makes_a_losing_record_a_proof() -> None:
    assert minimum_track_record(Moments(1000, -0.1, 0, 3)) == inf
    assert minimum_track_record(Moments(1000, 0.1, 0, 3), 0.1) == inf


@pytest.mark.parametrize("returns", [[0.1, 0.2], [0.1, nan, 0.2, 0.3]])
def test_moments_refuse_too_few_and_missing_returns(returns: list[float]) -> None:
    with pytest.raises(ValueError, match="returns"):
        moments(np.array(returns))


def test_independent_trials() -> None:
    noise = np.random.default_rng(3).standard_normal((2000, 20))
    assert independent_trials(noise) == pytest.approx(20, rel=0.05)
    assert independent_trials(np.repeat(noise[:, :1], 20, axis=1)) == pytest.approx(1)
    shared = noise + noise[:, :1] * 3
    correlations = np.corrcoef(shared.T)
    rho = (correlations.sum() - 20) / (20 * 19)
    assert independent_trials(shared) == pytest.approx(rho + (1 - rho) * 20)
    assert independent_trials(np.zeros((100, 5))) == 1


def _plain_probability(returns: np.ndarray, blocks: int) -> list[float]:
    """CSCV word by word as the paper's steps say."""
    parts = np.split(returns, blocks)
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        train = np.concatenate([parts[i] for i in chosen])
        test = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        inside = train.mean(axis=0) / train.std(axis=0)
        outside = test.mean(axis=0) / test.std(axis=0)
        rank = stats.rankdata(outside)[np.argmax(inside)] / (returns.shape[1] + 1)
        logits.append(log(rank / (1 - rank)))
    return logits


def test_overfitting_probability_is_what_the_steps_of_the_paper_give() -> None:
    returns = np.random.default_rng(4).standard_normal((96, 7)) * 0.01
    found = overfitting_probability(returns, 8)
    assert len(found.logits) == comb(8, 4)
    np.testing.assert_allclose(found.logits, _plain_probability(returns, 8))
    assert found.probability == np.mean(np.array(_plain_probability(returns, 8)) <= 0)


def test_a_real_edge_in_one_trial_is_not_overfitted() -> None:
    returns = np.random.default_rng(5).standard_normal((800, 20)) * 0.01
    returns[:, 3] += 0.004
    found = overfitting_probability(returns, 10)
    assert found.probability < 0.01
    assert found.loss < 0.01


def test_returns_that_must_cancel_out_are_overfitted_for_sure() -> None:
    """Full overfit of the paper: with the mean taken out, the best in one half is the worst in the other."""
    returns = np.random.default_rng(6).standard_normal((800, 20)) * 0.01
    found = overfitting_probability(returns - returns.mean(axis=0), 10)
    assert found.probability > 0.99
    assert found.loss == 1
    assert found.slope == pytest.approx(-1, abs=0.05)


def _seasonal_trials(seed: int, shift: float) -> np.ndarray:
    """Returns of the monthly rules of the paper's practical application, without its stops: 1,000 business
    days of a random walk in months of 22, long or short for so many days from an entry day on.

    shift: of the mean of the first five days of each month, in standard deviations of a day.
    """
    day = np.arange(1_000) % 22
    walk = np.random.default_rng(seed).standard_normal(1_000)
    walk[day < 5] += shift
    rules = product(range(22), range(1, 21), (-1, 1))
    return np.column_stack([walk * side * ((day - entry) % 22 < held) for entry, held, side in rules])


def test_the_seasonal_rules_of_the_paper_on_noise_and_on_a_real_season() -> None:
    """Bailey, Borwein, Lopez de Prado and Zhu 2015, "The probability of backtest overfitting": on noise the
    best of the rules looks good (a Sharpe ratio of 1.27 in their "Pseudo-mathematics" of 2014), and about
    half of the splits put it below the median; where a quarter of a deviation is a real season, few do.
    """
    noise = [overfitting_probability(_seasonal_trials(seed, 0.0), 8) for seed in range(12)]
    season = [overfitting_probability(_seasonal_trials(seed, 0.25), 8) for seed in range(12)]
    best = [_best_sharpe(_seasonal_trials(seed, 0.0)) for seed in range(12)]
    assert 0.9 < np.mean(best) < 1.7
    assert 0.35 < np.mean([found.probability for found in noise]) < 0.75
    assert np.mean([found.probability for found in season]) < 0.2


def _best_sharpe(trials: np.ndarray) -> float:
    """A year, of the best of them."""
    return float((trials.mean(axis=0) / trials.std(axis=0)).max() * sqrt(250))


def test_the_best_of_pure_noise_is_a_matter_of_chance() -> None:
    """The paper's null: independent trials without skill have a probability of one half."""
    found = [
        overfitting_probability(np.random.default_rng(seed).standard_normal((400, 21)), 8).probability
        for seed in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_the_front_rows_beyond_the_blocks_do_not_count() -> None:
    returns = np.random.default_rng(7).standard_normal((83, 5))
    assert overfitting_probability(returns, 8).logits.tolist() == pytest.approx(
        overfitting_probability(returns[3:], 8).logits.tolist()
    )


@pytest.mark.parametrize(
    ("rows", "trials", "blocks"), [(100, 1, 10), (100, 5, 7), (100, 5, 22), (15, 5, 8), (100, 5, 0)]
)
def test_too_little_for_cscv_is_refused(rows: int, trials: int, blocks: int) -> None:
    with pytest.raises(ValueError, match="expected 2 or more trials"):
        overfitting_probability(np.zeros((rows, trials)), blocks)
