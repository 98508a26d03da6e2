"""Where the targets of a signal change, found in one compiled pass."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traderbot.model.bars import Floats
from traderbot.strategies.signals import Frame, SignalStrategy, since_first_bars

Whole = NDArray[np.int64]

_WEIGHT_MAX = 1e6


@njit(cache=True, nogil=True, error_model="numpy")
def _changes(targets, column, first, found):  # type: ignore[no-untyped-def]
    """The changes of one column, written over `found`; how many; -1 where a target cannot be."""
    count, last, exact, silent = 0, 0.0, np.int64(0), True
    for row in range(first, len(targets)):
        weight = targets[row, column]
        if weight == last and not silent:
            continue
        if weight != weight:
            silent = True
            continue
        if not abs(weight) <= _WEIGHT_MAX:
            return -1
        scaled = np.int64(np.rint(weight * 1e9))
        if silent or scaled != exact:
            if count < len(found):
                found[count, 0], found[count, 1], found[count, 2] = row, column, scaled
            count += 1
        last, exact, silent = weight, scaled, False
    return count


def changes_of(targets: Floats, first: int = 0) -> Whole | None:
    """The targets that are not those of the row before: int64 (k, 3), row, column and weight in billionths,
    by row; None where one is infinite or too large.

    targets: float64 (T, N), NaN for no opinion. first: rows before it are taken for NaN.
    """
    parts = []
    for column in range(targets.shape[1]):
        found = np.empty((4096, 3), np.int64)
        count = _changes(targets, column, first, found)
        if count > len(found):
            found = np.empty((count, 3), np.int64)
            count = _changes(targets, column, first, found)
        if count < 0:
            return None
        parts.append(found[:count])
    if len(parts) == 1:
        return parts[0]
    changes = np.concatenate(parts)
    return np.asarray(changes[np.argsort(changes[:, 0], kind="stable")])


def turns_of(strategy: SignalStrategy, frame: Frame) -> Whole:
    """The changes of a strategy's targets, as `SignalStrategy.targets` has them. Errors: InvalidValue."""
    found = np.asarray(strategy.signal(frame))
    changes = None
    if found.shape == frame.close.shape and found.dtype == np.float64:
        changes = changes_of(_listed(frame, found), strategy.warm_up)
    if changes is None:  # it says what is wrong
        changes = changes_of(_listed(frame, strategy.targets(frame)))
        assert changes is not None  # checked by now
    return changes


def _listed(frame: Frame, targets: Floats) -> Floats:
    """The targets, without those of instruments whose first bar is yet to come."""
    return since_first_bars(frame, targets) if np.isnan(frame.close[0]).any() else targets
