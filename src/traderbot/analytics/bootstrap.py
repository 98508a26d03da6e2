"""Resampling of returns in blocks, which keeps what follows what, and tests that rest on it.

Everything is the same for the same seed.
"""

from collections.abc import Iterator
from math import cbrt, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats, floats, same_length

Indices = NDArray[np.int64]
_AT_ONCE = 2_000_000  # numbers in one batch of resamples


class SharpeDifference(NamedTuple):
    """difference: of the Sharpe ratios per observation, first minus second; error: its standard error.

    p_value: two-sided, of the two being equal; NaN where one of them never moves.
    """

    difference: float
    error: float
    p_value: float


def block_length(count: int) -> int:
    """A usual length of blocks for so many observations: their cube root.

    Source:  Hall, Horowitz and Jing 1995, doi:10.1093/biomet/82.3.561, the order for a variance.
    """
    return max(1, round(cbrt(count)))


def stationary_indices(count: int, block: float, seed: int, draws: int) -> Indices:
    """Rows to take, of blocks with random starts and geometric lengths with mean `block`, going round.

    Returns: int64 (draws, count), from 0 to count - 1.
    Errors:  ValueError.
    Source:  Politis and Romano 1994, doi:10.1080/01621459.1994.10476870.
    """
    from numpy.random import PCG64, Generator

    _check(count, block, draws)
    random = Generator(PCG64(seed))
    starts = random.integers(0, count, size=(draws, count))
    fresh = random.random((draws, count)) < 1 / block
    fresh[:, 0] = True
    places = np.arange(count)
    begun = np.maximum.accumulate(np.where(fresh, places, 0), axis=1)  # where the block of each place began
    return np.asarray((np.take_along_axis(starts, begun, axis=1) + places - begun) % count, dtype=np.int64)


def circular_indices(count: int, block: int, seed: int, draws: int) -> Indices:
    """Rows to take, of blocks of one length with random starts, going round; the last block is cut.

    Returns: int64 (draws, count), from 0 to count - 1.
    Errors:  ValueError.
    Source:  Politis and Romano 1992, "A circular block-resampling procedure for stationary data".
    """
    from numpy.random import PCG64, Generator

    _check(count, block, draws)
    pieces = -(-count // block)
    starts = Generator(PCG64(seed)).integers(0, count, size=(draws, pieces, 1))
    rows = (starts + np.arange(block)).reshape(draws, pieces * block)
    return np.asarray(rows[:, :count] % count, dtype=np.int64)


def batches(count: int, draws: int) -> Iterator[tuple[int, int]]:
    """(number of the batch, draws in it) so that a batch of resamples of `count` rows stays small."""
    each = max(1, _AT_ONCE // count)
    for number, first in enumerate(range(0, draws, each)):
        yield number, min(each, draws - first)


def sharpe_difference(
    first: Floats, second: Floats, *, draws: int = 1000, block: int | None = None, seed: int = 0
) -> SharpeDifference:
    """Test whether two Sharpe ratios over the same times differ, by a studentised circular block bootstrap.

    first, second: float64 (n,), simple returns of the same times, no NaN.
    Errors:  ValueError.
    Source:  Ledoit and Wolf 2008, "Robust performance hypothesis testing with the Sharpe ratio",
             section 3.2; the standard error of the data by Bartlett's kernel in place of a prewhitened one.
    """
    first, second = floats(first, "first"), floats(second, "second")
    count = same_length(first=first, second=second)
    block = block or block_length(count)
    if count < 2 * block or not np.isfinite(first + second).all():
        raise ValueError(f"expected finite returns of two blocks of {block} or more, got {count}")
    pairs = np.stack([first, second], axis=1)
    if (pairs.std(axis=0) <= 1e-12 * np.abs(pairs).max(axis=0)).any():
        return SharpeDifference(nan, nan, nan)
    found = float(_differences(pairs[None])[0])
    lags = max(1, int(4 * (count / 100) ** (2 / 9)))
    error = float(_error(pairs[None], _long_run(_moves(pairs[None]), lags))[0])
    if not error > 0:  # one is the other
        return SharpeDifference(found, error, 1.0)
    beyond = 0
    for number, size in batches(count * 8, draws):
        rows = circular_indices(count, block, seed + number, size)
        sample = pairs[rows]
        errors = _error(sample, _between_blocks(_moves(sample), block))
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.abs(_differences(sample) - found) / errors
        beyond += int((~(distances < abs(found) / error)).sum())
    return SharpeDifference(found, error, (beyond + 1) / (draws + 1))


def _check(count: int, block: float, draws: int) -> None:
    if count < 1 or draws < 1 or not 1 <= block <= count:
        raise ValueError(f"expected blocks of 1 to {count} rows and 1 draw or more, got {block} and {draws}")


def _differences(pairs: Floats) -> Floats:
    """pairs (draws, n, 2) -> differences of the Sharpe ratios (draws,)."""
    mean = pairs.mean(axis=1)
    ratio = mean / np.sqrt((pairs**2).mean(axis=1) - mean**2)
    return np.asarray(ratio[:, 0] - ratio[:, 1], dtype=np.float64)


def _moves(pairs: Floats) -> Floats:
    """Deviations from their means of both returns and of their squares, (draws, n, 4)."""
    moves = np.concatenate([pairs, pairs**2], axis=2)
    return np.asarray(moves - moves.mean(axis=1, keepdims=True), dtype=np.float64)


def _error(pairs: Floats, covariance: Floats) -> Floats:
    """Standard error of the difference by the delta method; covariance (draws, 4, 4) of the moments."""
    mean, square = pairs.mean(axis=1), (pairs**2).mean(axis=1)
    scale = np.maximum(square - mean**2, 1e-300) ** 1.5
    slopes = np.stack(
        [
            square[:, 0] / scale[:, 0],
            -square[:, 1] / scale[:, 1],
            -mean[:, 0] / (2 * scale[:, 0]),
            mean[:, 1] / (2 * scale[:, 1]),
        ],
        axis=1,
    )
    variance = np.einsum("di,dij,dj->d", slopes, covariance, slopes) / pairs.shape[1]
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def _long_run(moves: Floats, lags: int) -> Floats:
    """Long-run covariance with Bartlett's weights; Newey and West 1987, lags as of 1994."""
    count = moves.shape[1]
    total = np.einsum("dti,dtj->dij", moves, moves)
    for lag in range(1, min(lags, count - 1) + 1):
        shifted = np.einsum("dti,dtj->dij", moves[:, lag:], moves[:, :-lag])
        total += (1 - lag / (lags + 1)) * (shifted + shifted.transpose(0, 2, 1))
    return np.asarray(total / count, dtype=np.float64)


def _between_blocks(moves: Floats, block: int) -> Floats:
    """Covariance of the sums over the blocks a resample is made of."""
    draws, count, width = moves.shape
    whole = count // block
    sums = moves[:, : whole * block].reshape(draws, whole, block, width).sum(axis=2) / sqrt(block)
    return np.asarray(np.einsum("dbi,dbj->dij", sums, sums) / whole, dtype=np.float64)
