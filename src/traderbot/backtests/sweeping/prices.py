"""What the kernel is given, and what it gives back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


class Prices(NamedTuple):
    """Bars of some instruments side by side, a row for each time any of them has one; raw, read-only.

    table: int64 (T, N, 3), in billionths: the open, 0 where there is no bar, the last close, 0 before the
    first, and the volume. ages: int64 (T, N), microseconds since the last bar; (0, 0) where no bar is
    missing. ends: int64 (D,), the last row of each day. limits: int64 (3,), the age beyond which a close is
    not traded on, and the part of a volume that may be taken, as numerator and denominator.
    """

    table: Whole
    ages: Whole
    ends: Whole
    limits: Whole


class Played(NamedTuple):
    """status: PLAYED, or why the whole numbers do not hold the run. fills: int64 (k, 6), oldest first: row of
    the step, column of the instrument, shares (negative: sold), price, value and fee. paid: int64 (d, 3), the
    dividends: row, column and cash. cash, equity: at the end. held: shares at the end (N,). ordered: shares
    of all orders.
    """

    status: int
    fills: Whole
    paid: Whole
    cash: int
    equity: int
    held: Whole
    ordered: int
