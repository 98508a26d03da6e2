"""Real prices for these tests: 20 stocks of 1990 to 2022, as skfolio carries them."""

from functools import cache

import numpy as np

from traderbot.analytics.arrays import Floats


@cache
def stocks() -> Floats:
    """Daily returns, (8312, 20)."""
    from skfolio.datasets import load_sp500_dataset

    prices = load_sp500_dataset().to_numpy(dtype=np.float64)
    return np.asarray(prices[1:] / prices[:-1] - 1)
