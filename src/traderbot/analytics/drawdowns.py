"""How far below its peak a curve stood, when, and for how long."""

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats, floats, same_length
from traderbot.model.bars import Times

_DAY = 86_400_000_000


class Drawdown(msgspec.Struct, frozen=True):
    """One stretch below a peak. peak_at, trough_at, recovered_at: microseconds UTC; None: not recovered.

    depth: negative fraction of the peak. days: calendar days from the peak to the recovery, or to the end.
    """

    peak_at: int
    trough_at: int
    recovered_at: int | None
    depth: float
    days: float


def underwater(equity: Floats) -> Floats:
    """Distance below the highest value so far, as a fraction.

    Returns: float64 (n,), 0 at a peak and as long as there was never a cent, else negative.
    """
    equity = floats(equity, "equity")
    peak = np.maximum.accumulate(equity)
    return np.asarray(np.divide(equity, peak, out=np.ones_like(equity), where=peak >= 0.01) - 1.0)


def drawdowns(times: Times, equity: Floats) -> list[Drawdown]:
    """Every stretch below a peak, oldest first.

    times: int64 (n,), microseconds UTC. equity: float64 (n,).
    """
    same_length(times=times, equity=equity)
    depth = underwater(equity)
    below = np.concatenate(([False], depth < 0, [False]))
    edges = np.diff(below.astype(np.int8))
    found = []
    starts, ends = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    for first, after in zip(starts, ends, strict=True):
        trough = first + int(depth[first:after].argmin())
        peak, end = int(times[first - 1]), int(times[min(after, len(times) - 1)])
        recovered = end if after < len(times) else None
        found.append(Drawdown(peak, int(times[trough]), recovered, float(depth[trough]), (end - peak) / _DAY))
    return found


def deepest(spells: list[Drawdown], count: int = 10) -> list[Drawdown]:
    """The deepest of some drawdowns, deepest first."""
    return sorted(spells, key=lambda spell: spell.depth)[:count]
