"""Splits and dividends as columns beside bars, so that returns are right on the day they count."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import adjustment_factors
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Times
from traderbot.strategies.base import History

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()


def on_ex_dates(times: Times, actions: Sequence[CorporateAction]) -> tuple[Floats, Floats]:
    """New shares per old share and cash per old share, each float64 (n,), on the first bar of the ex-date or
    after it; what was before the first bar or is after the last counts nowhere.

    times: int64 (n,), microseconds UTC of the closes; one at midnight is of the day before.
    """
    splits, dividends = np.ones(len(times)), np.zeros(len(times))
    days = (times - 1) // _DAY
    for action in actions:
        day = action.ex_date.toordinal() - _EPOCH
        row = int(days.searchsorted(day))
        if row >= len(days) or (row == 0 and days[0] != day):
            continue
        if action.kind is ActionKind.SPLIT:
            splits[row] *= action.new / action.old
        elif action.amount is not None and action.kind is ActionKind.DIVIDEND:
            dividends[row] += float(action.amount)
    return splits, dividends


def adjusted(history: History, actions: Sequence[CorporateAction]) -> History:
    """The bars as if the splits and dividends given had always been: comparable with the last bar's prices.

    With what a context gives, `adjusted(ctx.history(symbol, 50), ctx.actions(symbol))`, only actions with an
    ex-date up to now count, so that nothing comes from the future. Volumes follow splits alone.
    """
    splits, dividends = on_ex_dates(history.times, actions)
    factors = adjustment_factors(history.closes, splits, dividends)
    later = np.append(np.cumprod(splits[:0:-1])[::-1], 1.0)[-len(splits) :] if len(splits) else splits
    return History(
        history.times,
        history.opens * factors,
        history.highs * factors,
        history.lows * factors,
        history.closes * factors,
        history.volumes * later,
    )
