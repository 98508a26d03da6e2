"""Where the targets of a signal change: all that has to be traded on, whoever plays it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from traderbot.model.bars import Floats
from traderbot.model.symbols import Symbol
from traderbot.strategies.signals import Frame, SignalStrategy, since_first_bars

Whole = NDArray[np.int64]

_WEIGHT_MAX = 1e6


def changes_of(targets: Floats, first: int = 0) -> Whole | None:
    """The targets that are not those of the row before: int64 (k, 3), row, column and weight in billionths,
    by row; None where one is infinite or too large.

    targets: float64 (T, N), NaN for no opinion. first: rows before it are taken for NaN.
    """
    seen = targets[first:]
    if not len(seen):
        return np.empty((0, 3), np.int64)
    differs = np.empty(seen.shape, np.bool_)
    differs[0] = True
    np.not_equal(seen[1:], seen[:-1], out=differs[1:])
    if seen.shape[1] == 1:
        rows = np.flatnonzero(differs)
        columns = np.zeros_like(rows)
    else:
        rows, columns = np.nonzero(differs)
    weights = seen[rows, columns]
    told = ~np.isnan(weights)
    rows, columns, weights = rows[told], columns[told], weights[told]
    if not np.all(np.abs(weights) <= _WEIGHT_MAX):
        return None
    exact = np.rint(weights * 1e9)
    before = np.rint(seen[rows - 1, columns] * 1e9)  # of the first row it is the last one, and not looked at
    turned = (exact != before) | (rows == 0)
    return np.column_stack((rows[turned] + first, columns[turned], exact[turned].astype(np.int64)))


def targets_of(strategy: SignalStrategy, frame: Frame) -> Floats:
    """A strategy's targets as it gives them, float64 (T, N). Errors: InvalidValue."""
    found = np.asarray(strategy.answer(frame))
    if found.shape == frame.close.shape and found.dtype == np.float64:
        return found
    return strategy.targets(frame)  # it says what is wrong


def turns_of(strategy: SignalStrategy, frame: Frame, targets: Floats | None = None, start: int = 0) -> Whole:
    """The changes of a strategy's targets, as `SignalStrategy.targets` has them, from the row `start` on.

    targets: those of `targets_of`, where they are known already. Errors: InvalidValue.
    """
    found = targets_of(strategy, frame) if targets is None else targets
    first = max(strategy.warm_up, start)
    changes = changes_of(since_first_bars(frame, found), first)
    if changes is None:  # it says what is wrong
        changes = changes_of(since_first_bars(frame, strategy.targets(frame)), first)
        assert changes is not None  # checked by now
    return changes


class Turns:
    """The targets that change, step by step, asked for in the order of the steps.

    changes: of `turns_of`. rows: how many steps there are.
    """

    def __init__(self, changes: Whole, symbols: Sequence[Symbol], rows: int) -> None:
        turned, places = np.unique(changes[:, 0], return_index=True)
        self._rows: list[int] = [*turned.tolist(), rows]
        self._places = [*places.tolist(), len(changes)]
        # a memoryview gives plain numbers as they are asked for
        self._columns: Sequence[int] = changes[:, 1].copy().data
        self._targets: Sequence[float] = (changes[:, 2] / 1e9).data
        self._symbols = symbols
        self._next = 0

    def due(self, step: int) -> int:
        """The first step from this one on in which a target changes; one beyond the last if none does."""
        while self._rows[self._next] < step:
            self._next += 1
        return self._rows[self._next]

    def at(self, step: int) -> list[tuple[Symbol, float]]:
        """The targets that change in a step."""
        if self.due(step) != step:
            return []
        symbols, part = self._symbols, slice(self._places[self._next], self._places[self._next + 1])
        pairs = zip(self._columns[part], self._targets[part], strict=True)
        return [(symbols[column], target) for column, target in pairs]
