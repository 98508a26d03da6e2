"""Why a portfolio did better than its benchmark: where its weights were, and what it held there."""

from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats


class Effects(NamedTuple):
    """By span and sector, fractions, float64 (spans, sectors): allocation, and selection with interaction in
    it. Those of a span sum to the portfolio's return less the benchmark's.
    """

    allocation: Floats
    selection: Floats


def brinson(own: Floats, contributions: Floats, held: Floats, held_returns: Floats) -> Effects:
    """The effects of each span.

    own, held: float64 (spans, sectors), weights of portfolio and benchmark at its start, 1 in all.
    contributions: of the same shape, each sector's part of the portfolio's return; held_returns: the
    benchmark's return in each sector, any number where it holds nothing.
    A sector counts for what it did beyond the benchmark as a whole. Interaction stands with selection, as
    nobody decides on it by itself.
    Errors: ValueError for shapes that differ, and for weights that do not sum to 1.
    Source: Brinson and Fachler 1985, Measuring non-US equity portfolio performance, Journal of Portfolio
            Management 11(3), doi:10.3905/jpm.1985.409005; Bacon 2008, chapter 5.
    """
    if len({own.shape, contributions.shape, held.shape, held_returns.shape}) > 1:
        raise ValueError("own, contributions, held and held_returns must have one shape")
    for name, weights in (("own", own), ("held", held)):
        if not np.allclose(weights.sum(axis=1), 1.0, atol=1e-9):
            raise ValueError(f"{name} must sum to 1 in every span")
    whole = (held * held_returns).sum(axis=1, keepdims=True)
    return Effects(
        np.asarray((own - held) * (held_returns - whole)), np.asarray(contributions - own * held_returns)
    )


def linked_effects(effects: Floats, own: Floats, held: Floats) -> Floats:
    """The effects of all spans as parts of the whole: they sum to the linked return of the portfolio less
    that of the benchmark.

    effects: float64 (spans, parts), of a span summing to own - held there. own, held: float64 (spans,).
    Returns: float64 (parts,).
    Source:  Frongello 2002, Attribution linking: proofed and clarified, Journal of Performance Measurement 7:
             an effect counts on what the portfolio had become, and what was won before earns the benchmark.
    """
    growth = np.concatenate(([1.0], np.cumprod(1.0 + own)[:-1]))
    # what was won in a span grows with the benchmark until the end
    later = np.concatenate((np.cumprod((1.0 + held)[::-1])[::-1][1:], [1.0]))
    return np.asarray((effects * (growth * later)[:, None]).sum(axis=0))
