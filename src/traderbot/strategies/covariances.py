"""What strategies that weigh by a covariance share: which rows, which instruments, which matrix."""

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.strategies.alignment import Marks, every, members_only, moves, settled, starts
from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy

Rows = NDArray[np.int64]


class CovarianceStrategy(SignalStrategy):
    """Weights that follow from the covariance of the returns of `window` bars, set anew each period.

    shrink: how far each covariance of two instruments is drawn towards 0. It makes the matrix invertible
    where there are more instruments than bars (Ledoit, Wolf 2004, doi:10.1016/S0047-259X(03)00096-4, with a
    constant in place of their estimate).
    """

    window = Whole(252, 10, 2_520)
    shrink = Real(0.1, 0.001, 1.0)
    every = every()

    @property
    def warm_up(self) -> int:
        return self.window

    def signal(self, frame: Frame) -> Floats:
        found = np.full(frame.growth.shape, np.nan)
        known = settled(frame, self.window) & frame.member
        rows = np.flatnonzero(starts(frame.times, self.every) & known.any(axis=1))
        if len(rows):
            found[rows] = self.weights(moves(frame) - 1.0, rows, known)
        return members_only(found, frame)

    def weights(self, returns: Floats, rows: Rows, known: Marks) -> Floats:
        """Weights of these rows, NaN for instruments that are not known."""
        raise NotImplementedError

    def covariance(self, returns: Floats, row: int, known: Marks) -> Floats:
        """That of the known instruments over the window which ends with a row."""
        window = np.ascontiguousarray(returns[row - self.window + 1 : row + 1, known])
        centred = window - window.mean(axis=0)
        matrix: Floats = (centred.T @ centred) * ((1.0 - self.shrink) / (self.window - 1))
        np.fill_diagonal(matrix, (centred * centred).sum(axis=0) / (self.window - 1))
        return matrix
