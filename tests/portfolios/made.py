"""Books made by hand: one account without positions, whose equity and flows are given."""

from collections.abc import Sequence

import numpy as np

from traderbot.infra.ids import new_id
from traderbot.portfolios.track import Slice, TrackedLot
from traderbot.portfolios.tracks import Book

DAY = 86_400_000_000
START = 1_104_786_000_000_000  # 2005-01-03T21:00:00Z, a Monday


def book(equity: Sequence[float], flows: dict[int, float], every: int = 1) -> Book:
    """flows: by the close they count from, each of the moment of the close before. every: days from close to
    close; the first is a day after START.
    """
    none = np.array([], dtype=np.int64)
    times = START + DAY * every * (1 + np.arange(len(equity), dtype=np.int64))
    worth = np.round(np.array(equity, dtype=np.float64) * 1e6).astype(np.int64)
    closes = np.array(sorted(flows), dtype=np.int64)
    amounts = np.array([round(flows[int(close)] * 1e6) for close in closes], dtype=np.int64)
    return Book(
        account_id=new_id(), currency="USD", position=1, opened_at=START,
        times=times, equity=worth, cash=worth,
        flow_close=closes, flow_time=START + DAY * every * closes, flow_amount=amounts,
        value_close=none, value_slice=none, value=none, value_cost=none,
        entry_close=none, entry_time=none, entry_lot=none, entry_ledger=none, entry_amount=none,
        change_close=none, change_time=none, change_lot=none, change_shares=none, change_cost=none,
        lot_slice=np.zeros(1, dtype=np.int64), slices=(Slice("", ""),), lots=(TrackedLot(0, 0, None, 0),),
        marks={},
    )  # fmt: skip
