"""Minimum variance: the long-only portfolio that has varied least."""

import numpy as np

from traderbot.analytics.allocation import minimum_variance
from traderbot.analytics.arrays import Floats
from traderbot.strategies.alignment import Marks
from traderbot.strategies.covariances import CovarianceStrategy, Rows


class MinimumVariance(CovarianceStrategy):
    """The weights, 0 or more and 1 in all, of least variance over the last `window` bars, set anew each
    period.

    Source: Markowitz 1952, doi:10.2307/2975974; Clarke, de Silva, Thorley 2006, Minimum-Variance Portfolios
            in the U.S. Equity Market, doi:10.3905/jpm.2006.661366.
    """

    name = "minimum-variance"

    def weights(self, returns: Floats, rows: Rows, known: Marks) -> Floats:
        found = np.full((len(rows), returns.shape[1]), np.nan)
        for place, row in enumerate(rows.tolist()):
            matrix = self.covariance(returns, row, known[row])
            members = np.flatnonzero(known[row])[matrix.diagonal() > 0.0]
            inside = np.ix_(matrix.diagonal() > 0.0, matrix.diagonal() > 0.0)
            if len(members):
                found[place, members] = minimum_variance(matrix[inside])
        return found
