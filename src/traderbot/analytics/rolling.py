"""Statistics over the last `window` bars, each a fixed tree of operations on exactly the bars of its window.

Running sums (cumulative sums, recursive filters) remember every bar since the first: the same window gives
other bits in a longer history, and one NaN spoils all that follows. Here a window is put together from blocks
of 1, 2, 4, 8... bars, so a value depends on its window alone, to the bit, at O(n log window).

All of them take one series, float64 (n,), or many side by side, float64 (n, columns), with the same result
for each.
"""

from collections.abc import Callable

import numpy as np

from traderbot.analytics.arrays import Floats, series
from traderbot.analytics.sharing import shared

State = tuple[Floats, ...]
"""What is known of blocks of some length, one block ending at each bar: arrays of one length."""

Combine = Callable[[State, State, int, int], State]
"""(older block, newer block, bars in older, bars in newer) -> the block of both."""


def fold_windows(leaves: State, window: int, combine: Combine) -> State:
    """Fold each position's last `window` bars with an associative operation, in an order set by `window`.

    leaves:  arrays (n,) or (n, columns): the state of each single bar.
    window:  number of bars, 1 or more.
    combine: joins two neighbouring blocks, elementwise.
    Returns: arrays of that shape, NaN before window - 1.
    Errors:  ValueError when window is below 1.
    Source:  Hillis and Steele 1986, doi:10.1145/7902.7903 (parallel prefix by doubling), cut to a window.
    """
    if window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    bars = leaves[0].shape[0]
    if bars < window:
        return tuple(np.full(leaf.shape, np.nan) for leaf in leaves)
    block, block_bars = leaves, 1
    result, result_bars = leaves, 0
    while True:
        if window & block_bars:
            result = _joined(block, block_bars, result, result_bars, combine) if result_bars else block
            result_bars += block_bars
        if result_bars == window:
            return tuple(
                np.concatenate((np.full((window - 1, *array.shape[1:]), np.nan), array)) for array in result
            )
        block = _joined(block, block_bars, block, block_bars, combine)
        block_bars *= 2


@shared
def rolling_sum(values: Floats, window: int) -> Floats:
    """Sum of the last `window` values; float64 (n,), NaN before window - 1."""
    return fold_windows((series(values, "values"),), window, add)[0]


@shared
def rolling_product(values: Floats, window: int) -> Floats:
    """Product of the last `window` values, such as growth; float64 (n,), NaN before window - 1."""
    return fold_windows((series(values, "values"),), window, multiply)[0]


@shared
def rolling_max(values: Floats, window: int) -> Floats:
    """Largest of the last `window` values; float64 (n,), NaN before window - 1."""
    return fold_windows((series(values, "values"),), window, larger)[0]


@shared
def rolling_min(values: Floats, window: int) -> Floats:
    """Smallest of the last `window` values; float64 (n,), NaN before window - 1."""
    return -rolling_max(-series(values, "values"), window)


@shared
def rolling_mean(values: Floats, window: int) -> Floats:
    """Arithmetic mean of the last `window` values; float64 (n,), NaN before window - 1."""
    return rolling_sum(values, window) / window


@shared
def rolling_moments(values: Floats, window: int) -> tuple[Floats, Floats]:
    """Mean and sample variance of the last `window` values, without the cancellation of mean(x^2) -
    mean(x)^2.

    window:  2 or more.
    Returns: mean and variance (divisor window - 1), each float64 (n,), NaN before window - 1.
    Errors:  ValueError when window is below 2.
    Source:  Chan, Golub, LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample
             variances.
    """
    if window < 2:
        raise ValueError(f"window must be 2 or more for a variance, got {window}")
    values = series(values, "values")
    mean, squares = fold_windows((values, values * 0.0), window, merge_moments)
    return mean, squares / (window - 1)


@shared
def rolling_std(values: Floats, window: int) -> Floats:
    """Sample standard deviation (divisor window - 1) of the last `window` values; float64 (n,)."""
    std: Floats = np.sqrt(rolling_moments(values, window)[1])
    return std


@shared
def rolling_zscore(values: Floats, window: int) -> Floats:
    """How many standard deviations the newest value lies from the mean of its window.

    Returns: float64 (n,), NaN before window - 1; 0 where all values of the window are equal.
    """
    values = series(values, "values")
    mean, variance = rolling_moments(values, window)
    deviation = values - mean
    flat = variance == 0.0
    return np.where(flat, 0.0, deviation / np.sqrt(np.where(flat, 1.0, variance)))


def _joined(older: State, older_bars: int, newer: State, newer_bars: int, combine: Combine) -> State:
    """Join each newer block with the older block that ends where it begins."""
    count = newer[0].shape[0] - older_bars
    return combine(
        tuple([array[:count] for array in older]),
        tuple([array[older_bars:] for array in newer]),
        older_bars,
        newer_bars,
    )


def add(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
    """Joins sums."""
    return (older[0] + newer[0],)


def multiply(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
    """Joins products."""
    return (older[0] * newer[0],)


def larger(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
    """Joins largest values."""
    return (np.maximum(older[0], newer[0]),)


def merge_moments(older: State, newer: State, older_bars: int, newer_bars: int) -> State:
    """Joins means and sums of squared deviations."""
    total = older_bars + newer_bars
    delta = newer[0] - older[0]
    mean = older[0] + delta * (newer_bars / total)
    squares = older[1] + newer[1] + delta * delta * (older_bars * newer_bars / total)
    return mean, squares
