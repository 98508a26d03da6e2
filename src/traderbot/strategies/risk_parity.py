"""Risk parity: the long-only portfolio to whose risk every instrument contributes the same."""

import numpy as np

from traderbot.analytics.allocation import risk_parity
from traderbot.analytics.arrays import Floats
from traderbot.strategies.alignment import Marks
from traderbot.strategies.covariances import CovarianceStrategy, Rows

_CELLS_MAX = 4_000_000
"""Of all matrices that are solved together: 32 MB."""


class RiskParity(CovarianceStrategy):
    """Weights, 0 or more and 1 in all, with equal contributions to the variance of the last `window` bars,
    set anew each period.

    Source: Maillard, Roncalli, Teiletche 2010, The Properties of Equally Weighted Risk Contribution
            Portfolios, doi:10.3905/jpm.2010.36.4.060.
    """

    name = "risk-parity"

    def weights(self, returns: Floats, rows: Rows, known: Marks) -> Floats:
        found = np.full((len(rows), returns.shape[1]), np.nan)
        together = max(1, _CELLS_MAX // returns.shape[1] ** 2)
        for begin in range(0, len(rows), together):
            part = rows[begin : begin + together]
            matrices = np.zeros((len(part), returns.shape[1], returns.shape[1]))
            for place, row in enumerate(part.tolist()):
                inside = np.ix_(known[row], known[row])
                matrices[place][inside] = self.covariance(returns, row, known[row])
            members = known[part] & (np.einsum("rii->ri", matrices) > 0.0)
            weights = risk_parity(matrices, members)
            found[begin : begin + together] = np.where(members, weights, np.nan)
        return found
